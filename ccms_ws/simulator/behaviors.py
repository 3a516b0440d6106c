"""What a simulated partner can do with one request: the words of a script, and how a seed chooses among them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from enum import StrEnum
from typing import Protocol

from ccms_ws.errors import ConfigError


class Behavior(StrEnum):
    """One way to deal with a request."""

    NORMAL = "normal"
    """Take the message and answer as its content asks for."""
    ACCEPT = "accept"
    """Take the message and find nothing wrong with it."""
    ERROR = "error"
    """Take the message and answer with an error message about all of it."""
    ITEMS = "items"
    """Take a batch and answer with an error message about its first item."""
    LATE = "late"
    """Take the message, and let a separate answer wait longer than usual."""
    TWICE = "twice"
    """Take the message, and deliver a separate answer twice."""
    STRAY = "stray"
    """Take the message, and answer one that never was: instead, in the HTTP response; too, if answers are separate."""
    SLOW = "slow"
    """Take the message, and keep the connection waiting."""
    CUT = "cut"
    """Take the message, and cut the connection instead of answering."""
    WRONG_SIGNER = "wrong-signer"
    """Take the message, and sign the answer with a key that the court does not trust."""
    EXPIRED = "expired"
    """Take the message, and answer with an envelope of an hour ago."""
    UNSIGNED = "unsigned"
    """Take the message, and answer without any signature."""
    FAULT = "fault"
    """Do not take the message: a signed fault that blames the partner."""
    CLIENT_FAULT = "client-fault"
    """Do not take the message: a signed fault that blames the court."""
    UNAVAILABLE = "503"
    """Do not take the message: HTTP 503 with Retry-After."""
    DROP = "drop"
    """Do not take the message: cut the connection before looking at it."""


_MISCHIEF = (
    Behavior.SLOW,
    Behavior.CUT,
    Behavior.DROP,
    Behavior.UNAVAILABLE,
    Behavior.FAULT,
    Behavior.WRONG_SIGNER,
    Behavior.EXPIRED,
    Behavior.UNSIGNED,
    Behavior.LATE,
    Behavior.TWICE,
    Behavior.STRAY,
)


class BehaviorSource(Protocol):
    """What a partner does next. May be asked by several threads."""

    def next(self) -> Behavior: ...


class Script:
    """The given acts, one a request, in the order in which requests come; after the last one all is normal."""

    def __init__(self, acts: Iterable[Behavior] = ()) -> None:
        self._acts = iter(tuple(acts))
        self._lock = threading.Lock()

    def next(self) -> Behavior:
        with self._lock:
            return next(self._acts, Behavior.NORMAL)


class RandomFaults:
    """Now and then something unkind, drawn with a seed; never a thing that the court could not recover from."""

    def __init__(self, seed: int, rate: float = 0.25) -> None:
        """`rate`: the share of requests that meets mischief."""
        self._chance = random.Random(seed)  # noqa: S311 - to be repeatable is the point
        self._rate = rate
        self._lock = threading.Lock()

    def next(self) -> Behavior:
        with self._lock:
            return self._chance.choice(_MISCHIEF) if self._chance.random() < self._rate else Behavior.NORMAL


def read_script(text: str) -> Script:
    """The script in `text`: acts with commas between them ("fault, fault, accept"). Raises ConfigError."""
    words = [word for word in (part.strip() for part in text.split(",")) if word]
    known = {act.value: act for act in Behavior}
    if unknown := [word for word in words if word not in known]:
        raise ConfigError(f"the script has no act {', '.join(unknown)}", hint=f"known: {', '.join(known)}")
    return Script(known[word] for word in words)
