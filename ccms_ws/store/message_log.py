"""The message log as those who answer questions write to it: what waits is written together, in one transaction.

A commit on a disk takes longer than all else about a question. So what arrives during a write is written with
all the others that came meanwhile, and each hears of its own entry when it is durable.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Sequence

from ccms_ws.domain.messages import IncomingMessage, StoredAnswer
from ccms_ws.errors import ConcurrentChange, StoreError, StoreUnavailable
from ccms_ws.store.unit_of_work import SqlUnitOfWork


class _Entry:
    """A message with its answer on its way into the log, and what came of it."""

    __slots__ = ("answer", "done", "error", "message")

    def __init__(self, message: IncomingMessage, answer: StoredAnswer) -> None:
        self.message = message
        self.answer = answer
        self.done = False
        self.error: StoreError | None = None


class GroupCommitLog:
    """`ccms_ws.domain.ports.MessageLog` on a database. Thread-safe."""

    def __init__(self, units: Callable[[], SqlUnitOfWork]) -> None:
        self._units = units
        self._waiting: list[_Entry] = []
        self._writing = False
        self._turn = threading.Condition()

    def keep(self, message: IncomingMessage, answer: StoredAnswer) -> None:
        """Write a new message with its answer, for good: it is durable when this returns.

        Raises ConcurrentChange if it was kept before, StoreError if it cannot be kept.
        """
        entry, group = _Entry(message, answer), list[_Entry]()
        with self._turn:
            self._waiting.append(entry)
            while self._writing and not entry.done:
                self._turn.wait()
            if not entry.done:
                self._writing, group, self._waiting = True, self._waiting, []
        if group:
            try:
                self._write(group)
            finally:
                with self._turn:
                    self._writing = False
                    for each in group:
                        each.done = True
                    self._turn.notify_all()
        if entry.error is not None:
            raise entry.error

    def _write(self, group: Sequence[_Entry]) -> None:
        """Together; if one of them cannot be stored, each by itself, so that it fails alone."""
        try:
            with self._units() as uow:
                new = uow.inbox.keep_all([(entry.message, entry.answer) for entry in group])
                uow.commit()
        except StoreError as error:
            if len(group) > 1 and not isinstance(error, StoreUnavailable):
                for entry in group:
                    self._write([entry])
                return
            for entry in group:
                entry.error = copy.copy(error)
            return
        except BaseException:
            for entry in group:
                entry.error = StoreError("the message log could not be written, see the log")
            raise
        for entry, kept in zip(group, new, strict=True):
            entry.error = None if kept else ConcurrentChange("the message was kept in the meantime")
