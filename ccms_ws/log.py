"""What the programs tell their operators: one line per message and outcome, for people or as JSON, nobody's data in it.

Bodies stand in the message record of the database and never in a log. A value that could hold a person's data is
replaced by `[redacted]`, by the name of its key or because it is not a plain value.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, Literal, TextIO
from uuid import UUID

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from ccms_ws.clock import Clock, SystemClock

REDACTED = "[redacted]"

# A key is private if one of its words is. Organisations are not persons, so their names may be logged.
_PRIVATE = re.compile(
    r"(?:^|_)(?:names?|given|surname|middle|suffix|birth|birthdate|dob|ssn|licen[cs]es?|dl|person|participants"
    r"|body|payload|raw|envelope|xml|content|password|secret|token)(?:_|$)",
    re.IGNORECASE,
)
_ALLOWED_KEYS = frozenset({"partner_name", "court_name", "logger_name", "file_name", "token_reference"})
_PLAIN = (str, int, float, bool, Decimal, UUID, date, Enum, type(None))

# Libraries that print messages, statements or what they are made of below these levels are kept quiet, whatever level
# is set for ccms_ws.
_QUIET = dict.fromkeys(("zeep", "urllib3", "sqlalchemy", "alembic"), logging.WARNING) | {"spyne": logging.CRITICAL}


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
    """While the block runs, every line of this thread (or task) carries what is given here."""
    facts = {"exchange": exchange, "message_id": message_id, "partner": partner, "incident_id": incident_id}
    before = _bound.set({**_bound.get(), **{key: value for key, value in facts.items() if value is not None}})
    try:
        yield
    finally:
        _bound.reset(before)


def configure_logging(
    level: str = "INFO",
    form: Literal["console", "json"] = "console",
    *,
    stream: TextIO | None = None,
    clock: Clock | None = None,
) -> None:
    """Send all lines, the libraries' too, to `stream` (standard error if None). Call it once, when a program starts.

    Our own lines do not take the way through the standard library's logging: it costs more than all else about a line.
    """
    stream = stream if stream is not None else sys.stderr
    handler = logging.StreamHandler(stream)
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
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library, least in _QUIET.items():
        logging.getLogger(library).setLevel(max(least, root.level))


class _Lines:
    """Where our own lines end: on the stream of the libraries' handler, and one line at a time with them."""

    def __init__(self, name: str, handler: logging.StreamHandler[TextIO]) -> None:
        self.name = name
        self._handler = handler

    def msg(self, line: str) -> None:
        with self._handler.lock or nullcontext():
            self._handler.stream.write(f"{line}\n")
            self._handler.flush()

    debug = info = warning = error = critical = exception = msg


def _merge(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What is bound, and whose line it is."""
    record = event.get("_record")  # of a line that came from a library
    return {**_bound.get(), "logger": record.name if record else logger.name, **event}


def printable(text: str) -> str:
    """Somebody else's words as they are, without what would steer a terminal, break a line or turn text around."""
    return text if text.isprintable() else "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def redact(logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replace what may be a person's data: private keys, and values that are not plain (a whole record, an element)."""
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


def _rendering(form: str, stream: TextIO) -> list[Processor]:
    if form == "json":
        encode = json.JSONEncoder(sort_keys=True, ensure_ascii=True, default=str).encode
        return [structlog.processors.format_exc_info, lambda _logger, _method, event: encode(dict(event))]
    console = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
    )
    return [console]
