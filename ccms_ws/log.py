"""What the programs tell their operators: one line per message and outcome, for people or as JSON, nobody's data in it.

Bodies stand in the message record of the database and never in a log. A value that could hold a person's data is
replaced by `[redacted]`, by the name of its key or because it is not a plain value.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TextIO
from uuid import UUID

import structlog
from structlog.typing import Processor

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

# Libraries that print messages or statements at these levels are kept quiet, whatever level is set for ccms_ws.
_QUIET = {"zeep": logging.WARNING, "spyne": logging.CRITICAL, "urllib3": logging.WARNING, "sqlalchemy": logging.WARNING}


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module: `log = get_logger(__name__)`; events are short sentences, facts are keywords."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def bound(
    *,
    exchange: str | None = None,
    message_id: UUID | str | None = None,
    partner: str | None = None,
    incident_id: UUID | str | None = None,
) -> AbstractContextManager[object]:
    """While the block runs, every line of this thread (or task) carries what is given here."""
    context = {"exchange": exchange, "message_id": message_id, "partner": partner, "incident_id": incident_id}
    return structlog.contextvars.bound_contextvars(
        **{key: value for key, value in context.items() if value is not None}
    )


def configure_logging(
    level: str = "INFO",
    form: Literal["console", "json"] = "console",
    *,
    stream: TextIO | None = None,
    clock: Clock | None = None,
) -> None:
    """Send all lines, the libraries' too, to `stream` (standard error if None). Call it once, when a program starts."""
    stream = stream if stream is not None else sys.stderr
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _stamp(clock or SystemClock()),
        redact,
    ]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(form, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library, least in _QUIET.items():
        logging.getLogger(library).setLevel(max(least, root.level))


def redact(logger: object, method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Replace what may be a person's data: private keys, and values that are not plain (a whole record, an element)."""
    for key, value in event.items():
        if key.startswith("_") or key in ("exc_info", "stack_info"):
            continue
        event[key] = REDACTED if _is_private(key) else _plain(value)
    return event


def _is_private(key: str) -> bool:
    return key not in _ALLOWED_KEYS and _PRIVATE.search(key) is not None


def _plain(value: Any) -> Any:
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
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=True)]
    console = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(), timestamp_key="at", exception_formatter=structlog.dev.plain_traceback
    )
    return [console]
