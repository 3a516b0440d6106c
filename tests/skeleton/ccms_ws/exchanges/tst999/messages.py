"""The messages of TST999 as values."""

from __future__ import annotations

from dataclasses import dataclass

from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something was entered on a case."""

    metadata: Metadata
    case_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeError:
    """The partner could not process a notice."""

    metadata: Metadata
    notice_id: str
    problem: ErrorBlock
