"""TST999: what the court sends, and what follows when an error message comes. It keeps no records of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ccms_ws.domain.messages import QuarantinedAnswer
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ExchangeError, NotStored
from ccms_ws.exchange import Context
from ccms_ws.exchanges.tst999.messages import Notice, NoticeError
from ccms_ws.message_parts.metadata import MessageKind, first_metadata


def compose(case_number: str, context: Context, _uow: UnitOfWork) -> Notice:
    """The notice about a case."""
    return Notice(metadata=first_metadata("TST999", context, MessageKind.NOTIFICATION), case_number=case_number)


def ordering_keys(notice: Notice) -> Sequence[str]:
    """Notices about one case are delivered in the order in which they were made."""
    return [f"{notice.metadata.court_ori}/{notice.case_number}"]


def take_error(_error: NoticeError, context: Context, uow: UnitOfWork) -> None:
    """An error message about something that the court has not sent is kept, and nothing follows from it."""
    try:
        uow.outbox.get(context.relates_to or UUID(int=0))
    except NotStored:
        reason = "it answers no notice of this court"
        partner_id = context.partner.partner_id
        uow.inbox.quarantine(QuarantinedAnswer(context.message_id, partner_id, "TST999", reason, context.now))


def on_delivered(_message_id: UUID, _at: datetime, _answer_due_at: datetime | None, _uow: UnitOfWork) -> None: ...
def on_dead(_message_id: UUID, _reason: str, _uow: UnitOfWork) -> None: ...
def on_timeout(_now: datetime, _uow: UnitOfWork) -> int:
    return 0


def on_resend(_message_id: UUID, _uow: UnitOfWork) -> None: ...
def on_discard(_message_id: UUID, _reason: str, _uow: UnitOfWork) -> None: ...
def recompose(_message_id: UUID, _context: Context, _uow: UnitOfWork) -> Notice:
    raise ExchangeError("a notice can only be sent again as it is")
