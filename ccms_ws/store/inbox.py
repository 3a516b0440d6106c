"""Incoming messages with their answers, refusals, quarantine: what `ccms_ws.domain.ports.Inbox` asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing

from ccms_ws.domain.messages import AnswerKind, IncomingMessage, QuarantinedAnswer, Refusal, StoredAnswer
from ccms_ws.errors import ConcurrentChange, MessageIdReused, NotStored
from ccms_ws.store.chain_tables import EntryKind
from ccms_ws.store.chains import note
from ccms_ws.store.message_tables import inbox_message, quarantined_answer, refusal
from ccms_ws.store.prepared import Prepared
from ccms_ws.store.turns import take_turns

REFUSALS_KEPT = 10_000
_LONGEST_TEXT = 2_000

_i, _r, _q = inbox_message.c, refusal.c, quarantined_answer.c
_KNOWN = Prepared(
    select(
        _i.content_digest,
        func.coalesce(_i.answer_kind, AnswerKind.ACCEPTED),
        func.coalesce(_i.answer_id, _i.message_id),
        func.coalesce(_i.answer_raw, b""),
        *(func.coalesce(column, "") for column in (_i.answer_action, _i.answer_error_code, _i.answer_error_reason)),
    ).where(_i.partner_id == bindparam("partner"), _i.message_id == bindparam("id"))
)
_KEEP = Prepared(
    insert_or_nothing(inbox_message)
    .on_conflict_do_nothing(index_elements=[_i.partner_id, _i.message_id])
    .returning(_i.inbox_id),
    [column.key for column in _i if column.key != "inbox_id"],
)
_MESSAGE = [field.name for field in fields(IncomingMessage)]
_REFUSAL = select(
    *(_r.incident_id, _r.refused_at, _r.address, _r.partner_id, _r.code, _r.rule, _r.detail, _r.size, _r.digest)
).where(_r.incident_id == bindparam("id"))
_FORGET = delete(refusal).where(_r.refusal_id <= bindparam("last"))
_QUARANTINE = insert(quarantined_answer).returning(_q.quarantine_id)
_QUARANTINED = select(_q.message_id, _q.partner_id, _q.exchange, _q.reason, _q.received_at).order_by(_q.quarantine_id)


class SqlInbox:
    """Incoming messages, refusals and quarantine in the tables of `message_tables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find_answer(self, message: IncomingMessage) -> StoredAnswer | None:
        """The stored answer if the same content came before under this id, None if the message is new.

        A message that was kept without an answer counts as accepted. Raises MessageIdReused if the partner used this id
        for other content.
        """
        known = _KNOWN.first(self._connection, partner=message.partner_id, id=message.message_id)
        if known is None:
            return None
        if known[0] != message.content_digest:
            raise MessageIdReused
        return StoredAnswer(*known[1:])

    def receive(self, message: IncomingMessage) -> StoredAnswer | None:
        """As `find_answer`; of two units of work with the same message one waits here for the other."""
        take_turns(self._connection, [f"inbox {message.partner_id} {message.message_id}"])
        return self.find_answer(message)

    def keep(self, message: IncomingMessage, answer: StoredAnswer | None = None) -> None:
        """Write a new message with its answer into the message log, for good; None: it got none.

        Raises ConcurrentChange if another unit of work kept it in the meantime.
        """
        if not all(self.keep_all([(message, answer)])):
            raise ConcurrentChange("the message was kept in the meantime")

    def keep_all(self, entries: Iterable[tuple[IncomingMessage, StoredAnswer | None]]) -> list[bool]:
        """As `keep`, several at once: which of them were new. The others were kept in the meantime."""
        new = []
        for message, answer in entries:
            row = _row(message, answer)
            kept = _KEEP.first(self._connection, **row)
            if kept is not None:
                note(self._connection, EntryKind.INCOMING, kept[0], 0, row)
            new.append(kept is not None)
        return new

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
            raise NotStored(
                f"there is no refusal {incident_id}, or it is too long ago",
                hint="ccms-ws messages list --outcome refused shows those that are kept",
            )
        return Refusal(*row)

    def quarantine(self, answer: QuarantinedAnswer) -> None:
        row = {field.name: getattr(answer, field.name) for field in fields(answer)}
        number = self._connection.execute(_QUARANTINE, row).scalar_one()
        note(self._connection, EntryKind.QUARANTINED, number, 0, row)

    def quarantined(self) -> Sequence[QuarantinedAnswer]:
        """All answers in quarantine, oldest first."""
        return [QuarantinedAnswer(*row) for row in self._connection.execute(_QUARANTINED)]


def _row(message: IncomingMessage, answer: StoredAnswer | None) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(message, name) for name in _MESSAGE}
    row["answer_kind"] = answer and answer.kind
    row["answer_id"] = answer and answer.message_id
    row["answer_action"] = answer and answer.action
    row["answer_error_code"] = answer and answer.error_code
    row["answer_error_reason"] = answer and answer.error_reason
    row["answer_raw"] = answer and answer.sealed
    return row


def _harmless(text: str) -> str:
    """What a stranger may have written, in characters that every database takes, and not more than a page of it."""
    return text[:_LONGEST_TEXT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
