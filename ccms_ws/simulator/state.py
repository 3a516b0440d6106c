"""What a simulated partner remembers: every message id with the answer given, what is still to be sent, and what its
responders have on file.

The same message again gets the same answer and has no second effect, also after a restart if the memory is a file.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_LONGEST_WAIT = timedelta(hours=1)
_TABLES = """
CREATE TABLE IF NOT EXISTS received (
    message_id TEXT PRIMARY KEY, digest BLOB NOT NULL, exchange TEXT NOT NULL, outcome TEXT NOT NULL,
    position INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS answer (
    answer_id TEXT PRIMARY KEY, message_id TEXT NOT NULL, exchange TEXT NOT NULL, is_error INTEGER NOT NULL,
    body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS errand (
    errand INTEGER PRIMARY KEY AUTOINCREMENT, answer_id TEXT NOT NULL REFERENCES answer, due_at TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, first_try TEXT NOT NULL DEFAULT 'normal', outcome TEXT);
CREATE TABLE IF NOT EXISTS fact (fact TEXT PRIMARY KEY);
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the partner says to a message. `body`: the payload as bytes; ids are UUIDs in their text form."""

    answer_id: str
    message_id: str
    exchange: str
    is_error: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message seen before: what became of it, and the answer if it had one."""

    digest: bytes
    outcome: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Callback:
    """An answer on its way to the court as a message of its own."""

    number: int
    answer: Answer
    attempts: int
    first_try: str


class PartnerState:
    """One partner's memory. Every call may come from any thread."""

    def __init__(self, path: Path | None = None) -> None:
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._lock = threading.RLock()
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    @contextmanager
    def changes(self) -> Iterator[None]:
        """All or nothing of what happens inside, one thread at a time."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it, or left it open at its COMMIT
                    self._connection.execute("ROLLBACK")
                raise

    # -- messages -----------------------------------------------------------------------------------------------------
    def recall(self, message_id: str) -> ReceivedMessage | None:
        """What is known of a message id; counts the meeting."""
        row = self._one("SELECT digest, outcome FROM received WHERE message_id = ?", message_id)
        if row is None:
            return None
        self._connection.execute("UPDATE received SET times = times + 1 WHERE message_id = ?", (message_id,))
        digest, outcome = row
        return ReceivedMessage(digest, outcome, self._answer_to(message_id))

    def remember(self, message_id: str, digest: bytes, exchange: str, outcome: str, answer: Answer | None) -> None:
        self._connection.execute(
            "INSERT INTO received (message_id, digest, exchange, outcome, position)"
            " VALUES (?, ?, ?, ?, (SELECT count(*) + 1 FROM received))",
            (message_id, digest, exchange, outcome),
        )
        if answer is not None:
            self.keep(answer)

    def keep(self, answer: Answer) -> None:
        self._connection.execute(
            "INSERT INTO answer (answer_id, message_id, exchange, is_error, body) VALUES (?, ?, ?, ?, ?)",
            (answer.answer_id, answer.message_id, answer.exchange, answer.is_error, answer.body),
        )

    def tally(self) -> list[tuple[str, str, str, int]]:
        """Every message taken, in the order of arrival: id, exchange, outcome and how often it came."""
        with self._lock:
            select = "SELECT message_id, exchange, outcome, times FROM received ORDER BY position"
            return self._connection.execute(select).fetchall()

    # -- errands ------------------------------------------------------------------------------------------------------
    def send_later(self, answer: Answer, due_at: datetime, first_try: str = "normal") -> None:
        self._connection.execute(
            "INSERT INTO errand (answer_id, due_at, first_try) VALUES (?, ?, ?)",
            (answer.answer_id, due_at.isoformat(), first_try),
        )

    def next_errand(self, now: datetime) -> Callback | None:
        """The errand that has been due for longest. One that is due in a long time was written by a clock ahead."""
        row = self._one(
            "SELECT errand, attempts, first_try, answer_id, message_id, exchange, is_error, body"
            " FROM errand JOIN answer USING (answer_id)"
            " WHERE outcome IS NULL AND (due_at <= ? OR due_at > ?) ORDER BY due_at, errand LIMIT 1",
            *(now.isoformat(), (now + _LONGEST_WAIT).isoformat()),
        )
        if row is None:
            return None
        number, attempts, first_try, answer_id, message_id, exchange, is_error, body = row
        return Callback(number, Answer(answer_id, message_id, exchange, bool(is_error), body), attempts, first_try)

    def put_off(self, errand: Callback, due_at: datetime) -> None:
        self._execute(
            "UPDATE errand SET attempts = attempts + 1, due_at = ? WHERE errand = ?", due_at.isoformat(), errand.number
        )

    def finish(self, errand: Callback, outcome: str) -> None:
        self._execute("UPDATE errand SET attempts = attempts + 1, outcome = ? WHERE errand = ?", outcome, errand.number)

    def open_errands(self) -> int:
        row = self._one("SELECT count(*) FROM errand WHERE outcome IS NULL")
        return int(row[0]) if row else 0

    def errands(self) -> list[str | None]:
        """What became of every errand, in the order of their making; None: it is still to be run."""
        with self._lock:
            return [row[0] for row in self._connection.execute("SELECT outcome FROM errand ORDER BY errand")]

    # -- what a responder has on file ---------------------------------------------------------------------------------
    def knows(self, fact: str) -> bool:
        return self._one("SELECT 1 FROM fact WHERE fact = ?", fact) is not None

    def set_known(self, fact: str, present: bool) -> None:
        statement = "INSERT OR IGNORE INTO fact VALUES (?)" if present else "DELETE FROM fact WHERE fact = ?"
        self._execute(statement, fact)

    def _answer_to(self, message_id: str) -> Answer | None:
        row = self._one("SELECT answer_id, exchange, is_error, body FROM answer WHERE message_id = ?", message_id)
        return Answer(row[0], message_id, row[1], bool(row[2]), row[3]) if row else None

    def _one(self, statement: str, *values: object) -> Any:
        with self._lock:
            return self._connection.execute(statement, values).fetchone()

    def _execute(self, statement: str, *values: object) -> None:
        with self._lock:
            self._connection.execute(statement, values)
