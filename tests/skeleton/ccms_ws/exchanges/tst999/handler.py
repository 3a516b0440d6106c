"""TST999: what the court sends, and what follows when an error message comes. It keeps no records of its own."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ExchangeError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.tst999.messages import Notice, NoticeError
from ccms_ws.message_parts.metadata import MessageKind, first_metadata
from ccms_ws.tracking import Acceptance, PartnerVerdict


def compose(case_number: str, context: Context, _uow: UnitOfWork) -> Notice:
    """The notice about a case."""
    return Notice(metadata=first_metadata("TST999", context, MessageKind.NOTIFICATION), case_number=case_number)


def ordering_keys(notice: Notice) -> Sequence[str]:
    """Notices about one case are delivered in the order in which they were made."""
    return [f"{notice.metadata.court_ori}/{notice.case_number}"]


def take_error(error: NoticeError, _message_id: UUID, _context: Context, _uow: UnitOfWork) -> PartnerVerdict:
    """The partner could not process the notice."""
    return PartnerVerdict(Acceptance.IN_ERROR, error.problem.code, error.problem.reason)


def recompose(_message_id: UUID, _context: Context, _uow: UnitOfWork) -> Notice:
    raise ExchangeError("a notice can only be sent again as it is")
