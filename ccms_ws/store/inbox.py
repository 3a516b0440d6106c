"""Incoming messages with their answers, refusals, quarantine: what `ccms_ws.domain.ports.Inbox` asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_nothing

from ccms_ws.domain.messages import AnswerKind, IncomingMessage, QuarantinedAnswer, Refusal, RefusalCount, StoredAnswer
from ccms_ws.errors import ConcurrentChange, MessageIdReused, NotStored
from ccms_ws.store.chain_tables import EntryKind
from ccms_ws.store.compiled_statements import Prepared
from ccms_ws.store.hash_chain import note
from ccms_ws.store.locks import advisory_lock
from ccms_ws.store.message_tables import inbox_message, quarantined_answer, refusal, refusal_count

REFUSALS_KEPT = 10_000
_SUMS: Final = UUID("6f0f2f0e-7a0a-4b53-9d0c-3b9b61f5a5c1")
"""Namespace of the ids under which old counts are summed up."""
_LONGEST_TEXT = 2_000

COUNTS_KEPT = timedelta(days=7)
_i, _r, _n, _q = inbox_message.c, refusal.c, refusal_count.c, quarantined_answer.c
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
# A flood from one side, unauthenticated senders above all, must not remove what is kept of the others.
_RANKED = select(
    _r.refusal_id, func.row_number().over(partition_by=_r.partner_id, order_by=_r.refusal_id.desc()).label("place")
).subquery()
_FORGET = delete(refusal).where(
    _r.refusal_id.in_(select(_RANKED.c.refusal_id).where(_RANKED.c.place > bindparam("kept")))
)
_COUNTED = select(_n.incident_id, _n.partner_id, _n.code, _n.began_at, _n.last_at, _n.number)
_COUNT_AGAIN = (
    update(refusal_count)
    .where(_n.incident_id == bindparam("id"))
    .values(number=bindparam("new_number"), last_at=bindparam("new_last_at"))
)
_SUM_UP = (
    update(refusal_count)
    .where(_n.incident_id == bindparam("id"))
    .values(number=_n.number + bindparam("more"), last_at=bindparam("new_last_at"))
)
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
        advisory_lock(self._connection, [f"inbox {message.partner_id} {message.message_id}"])
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
        """Keep a refusal. Of each partner, and of unauthenticated senders, the newest 10,000 stay, or a few more."""
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
        if number % max(REFUSALS_KEPT // 100, 1) == 0:
            self._connection.execute(_FORGET, {"kept": REFUSALS_KEPT})

    def count_refusals(self, counts: Iterable[RefusalCount]) -> None:
        """Store counts, each in place of its earlier value. Those of more than a week ago are summed up."""
        for count in counts:
            again = {"id": count.incident_id, "new_number": count.number, "new_last_at": count.last_at}
            if self._connection.execute(_COUNT_AGAIN, again).rowcount == 0:
                self._connection.execute(insert(refusal_count), _fields(count))
                self._sum_up(count.last_at - COUNTS_KEPT)

    def _sum_up(self, before: datetime) -> None:
        old = self._connection.execute(_COUNTED.where(_n.last_at < before)).all()
        for each in (RefusalCount(*row) for row in old):
            sum_id = uuid5(_SUMS, f"{each.partner_id} {each.code}")
            if each.incident_id == sum_id:
                continue
            more = {"id": sum_id, "more": each.number, "new_last_at": each.last_at}
            if self._connection.execute(_SUM_UP, more).rowcount == 0:
                self._connection.execute(insert(refusal_count), _fields(replace(each, incident_id=sum_id)))
            self._connection.execute(delete(refusal_count).where(_n.incident_id == each.incident_id))

    def get_refusal(self, incident_id: UUID) -> Refusal:
        row = self._connection.execute(_REFUSAL, {"id": incident_id}).first()
        if row is None:
            counted = self._connection.execute(_COUNTED.where(_n.incident_id == incident_id)).first()
            if counted is not None:
                return _shared(RefusalCount(*counted))
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


def _fields(count: RefusalCount) -> dict[str, object]:
    return {field.name: getattr(count, field.name) for field in fields(count)}


def _shared(count: RefusalCount) -> Refusal:
    """What is known of each refusal that was only counted."""
    whose = f"messages of {count.partner_id}" if count.partner_id else "messages of unauthenticated senders"
    detail = (
        f"one of {count.number} {whose} refused with this code from {count.began_at:%Y-%m-%d %H:%M:%S} to"
        f" {count.last_at:%Y-%m-%d %H:%M:%S} UTC, which were counted and not kept one by one"
    )
    return Refusal(count.incident_id, count.began_at, "", count.partner_id, count.code, "", detail, 0, b"")


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
    """Text of an unauthenticated sender, in characters that every database takes, and not more than a page of it."""
    return text[:_LONGEST_TEXT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
