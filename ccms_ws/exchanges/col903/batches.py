"""Batches: gathered from the accounts, written piece by piece, validated, and never held in memory as a whole."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import IO
from uuid import UUID, uuid4

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import schemas
from ccms_ws.domain.collections import Account, BalanceUpdate, BatchState, CollectionBatch, Referral
from ccms_ws.domain.law import current_law
from ccms_ws.domain.ledger import ZERO, balance_of
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.errors import SchemaViolated
from ccms_ws.exchange import Context, WrittenPayload
from ccms_ws.exchanges.col903.changes import explain, new_entries
from ccms_ws.exchanges.col903.messages import Batch, Update
from ccms_ws.exchanges.col903.text import update_text
from ccms_ws.exchanges.col903.wire import END, batch_head, batch_to_xml
from ccms_ws.parts.metadata import MessageKind, Metadata, first_metadata
from ccms_ws.parts.text import DECLARED_ONCE, without_declarations

_CHUNK = 100
"""Updates that are written and validated together."""
_IN_MEMORY = 8 * 1024 * 1024
_PIECE = 256 * 1024

Item = tuple[Account, Update, tuple[str, ...]]
"""An account, what the partner is told of it, and the ledger entries that this tells of for the first time."""


@dataclass(frozen=True, slots=True)
class WrittenBatch:
    """A batch that was written and recorded, ready for the outbox. Its control totals are in it."""

    metadata: Metadata
    subjects: tuple[str, ...]
    payload: WrittenPayload


def gather(accounts: Iterable[Account], context: Context, *, unchanged: bool = False) -> Iterator[Item]:
    """What the partner must be told of each account. A credit is told as zero: nothing is left to collect.

    `unchanged`: also of those whose balance is what the partner was told.
    """
    today, vacated_debt = context.today, current_law().vacated_debt
    for account in accounts:
        referral = account.referral
        told = referral.referred_amount if referral.reported_balance is None else referral.reported_balance
        balance = balance_of(account.entries, today, vacated_debt)
        due = balance.due
        current = due if due > ZERO else ZERO
        if current == told and not unchanged:
            continue
        new = new_entries(account.entries, account.told, referral.referred_on, today)
        changes = explain(told, balance, current, account.entries, new)
        update = Update(
            sequence=0,
            account_number=referral.account_number,
            subject=account.subject,
            referred_amount=referral.referred_amount,
            previous_balance=told,
            current_balance=current,
            effective_on=today,
            fees=balance.fees if current == due else (),
            payments=changes.payments,
            adjustments=changes.adjustments,
        )
        yield account, update, changes.entries


def write_batches(
    items: Iterator[Item],
    context: Context,
    uow: UnitOfWork,
    *,
    size: int,
    corrects: UUID | None = None,
) -> Iterator[WrittenBatch]:
    """Batches of at most `size` items, each recorded in `uow` before it is yielded: the caller commits both together.

    Raises SchemaViolated if an update cannot be said in the words of the contract; its batch is then not recorded.
    """
    for first in items:
        metadata = first_metadata("COL903", context, MessageKind.NOTIFICATION, transaction_id=uuid4())
        part = chain([first], islice(items, size - 1))
        yield _write_batch(part, metadata, context, uow, corrects)


def rewrite_batch(batch: CollectionBatch, context: Context, uow: UnitOfWork) -> WrittenBatch:
    """The same items of the same debts under the id in the context: figures as they were, people as they are now."""
    vacated_debt = current_law().vacated_debt

    def texts() -> Iterator[str]:
        for item, account in uow.collections.accounts_of(batch.batch_id):
            referral = account.referral
            balance = balance_of(account.entries, item.effective_on, vacated_debt)
            new = [entry for entry in account.entries if entry.entry_id in item.tells]
            changes = explain(item.previous_balance, balance, item.current_balance, account.entries, new)
            update = Update(
                sequence=item.sequence,
                account_number=referral.account_number,
                subject=account.subject,
                referred_amount=referral.referred_amount,
                previous_balance=item.previous_balance,
                current_balance=item.current_balance,
                effective_on=item.effective_on,
                fees=balance.fees if balance.due == item.current_balance else (),
                payments=changes.payments,
                adjustments=changes.adjustments,
            )
            about.append(_subject(referral))
            yield update_text(update, item.sequence)

    about: list[str] = []
    metadata = first_metadata("COL903", context, MessageKind.NOTIFICATION)
    client_id = context.partner.client_id
    head = batch_head(metadata, client_id=client_id, count=batch.item_count, total=batch.total_balance)
    pieces = spooled(texts(), head)
    uow.collections.replace_batch(batch.batch_id, metadata.transaction_id)
    return WrittenBatch(metadata, tuple(about), WrittenPayload(head, pieces))


def _subject(referral: Referral) -> str:
    return f"{referral.court_ori}/{referral.case_number}/{referral.participant_id}"


def _write_batch(
    items: Iterable[Item],
    metadata: Metadata,
    context: Context,
    uow: UnitOfWork,
    corrects: UUID | None,
) -> WrittenBatch:
    written: list[BalanceUpdate] = []
    about: list[str] = []
    client_id = context.partner.client_id

    def texts() -> Iterator[str]:
        for number, (account, update, tells) in enumerate(items, start=1):
            referral = account.referral
            written.append(
                BalanceUpdate(
                    number,
                    referral.referral_id,
                    update.previous_balance,
                    update.current_balance,
                    update.effective_on,
                    tells,
                )
            )
            about.append(_subject(referral))
            yield update_text(update, number)

    pieces = spooled(texts(), batch_head(metadata, client_id=client_id, count=1, total=ZERO, corrects=corrects))
    total = sum((item.current_balance for item in written), ZERO)
    uow.collections.add_batch(
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
    """The updates and what follows them, validated a chunk at a time as a small batch with that `head`."""
    spool: IO[bytes] = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by what is handed out
    pieces, source = Pieces(spool), iter(texts)
    root, declared = b"<col903:CollectionBalanceUpdateBatch", DECLARED_ONCE.encode()
    short_head = root + declared + head.removeprefix(root)
    while chunk := "".join(islice(source, _CHUNK)):
        try:
            schemas.validate(etree.fromstring(short_head + without_declarations(chunk).encode() + END, new_parser()))
        except etree.XMLSyntaxError as error:
            raise SchemaViolated("a value has characters that no XML has", node="CollectionBalanceUpdate") from error
        spool.write(chunk.encode())
    spool.write(END)
    return pieces


class Pieces:
    """The content of a file, from its beginning each time. The file is closed when nobody can ask any more."""

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


def subjects(batch: WrittenBatch | Batch) -> Sequence[str]:
    """An older balance never overtakes a newer one of the same court, case and participant."""
    if isinstance(batch, WrittenBatch):
        return batch.subjects
    people = ((update.subject.participant, update.subject.case_number) for update in batch.updates)
    return [f"{person.court_ori}/{case}/{person.participant_id}" for person, case in people]
