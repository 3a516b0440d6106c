"""FCC807: find whom the partner means, see whether it may know, say what the ledger says."""

from __future__ import annotations

import structlog

from ccms_ws.domain.ledger import balance_of
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ExchangeError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.fcc807.access_policy import scope_of
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Query, Rejection, RejectionReason, Response
from ccms_ws.exchanges.fcc807.search import NoSingleMatch, find_subject
from ccms_ws.message_parts.metadata import MessageKind, Metadata, reply_metadata

log = structlog.get_logger(__name__)


class CourtUnknown(ExchangeError):
    """The query names a court that this endpoint does not serve."""

    code = "exchange.court-unknown"


class AsOfDateInFuture(ExchangeError):
    """A balance cannot be asked for a day that has not come."""

    code = "exchange.as-of-date-in-future"


def handle(query: Query, context: Context, uow: UnitOfWork) -> Response:
    """The balance, or the rejection with its reason. Raises ExchangeError for a query that cannot be processed."""
    if query.court_ori != context.court.ori:
        raise CourtUnknown
    as_of = query.as_of or context.today
    if as_of > context.today:
        raise AsOfDateInFuture
    metadata = reply_metadata("FCC807", "1.0", context, MessageKind.RESPONSE)
    if query.unit is not context.partner.unit:
        return _rejection(metadata, RejectionReason.NOT_AUTHORIZED, context)
    scope, style = scope_of(context.partner), context.court.case_numbers
    try:
        subject = find_subject(query, uow.participants, scope, style)
    except NoSingleMatch as no_match:
        # Always a line, of one length: a sender who measures the time must not learn which of the two it is.
        log.info(
            "fcc807.rejected", answered=no_match.reason.value, truly="withheld" if no_match.on_file else "notfound"
        )
        return _rejection(metadata, no_match.reason, context)
    entries = uow.books.ledger(query.court_ori, subject.case_number, subject.participant.participant_id)
    if not entries:
        return _rejection(metadata, RejectionReason.NO_FINANCIAL_RECORD, context)
    balance = balance_of(entries, as_of, context.law.vacated_debt)
    return BalanceFound(metadata=metadata, subject=subject, balance=balance)


def _rejection(metadata: Metadata, reason: RejectionReason, context: Context) -> Rejection:
    """In the words of the court's own list."""
    return Rejection(metadata=metadata, reason=reason, sentence=context.codes["fcc807-rejection-reasons"][reason].text)
