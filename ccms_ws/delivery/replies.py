"""Answers that came back in the HTTP response: recorded as if the partner had sent them to the court's service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4, uuid5

import structlog
from lxml.etree import _Element

from ccms_ws.clients import Answer
from ccms_ws.contract.codes import CodeLists
from ccms_ws.dispatch import dispatch
from ccms_ws.domain.courts import Court
from ccms_ws.domain.law import Law
from ccms_ws.domain.messages import IncomingMessage, OutgoingMessage, QuarantinedAnswer, Refusal
from ccms_ws.domain.partners import Partner
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.envelope.canonical import canonical
from ccms_ws.errors import CcmsWsError, InternalError, MessageIdReused
from ccms_ws.exchange import Context, Exchange

log = structlog.get_logger(__name__)


class ReplyHandler:
    """Takes answers in for one court."""

    def __init__(self, *, exchanges: Sequence[Exchange], court: Court, law: Law, codes: CodeLists, test: bool) -> None:
        self._exchanges = {exchange.code: exchange for exchange in exchanges}
        self._court, self._law, self._codes = court, law, codes
        self._test = test

    def register(self, answer: Answer, sent: OutgoingMessage, partner: Partner, now: datetime) -> PendingReply:
        """`answer` to `sent`, ready to be recorded by a unit of work."""
        incoming = IncomingMessage(
            message_id=_message_id(answer, sent),
            partner_id=partner.partner_id,
            exchange=sent.exchange,
            root=str(answer.payload.tag),
            content_digest=sha256(canonical(answer.payload)).digest(),  # a fault's detail, not the fault
            raw=answer.raw,
            received_at=now,
            relates_to=answer.envelope.addressing.relates_to or "",
        )
        context = Context(
            court=self._court,
            law=self._law,
            codes=self._codes,
            partner=partner,
            now=now,
            test=self._test,
            message_id=incoming.message_id,
            reply_id=uuid4(),
            relates_to=sent.message_id,
        )
        return PendingReply(self._exchanges[sent.exchange], incoming, answer.payload, context)


@dataclass(frozen=True, slots=True)
class PendingReply:
    """One answer on its way into the court's books."""

    exchange: Exchange
    message: IncomingMessage
    payload: _Element
    context: Context

    def take_in(self, uow: UnitOfWork) -> None:
        """Record the answer and let its exchange handle it; one that was recorded before has no second effect.

        Raises whatever makes it unusable: nothing may then be committed.
        """
        if uow.inbox.receive(self.message) is not None:
            return
        outcome = dispatch(self.exchange, self.payload, self.context, uow)
        if outcome.error is not None:
            raise outcome.error
        uow.inbox.keep(self.message)

    def set_aside(self, error: Exception, uow: UnitOfWork) -> None:
        """Keep an unusable answer for the operator."""
        message, reason = self.message, error.code if isinstance(error, CcmsWsError) else InternalError.code
        log.warning("answer.set-aside", exchange=message.exchange, partner=message.partner_id, reason=reason)
        if isinstance(error, MessageIdReused):
            # Under this id another message is kept already.
            uow.inbox.refuse(self._refusal(error))
        elif uow.inbox.receive(message) is None:
            uow.inbox.keep(message)
            uow.inbox.quarantine(
                QuarantinedAnswer(message.message_id, message.partner_id, message.exchange, reason, message.received_at)
            )

    def _refusal(self, error: CcmsWsError) -> Refusal:
        message = self.message
        return Refusal(
            incident_id=uuid4(),
            at=message.received_at,
            address="",
            partner_id=message.partner_id,
            code=error.code,
            rule=error.rule,
            detail=error.detail,
            size=len(message.raw),
            digest=message.content_digest,
        )


def _message_id(answer: Answer, sent: OutgoingMessage) -> UUID:
    """The answer's own id. Partners may leave wsa:MessageID out or write another IRI: then an id that stays the same
    when the same message is answered again."""
    written = answer.envelope.addressing.message_id
    try:
        return UUID(written)
    except ValueError:
        return uuid5(sent.message_id, written)
