"""Sessions, limits on wrong passwords, and the token of a form (CSRF). All of it in the memory of this process."""

from __future__ import annotations

import hmac
import secrets
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ccms_ws.clock import Clock
from ccms_ws.console.operators import OperatorAccount, Operators

GUESSES: Final = 5
LOCKED_FOR: Final = timedelta(hours=1)
MOST_SESSIONS: Final = 200
ATTEMPTS: Final = 30
ATTEMPTS_WITHIN: Final = timedelta(minutes=10)
"""From one address, for all names together."""
MOST_ADDRESSES: Final = 1000
SIGNING_IN: Final = 2
"""Passwords that are checked at the same time: fewer than the console has threads."""


@dataclass(slots=True)
class Session:
    """One browser in which an operator is signed in. `seen`: the time of its last request."""

    operator: OperatorAccount
    began: datetime
    seen: datetime


class Sessions:
    """The sessions by their ids, which only this class makes: an id from a request never becomes one."""

    def __init__(self, clock: Clock, *, idle: timedelta, longest: timedelta) -> None:
        self._clock = clock
        self._idle = idle
        self._longest = longest
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def begin(self, operator: OperatorAccount) -> str:
        """The id of a new session."""
        now, new = self._clock.now(), new_id()
        with self._lock:
            kept = [(each, session) for each, session in self._sessions.items() if self._lives(session, now)]
            self._sessions = dict(kept[1 - MOST_SESSIONS :])
            self._sessions[new] = Session(operator, now, now)
        return new

    def find(self, session_id: str, operators: Operators) -> Session | None:
        """The session, if it has not ended; it does when its operator's entry is changed or removed."""
        now = self._clock.now()
        session = self._sessions.get(session_id)
        if session is None:
            return None
        if not self._lives(session, now) or operators.all().get(session.operator.name) != session.operator:
            self.end(session_id)
            return None
        session.seen = now
        return session

    def end(self, session_id: str) -> None:
        with self._lock:
            self._sessions.pop(session_id, None)

    def _lives(self, session: Session, now: datetime) -> bool:
        return now < session.seen + self._idle and now < session.began + self._longest


class Guesses:
    """Counts wrong passwords, for existing names only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: dict[str, tuple[int, datetime]] = {}
        self._lock = threading.Lock()

    def may_try(self, name: str) -> bool:
        """Count one guess before it is checked, so that concurrent guesses are limited too. False: locked."""
        now = self._clock.now()
        with self._lock:
            count, last = self._failed.get(name, (0, now))
            if now >= last + LOCKED_FOR:
                count = 0
            if count >= GUESSES:
                return False
            self._failed[name] = (count + 1, now)
            return True

    def forget(self, name: str) -> None:
        """Forget the wrong guesses: the password was right."""
        with self._lock:
            self._failed.pop(name, None)


class Addresses:
    """Counts attempts to sign in by the client's address, whatever the name, and limits concurrent ones.

    Checking a password takes a sixth of a second and 32 MB: it must not delay operators who are signed in.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._attempts: dict[str, tuple[datetime, int]] = {}
        self._lock = threading.Lock()
        self.places = threading.BoundedSemaphore(SIGNING_IN)
        """Acquired without waiting: a request that finds none is refused."""

    def may_try(self, address: str) -> bool:
        """Count one attempt. False: too many in the last minutes."""
        now = self._clock.now()
        with self._lock:
            self._attempts = {
                each: (since, count) for each, (since, count) in self._attempts.items() if now < since + ATTEMPTS_WITHIN
            }
            if address not in self._attempts and len(self._attempts) >= MOST_ADDRESSES:
                return False
            since, count = self._attempts.get(address, (now, 0))
            self._attempts[address] = (since, count + 1)
            return count < ATTEMPTS


class FormTokens:
    """The token in a form, made from the browser's cookie: nothing is stored for visitors who are not signed in."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def token(self, cookie: str) -> str:
        return hmac.new(self._secret, cookie.encode(), "sha256").hexdigest()

    def fits(self, token: str, cookie: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token(cookie).encode())


def new_id() -> str:
    """A random value that cannot be guessed, for a cookie."""
    return secrets.token_urlsafe(32)


def is_id(cookie: str) -> bool:
    """Whether it could have been made by `new_id`."""
    return len(cookie) == 43 and cookie.isascii()
