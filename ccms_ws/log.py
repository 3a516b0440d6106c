"""The log of the programs: one line for each message and outcome, as text or JSON, without personal data.

Bodies are stored in the message log of the database and never written here. A value that could hold personal data is
replaced by `[redacted]`, by the name of its key or because it is not a plain value.

Logging never stops a program: a line that cannot be written is dropped and counted (`LineWriter`).
"""

from __future__ import annotations

import json
import logging
import os
import re
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, TextIO
from uuid import UUID
from weakref import WeakSet

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from ccms_ws.clock import Clock, SystemClock

REDACTED = "[redacted]"

# A key is private if one of its words is. Organizations are not persons, so their names may be logged.
_PRIVATE = re.compile(
    r"(?:^|_)(?:names?|given|surname|middle|suffix|birth|birthdate|dob|ssn|licen[cs]es?|dl|person|participants"
    r"|body|payload|raw|envelope|xml|content|password|secret|token)(?:_|$)",
    re.IGNORECASE,
)
_ALLOWED_KEYS = frozenset({"partner_name", "court_name", "logger_name", "file_name", "token_reference"})
_PLAIN = (str, int, float, bool, Decimal, UUID, date, Enum, type(None))

# Libraries that print messages, statements or parameters below these levels keep these levels, whatever level is set
# for ccms_ws.
_QUIET = dict.fromkeys(("zeep", "urllib3", "sqlalchemy", "alembic"), logging.WARNING) | {"spyne": logging.CRITICAL}

_READER_PATIENCE: Final = 0.2
"""Seconds to wait for a reader that is slow to read the log."""

_bound: Final[ContextVar[Mapping[str, object]]] = ContextVar("bound", default=MappingProxyType({}))


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of a module: `log = get_logger(__name__)`; events are short sentences, facts are keywords."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


@contextmanager
def bound(
    *,
    exchange: str | None = None,
    message_id: UUID | str | None = None,
    partner: str | None = None,
    incident_id: UUID | str | None = None,
) -> Iterator[None]:
    """While the block runs, every line of this thread (or task) has these fields."""
    facts = {"exchange": exchange, "message_id": message_id, "partner": partner, "incident_id": incident_id}
    before = _bound.set({**_bound.get(), **{key: value for key, value in facts.items() if value is not None}})
    try:
        yield
    finally:
        _bound.reset(before)


class LineWriter(logging.Handler):
    """Writes lines of ccms_ws and of libraries to a stream. It never raises, and never waits for long.

    A line is dropped and counted in `dropped` if the stream is closed, its disk is full, or its reader has stopped
    reading. The first line that can be written again is followed by one with the number of dropped lines.
    """

    def __init__(self, stream: TextIO | None, dropped: int = 0) -> None:
        """`dropped`: the lines dropped by the previous writer of the same program."""
        super().__init__()
        self.dropped = dropped
        self._reported = dropped
        self._stream = stream
        self._descriptor = _descriptor_of(stream)
        self._is_patient = True
        self._is_cut = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # a formatting error in a library's message
            self.dropped += 1
            return
        self.write(line)

    def write(self, line: str) -> None:
        with self.lock or nullcontext():
            if not self._written(f"{line}\n"):
                self.dropped += 1
                return
            missing, self._reported = self.dropped - self._reported, self.dropped
        if missing:
            get_logger(__name__).warning("log.lines-dropped", lines=missing)

    def _written(self, text: str) -> bool:
        try:
            if self._descriptor is not None:
                return self._written_to(self._descriptor, text.encode("utf-8", "backslashreplace"))
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
                return True
        except (OSError, ValueError):
            pass
        return False

    def _written_to(self, descriptor: int, data: bytes) -> bool:
        """Bypass the buffer of the stream, which would keep what it cannot write and fail again at exit."""
        data = b"\n" + data if self._is_cut else data
        length = len(data)
        while data:
            if not self._is_writable(descriptor):
                self._is_cut = self._is_cut or len(data) < length
                return False
            data = data[os.write(descriptor, data[: select.PIPE_BUF]) :]
        self._is_cut = False
        return True

    def _is_writable(self, descriptor: int) -> bool:
        """Whether a write would not block. Wait a little for a slow reader, but only once for one that has stopped."""
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        self._is_patient = bool(poll.poll(_READER_PATIENCE * 1000 if self._is_patient else 0))
        return self._is_patient


def _descriptor_of(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError):
        return None  # in memory


def dropped_lines() -> int:
    """The number of log lines that this program could not write."""
    return sum(handler.dropped for handler in logging.getLogger().handlers if isinstance(handler, LineWriter))


class Limited:
    """A logger for events that an unauthenticated sender or an outage can cause without bound.

    Of each event at most `most` lines are written in `seconds`. The others are counted: the next line has their number
    as `unwritten`, or `report_unwritten` writes it.
    """

    def __init__(
        self,
        logger: FilteringBoundLogger,
        *,
        most: int = 10,
        seconds: float = 60.0,
        time: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logger = logger
        self._most = most
        self._seconds = seconds
        self._time = time
        self._lock = threading.Lock()
        self._events: dict[str, _Written] = {}
        _LIMITED.add(self)

    def warning(self, event: str, **facts: object) -> None:
        self._write(self._logger.warning, event, facts)

    def error(self, event: str, **facts: object) -> None:
        self._write(self._logger.error, event, facts)

    def report(self) -> None:
        """Write how many lines were left out, for each event whose interval is over."""
        with self._lock:
            over = [each for each, seen in self._events.items() if self._time() >= seen.since + self._seconds]
            left_out = {each: self._events.pop(each).unwritten for each in over}
        for event, lines in left_out.items():
            if lines:
                self._logger.warning("log.lines-left-out", about=event, lines=lines)

    def reset(self) -> None:
        """Count from zero again."""
        with self._lock:
            self._events.clear()

    def _write(self, write: Callable[..., object], event: str, facts: dict[str, object]) -> None:
        now = self._time()
        with self._lock:
            seen = self._events.setdefault(event, _Written(now))
            before = 0
            if now >= seen.since + self._seconds:
                before = seen.unwritten
                seen = self._events[event] = _Written(now)
            if seen.lines >= self._most:
                seen.unwritten += 1
                return
            seen.lines += 1
        write(event, **facts, **({"unwritten": before} if before else {}))


@dataclass(slots=True)
class _Written:
    """The lines of one event: how many were written since when, and how many were not."""

    since: float
    lines: int = 0
    unwritten: int = 0


_LIMITED: Final[WeakSet[Limited]] = WeakSet()


def report_unwritten() -> None:
    """Write how many lines all `Limited` loggers have left out. To be called from time to time."""
    for each in list(_LIMITED):
        each.report()


def reset_limits() -> None:
    """Reset the counts of all `Limited` loggers."""
    for each in list(_LIMITED):
        each.reset()


def configure_logging(
    level: str = "INFO",
    form: Literal["console", "json"] = "console",
    *,
    stream: TextIO | None = None,
    clock: Clock | None = None,
) -> None:
    """Send all lines, the libraries' too, to `stream` (standard error if None). Call it once, when a program starts.

    Lines of ccms_ws bypass the standard library's logging, which costs more than everything else about a line.
    """
    reset_limits()
    stream = stream if stream is not None else sys.stderr
    handler = LineWriter(stream, dropped_lines())
    before: list[Processor] = [_merge, structlog.stdlib.add_log_level, _stamp(clock or SystemClock()), redact]
    rendering = _rendering(form, stream)
    structlog.configure(
        processors=[*before, *rendering],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda name="": _Lines(name, handler),
        cache_logger_on_first_use=False,
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering],
        )
    )
    logging.raiseExceptions = False  # a library's handler that cannot write is silent, too
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library, least in _QUIET.items():
        logging.getLogger(library).setLevel(max(least, root.level))


class _Lines:
    """Sends lines of ccms_ws to the libraries' handler, one line at a time with theirs."""

    def __init__(self, name: str, writer: LineWriter) -> None:
        self.name = name
        self.msg = self.debug = self.info = self.warning = self.error = writer.write
        self.critical = self.exception = writer.write


def _merge(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the bound fields and the name of the logger."""
    record = event.get("_record")  # of a line that came from a library
    return {**_bound.get(), "logger": record.name if record else logger.name, **event}


def printable(text: str) -> str:
    """Text of others without control characters, line breaks and changes of writing direction."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def redact(logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replace possible personal data: private keys, and values that are not plain (a whole record, an element)."""
    for key, value in event.items():
        if key.startswith("_") or key in ("exc_info", "stack_info"):
            continue
        event[key] = REDACTED if _is_private(key) else _plain(value)
    return event


@lru_cache(1024)
def _is_private(key: str) -> bool:
    return key not in _ALLOWED_KEYS and _PRIVATE.search(key) is not None


def _plain(value: Any) -> Any:
    if type(value) is str and value.isprintable():
        return value
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str):
        # One event, one line: a line break in a value must not look like another event.
        return value if value.isprintable() else value.encode("unicode_escape").decode("ascii")
    if isinstance(value, _PLAIN):
        return value if isinstance(value, int | float | None) else str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return f"[{type(value).__name__}]"


def _stamp(clock: Clock) -> Processor:
    def stamp(logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        event["at"] = clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return event

    return stamp


def _rendering(form: str, stream: TextIO | None) -> list[Processor]:
    if form == "json":
        encode = json.JSONEncoder(sort_keys=True, ensure_ascii=True, default=str).encode
        return [structlog.processors.format_exc_info, lambda _logger, _method, event: encode(dict(event))]
    console = structlog.dev.ConsoleRenderer(
        colors=_is_terminal(stream), timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
    )
    return [console]


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False  # it is closed
