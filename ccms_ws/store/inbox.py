"""Incoming messages with their answers, refusals, quarantine: what `ccms_ws.domain.ports.Inbox` asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing

from ccms_ws.domain.messages import AnswerKind, IncomingMessage, QuarantinedAnswer, Refusal, StoredAnswer
from ccms_ws.errors import MessageIdReused, NotStored
from ccms_ws.store.message_tables import inbox_message, quarantined_answer, refusal

REFUSALS_KEPT = 10_000
_LONGEST_TEXT = 2_000

_i, _r, _q = inbox_message.c, refusal.c, quarantined_answer.c
_THIS = (_i.partner_id == bindparam("partner"), _i.message_id == bindparam("id"))
# Waits for another transaction that is taking in the same message. Understood by SQLite as it stands.
_RECEIVE = (
    insert_or_nothing(inbox_message)
    .on_conflict_do_nothing(index_elements=[_i.partner_id, _i.message_id])
    .returning(_i.inbox_id)
)
_KNOWN = select(
    _i.content_digest,
    func.coalesce(_i.answer_kind, AnswerKind.ACCEPTED),
    func.coalesce(_i.answer_id, _i.message_id),
    func.coalesce(_i.answer_body, b""),
    *(func.coalesce(column, "") for column in (_i.answer_action, _i.answer_error_code, _i.answer_error_reason)),
).where(*_THIS)
_ANSWER = (
    update(inbox_message)
    .where(*_THIS, _i.answer_kind.is_(None))
    .values(
        answer_kind=bindparam("kind"),
        answer_id=bindparam("reply_id"),
        answer_body=bindparam("body"),
        answer_action=bindparam("action"),
        answer_error_code=bindparam("error_code"),
        answer_error_reason=bindparam("error_reason"),
        answer_raw=bindparam("sealed"),
    )
)
_REFUSAL = select(
    *(_r.incident_id, _r.refused_at, _r.address, _r.partner_id, _r.code, _r.rule, _r.detail, _r.size, _r.digest)
).where(_r.incident_id == bindparam("id"))
_FORGET = delete(refusal).where(_r.refusal_id <= bindparam("last"))
_QUARANTINED = select(_q.message_id, _q.partner_id, _q.exchange, _q.reason, _q.received_at).order_by(_q.quarantine_id)


class SqlInbox:
    """Incoming messages, refusals and quarantine in the tables of `message_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def receive(self, message: IncomingMessage) -> StoredAnswer | None:
        """Take a message in, once for good: None if it is new, its stored answer if the same content came before.

        A message that was taken in without an answer counts as accepted. Of two transactions with the same message one
        waits for the other. Raises MessageIdReused if the partner used this id for other content.
        """
        row = {field.name: getattr(message, field.name) for field in fields(message)}
        if self._connection.execute(_RECEIVE, row).first() is not None:
            return None
        key = {"partner": message.partner_id, "id": message.message_id}
        digest, *answer = self._connection.execute(_KNOWN, key).one()
        if digest != message.content_digest:
            raise MessageIdReused
        return StoredAnswer(*answer)

    def answer(self, message: IncomingMessage, answer: StoredAnswer, raw: bytes) -> None:
        """Store the answer to a message received in this unit of work; `raw`: the sealed bytes as they are sent.

        Raises NotStored if the message was not received, or has its answer already.
        """
        values = {
            "partner": message.partner_id,
            "id": message.message_id,
            "kind": answer.kind,
            "reply_id": answer.message_id,
            "body": answer.body,
            "action": answer.action,
            "error_code": answer.error_code,
            "error_reason": answer.error_reason,
            "sealed": raw,
        }
        if self._connection.execute(_ANSWER, values).rowcount != 1:
            raise NotStored(f"there is no message {message.message_id} that waits for its answer")

    def refuse(self, refusal_: Refusal) -> None:
        """Keep a refusal; only the newest 10,000 stay."""
        row = {
            "incident_id": refusal_.incident_id,
            "refused_at": refusal_.at,
            "address": _harmless(refusal_.address),
            "partner_id": _harmless(refusal_.partner_id),
            "code": refusal_.code,
            "rule": _harmless(refusal_.rule),
            "detail": _harmless(refusal_.detail),
            "size": refusal_.size,
            "digest": refusal_.digest,
        }
        (number,) = self._connection.execute(insert(refusal).returning(_r.refusal_id), row).one()
        self._connection.execute(_FORGET, {"last": number - REFUSALS_KEPT})

    def get_refusal(self, incident_id: UUID) -> Refusal:
        row = self._connection.execute(_REFUSAL, {"id": incident_id}).first()
        if row is None:
            raise NotStored(f"there is no refusal {incident_id}, or it is too long ago")
        return Refusal(*row)

    def quarantine(self, answer: QuarantinedAnswer) -> None:
        row = {field.name: getattr(answer, field.name) for field in fields(answer)}
        self._connection.execute(insert(quarantined_answer), row)

    def quarantined(self) -> Sequence[QuarantinedAnswer]:
        """All answers in quarantine, oldest first."""
        return [QuarantinedAnswer(*row) for row in self._connection.execute(_QUARANTINED)]


def _harmless(text: str) -> str:
    """What a stranger may have written, in characters that every database takes, and not more than a page of it."""
    return text[:_LONGEST_TEXT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
