"""Batches: gathered from the accounts, written piece by piece, validated, and never held in memory as a whole."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import UUID, uuid4

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import schemas
from ccms_ws.domain.collections import Account, BalanceUpdate, BatchState, CollectionBatch, Referral
from ccms_ws.domain.ledger import ZERO, LedgerEntry, balance_of
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.domain.referred_debt import is_paid_in_full, referred_part
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.errors import ExchangeError, SchemaViolated
from ccms_ws.exchange import Context, WrittenPayload
from ccms_ws.exchanges.col903.changes import explain, new_entries, own_entries, reasons_by_name, without_own
from ccms_ws.exchanges.col903.messages import Batch, Update
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.col903.serialize import numbered, unnumbered_text, update_text
from ccms_ws.exchanges.col903.wire import END, batch_head, batch_to_xml
from ccms_ws.message_parts.metadata import MessageKind, Metadata, first_metadata
from ccms_ws.message_parts.representable import (
    Q_CASE_NUMBER,
    Q_IDENTIFIER,
    Q_TEXT,
    fee_problems,
    in_words,
    person_problems,
    text_problems,
)
from ccms_ws.message_parts.serialize import DECLARED_ONCE, without_declarations

_CHUNK = 100
"""Updates that are written and validated together."""
_IN_MEMORY = 8 * 1024 * 1024
_PIECE = 256 * 1024
_MOST = Decimal("999999999999.99")
"""US dollars that an amount of the contract can say: 14 digits, two of them cents."""

Item = tuple[Account, Update, tuple[str, ...]]
"""An account, what the partner is told of it, and the ledger entries that this tells of for the first time."""
_Said = tuple[Account, Update, tuple[str, ...], str]
"""An item with its text, which the schema allows."""


class NotRepresentable(ExchangeError):
    """The contract cannot express what the court's books say."""

    code = "col903.not-representable"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A debt that no message can carry as the books have it, and why: fields of the books, without their values."""

    case_number: str
    participant_id: str
    reason: str


Report = Callable[[LeftOut], None]


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """A batch that was written and recorded, ready for the outbox. Its control totals are in it."""

    metadata: Metadata
    ordering_keys: tuple[str, ...]
    payload: WrittenPayload


def gather(accounts: Iterable[Account], context: Context, *, unchanged: bool = False) -> Iterator[Item]:
    """What the partner must be told of each account, of the lines that were referred to it and of no others.

    A credit is told as zero: nothing is left to collect.

    `unchanged`: also of those whose balance is what the partner was told.
    """
    today, reasons = context.today, reasons_by_name(context.codes)
    for account in accounts:
        referral = account.referral
        part = referred_part(account.entries, referral.lines, context.law.vacated_debt)
        new = new_entries(part, account.told, referral.referred_on, today, account.added)
        update = _update(account, part, new, on=today, context=context, reasons=reasons)
        if update.current_balance != update.previous_balance or unchanged:
            yield account, update, tuple(entry.entry_id for entry in new)


def _update(
    account: Account,
    part: Sequence[LedgerEntry],
    new: Sequence[LedgerEntry],
    *,
    on: date,
    context: Context,
    reasons: Mapping[str, str],
    told: Decimal | None = None,
    current: Decimal | None = None,
) -> Update:
    """What the referred `part` of the ledger says at the end of the day `on`, from what the partner was `told`.

    What the partner itself has reported is among what it knows already. `current`: the balance to be told, if it is not
    that of the ledger.
    """
    referral, vacated_debt = account.referral, context.law.vacated_debt
    balance = balance_of(part, on, vacated_debt)
    due = balance.due
    current = max(due, ZERO) if current is None else current
    partner = context.partner
    own = () if partner.is_told_own_payments else own_entries(new, partner.partner_id)
    previous = without_own(referral.told_balance if told is None else told, own)
    changes = explain(
        previous, balance, current, part, [entry for entry in new if entry not in own] if own else new, reasons=reasons
    )
    return Update(
        sequence=0,
        account_number=referral.account_number,
        subject=account.subject,
        referred_amount=referral.referred_amount,
        previous_balance=previous,
        current_balance=current,
        effective_on=on,
        fees=balance.fees if current == due else (),
        payments=changes.payments,
        adjustments=changes.adjustments,
        is_paid=current > ZERO or is_paid_in_full(part, balance, referral.referred_on, vacated_debt),
        delinquent_on=referral.delinquent_on,
    )


def write_batches(
    items: Iterator[Item],
    context: Context,
    uow: UnitOfWork,
    *,
    size: int,
    leave_out: Report,
    corrects: UUID | None = None,
) -> Iterator[WrittenBatch]:
    """Batches of at most `size` items, each recorded in `uow` before it is yielded: the caller commits both together.

    `leave_out` is called for each debt that the contract cannot express; it holds up no other.
    """
    said = _representable(items, context, leave_out)
    first = next(said, None)
    while first is not None:
        metadata = first_metadata("COL903", context, MessageKind.NOTIFICATION, transaction_id=uuid4())
        part = _Part(first, said, size)
        yield _write_batch(part, metadata, context, uow, corrects)
        first = part.rest or next(said, None)


def _representable(items: Iterator[Item], context: Context, leave_out: Report) -> Iterator[_Said]:
    """The items with their texts, validated a chunk at a time, without those that the schema does not allow."""
    metadata = first_metadata("COL903", context, MessageKind.NOTIFICATION)
    head = batch_head(metadata, client_id=context.partner.client_id, count=1, total=ZERO)
    while chunk := list(islice(items, _CHUNK)):
        said = [(*item, unnumbered_text(item[1])) for item in chunk]
        if _are_valid(head, said):
            yield from said
            continue
        for each in said:
            if _are_valid(head, [each]):
                yield each
            else:
                update = each[1]
                subject = update.subject
                leave_out(LeftOut(subject.case_number, subject.participant.participant_id, _why_not(update)))


def _is_valid(head: bytes, update: Update) -> bool:
    try:
        _validate(head, update_text(update, update.sequence))
    except SchemaViolated:
        return False
    return True


def _are_valid(head: bytes, said: Sequence[_Said]) -> bool:
    try:
        if any(update.current_balance > _MOST or update.previous_balance > _MOST for _, update, _, _ in said):
            return False
        _validate(head, "".join(numbered(text, number) for number, (*_, text) in enumerate(said, start=1)))
    except SchemaViolated:
        return False
    return True


class _Part:
    """The next items of one batch: at most `size`, and no more than what its total balance can say. `rest` is left."""

    def __init__(self, first: _Said, said: Iterator[_Said], size: int) -> None:
        self.rest: _Said | None = None
        self._first = first
        self._said = islice(said, size - 1)

    def __iter__(self) -> Iterator[_Said]:
        total = self._first[1].current_balance
        yield self._first
        for each in self._said:
            total += each[1].current_balance
            if total > _MOST:
                self.rest = each
                return
            yield each


def _why_not(update: Update) -> str:
    """What of an update the contract cannot express, by field."""
    subject = update.subject
    problems = [
        *text_problems("case_number", subject.case_number, Q_CASE_NUMBER),
        *person_problems(subject.participant),
        *(text_problems("account_number", update.account_number, Q_IDENTIFIER) if update.account_number else ()),
        *(problem for fee in update.fees for problem in fee_problems(fee.fee_kind, fee.statute)),
        *(
            problem
            for payment in update.payments
            if payment.receipt_id
            for problem in text_problems("entry_id", payment.receipt_id, Q_IDENTIFIER)
        ),
        *(
            problem
            for adjustment in update.adjustments
            if adjustment.description
            for problem in text_problems("reason", adjustment.description, Q_TEXT)
        ),
    ]
    return in_words(dict.fromkeys(problems)) or "its amounts are longer than a message can carry"


def rewrite_batch(batch: CollectionBatch, context: Context, uow: UnitOfWork) -> WrittenBatch:
    """The same items of the same debts under the id in the context: figures as they were, people as they are now.

    Raises NotRepresentable, with the case and the participant, for a debt that the contract cannot express.
    """
    reasons = reasons_by_name(context.codes)

    def texts() -> Iterator[str]:
        for item, account in uow.of(Batches).accounts_of(batch.batch_id):
            referral = account.referral
            part = referred_part(account.entries, referral.lines, context.law.vacated_debt)
            new = [entry for entry in part if entry.entry_id in item.tells]
            told, current = item.previous_balance, item.current_balance
            on = item.effective_on
            update = _update(account, part, new, on=on, context=context, reasons=reasons, told=told, current=current)
            update = replace(update, sequence=item.sequence)
            about.append(_subject(referral))
            recent.append(update)
            yield update_text(update, item.sequence)

    about: list[str] = []
    recent: deque[Update] = deque(maxlen=_CHUNK)
    metadata = first_metadata("COL903", context, MessageKind.NOTIFICATION)
    client_id = context.partner.client_id
    head = batch_head(metadata, client_id=client_id, count=batch.item_count, total=batch.total_balance)
    try:
        pieces = spooled(texts(), head)
    except SchemaViolated as error:
        raise NotRepresentable(
            "; ".join(_in_words(update) for update in recent if not _is_valid(head, update))
        ) from error
    uow.of(Batches).replace_batch(batch.batch_id, metadata.transaction_id)
    return WrittenBatch(metadata, tuple(about), WrittenPayload(head, pieces))


def _in_words(update: Update) -> str:
    subject = update.subject
    return f"case {subject.case_number}, participant {subject.participant.participant_id}: {_why_not(update)}"


def _subject(referral: Referral) -> str:
    return f"{referral.court_ori}/{referral.case_number}/{referral.participant_id}"


def _write_batch(
    items: Iterable[_Said],
    metadata: Metadata,
    context: Context,
    uow: UnitOfWork,
    corrects: UUID | None,
) -> WrittenBatch:
    written: list[BalanceUpdate] = []
    about: list[str] = []
    client_id = context.partner.client_id

    def texts() -> Iterator[str]:
        for number, (account, update, tells, text) in enumerate(items, start=1):
            referral = account.referral
            written.append(
                BalanceUpdate(
                    number,
                    referral.referral_id,
                    referral.told_balance,
                    update.current_balance,
                    update.effective_on,
                    tells,
                )
            )
            about.append(_subject(referral))
            yield numbered(text, number)

    pieces = _spooled(texts())
    total = sum((item.current_balance for item in written), ZERO)
    uow.of(Batches).add_batch(
        CollectionBatch(
            batch_id=metadata.transaction_id,
            partner_id=context.partner.partner_id,
            court_ori=context.court.ori,
            state=BatchState.QUEUED,
            created_at=context.now,
            item_count=len(written),
            total_balance=total,
        ),
        written,
        corrects=corrects,
    )
    head = batch_head(metadata, client_id=client_id, count=len(written), total=total, corrects=corrects)
    return WrittenBatch(metadata, tuple(about), WrittenPayload(head, pieces))


def spooled(texts: Iterable[str], head: bytes) -> Pieces:
    """The updates of a batch with that `head`, and what follows them. Raises SchemaViolated."""
    return _spooled(_checked(texts, head))


def _spooled(texts: Iterable[str]) -> Pieces:
    spool: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by what is handed out
    pieces, source = Pieces(spool), iter(texts)
    while chunk := "".join(islice(source, _CHUNK)):
        spool.write(chunk.encode())
    spool.write(END)
    return pieces


def _checked(texts: Iterable[str], head: bytes) -> Iterator[str]:
    """The same texts, validated a chunk at a time as a small batch with that `head`. Raises SchemaViolated."""
    source = iter(texts)
    while chunk := list(islice(source, _CHUNK)):
        _validate(head, "".join(chunk))
        yield from chunk


def _validate(head: bytes, texts: str) -> None:
    """Raises SchemaViolated for updates that no batch with that head can have."""
    root = b"<col903:CollectionBalanceUpdateBatch"
    short_head = root + DECLARED_ONCE.encode() + head.removeprefix(root)
    try:
        written = short_head + without_declarations(texts).encode() + END
        schemas.validate(etree.fromstring(written, new_parser()))
    except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
        raise SchemaViolated("a value has characters that no XML has", node="CollectionBalanceUpdate") from error


class Pieces:
    """The content of a file, from its beginning each time. The file is closed when no reader can ask any more."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        weakref.finalize(self, file.close)

    def __iter__(self) -> Iterator[bytes]:
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece


def write(batch: WrittenBatch | Batch) -> WrittenPayload | _Element:
    """What the outbox keeps of a batch."""
    return batch.payload if isinstance(batch, WrittenBatch) else batch_to_xml(batch)


def ordering_keys(batch: WrittenBatch | Batch) -> Sequence[str]:
    """An older balance never overtakes a newer one of the same court, case and participant."""
    if isinstance(batch, WrittenBatch):
        return batch.ordering_keys
    people = ((update.subject.participant, update.subject.case_number) for update in batch.updates)
    return [f"{person.court_ori}/{case}/{person.participant_id}" for person, case in people]
