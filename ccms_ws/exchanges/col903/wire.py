"""COL903 messages to XML and back."""

from __future__ import annotations

from datetime import date
from typing import Final
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.clock import court_day
from ccms_ws.contract.namespaces import COL903, NC, q
from ccms_ws.exchanges.col903.messages import Batch, BatchError, ItemProblem, Update
from ccms_ws.parts import xml
from ccms_ws.parts.metadata import read_metadata, write_metadata
from ccms_ws.parts.money import read_amount, read_fees, write_amount, write_fees
from ccms_ws.parts.people import read_case_participant, write_case_participant
from ccms_ws.parts.problems import read_problem, write_problem

Q_BATCH: Final = q(COL903, "CollectionBalanceUpdateBatch")
Q_ERROR: Final = q(COL903, "CollectionBalanceUpdateError")
Q_BATCH_ID: Final = q(COL903, "BatchID")
Q_CORRECTS: Final = q(COL903, "CorrectedBatchID")
Q_CREATED: Final = q(NC, "DocumentCreationDate")
Q_CLIENT: Final = q(COL903, "CollectionClientID")
Q_COUNT: Final = q(COL903, "BatchRecordQuantity")
Q_TOTAL: Final = q(COL903, "BatchTotalBalanceAmount")
Q_UPDATE: Final = q(COL903, "CollectionBalanceUpdate")
Q_SEQUENCE: Final = q(COL903, "UpdateSequenceID")
Q_ACTION: Final = q(COL903, "UpdateActionCode")
Q_CASE: Final = q(NC, "CaseTrackingID")
Q_ACCOUNT: Final = q(COL903, "CollectionAccountID")
Q_REFERRED: Final = q(COL903, "OriginalReferredAmount")
Q_PREVIOUS: Final = q(COL903, "PreviousBalanceAmount")
Q_CURRENT: Final = q(COL903, "CurrentBalanceAmount")
Q_EFFECTIVE: Final = q(COL903, "BalanceEffectiveDate")
Q_STATUS: Final = q(COL903, "CollectionStatusCode")
Q_REFUSED: Final = q(COL903, "BatchRefusedIndicator")
Q_UPDATE_ERROR: Final = q(COL903, "UpdateError")


def batch_to_xml(batch: Batch) -> _Element:
    message = xml.root(Q_BATCH, "col903")
    write_metadata(message, batch.metadata)
    xml.add(message, Q_BATCH_ID, str(batch.batch_id))
    if batch.corrects is not None:
        xml.add(message, Q_CORRECTS, str(batch.corrects))
    xml.add_date(message, Q_CREATED, court_day(batch.metadata.at))
    xml.add_if(message, Q_CLIENT, batch.client_id)
    xml.add(message, Q_COUNT, str(len(batch.updates)))
    write_amount(message, Q_TOTAL, batch.total_balance)
    for update in batch.updates:
        _write_update(message, update)
    return message


def _write_update(message: _Element, update: Update) -> None:
    element = xml.add(message, Q_UPDATE)
    xml.add(element, Q_SEQUENCE, str(update.sequence))
    xml.add(element, Q_ACTION, "Revised")
    xml.add(element, Q_CASE, update.subject.case_number)
    xml.add_if(element, Q_ACCOUNT, update.account_number)
    write_case_participant(element, update.subject)
    write_amount(element, Q_REFERRED, update.referred_amount)
    write_amount(element, Q_PREVIOUS, update.previous_balance)
    write_amount(element, Q_CURRENT, update.current_balance)
    xml.add_date(element, Q_EFFECTIVE, update.effective_on)
    xml.add(element, Q_STATUS, update.status)
    write_fees(element, update.fees)


def batch_from_xml(message: _Element) -> Batch:
    """The batch as a partner reads it. Raises ValueError if the control totals do not agree with the items."""
    metadata = read_metadata(message)
    batch = Batch(
        metadata=metadata,
        client_id=xml.text(message, Q_CLIENT),
        updates=tuple(_read_update(element, metadata.court_ori) for element in message.findall(Q_UPDATE)),
        corrects=UUID(corrected) if (corrected := xml.text(message, Q_CORRECTS)) else None,
    )
    if len(batch.updates) != int(xml.text(message, Q_COUNT)):
        raise ValueError("the number of items is not the batch's record quantity")
    if batch.total_balance != read_amount(message, Q_TOTAL):
        raise ValueError("the items do not add up to the batch's total balance")
    return batch


def _read_update(element: _Element, court_ori: str) -> Update:
    return Update(
        sequence=int(xml.text(element, Q_SEQUENCE)),
        account_number=xml.text(element, Q_ACCOUNT),
        subject=read_case_participant(element, court_ori, xml.text(element, Q_CASE)),
        referred_amount=read_amount(element, Q_REFERRED),
        previous_balance=read_amount(element, Q_PREVIOUS),
        current_balance=read_amount(element, Q_CURRENT),
        effective_on=xml.day(element, Q_EFFECTIVE) or date.min,
        fees=read_fees(element),
    )


def error_to_xml(error: BatchError) -> _Element:
    message = xml.root(Q_ERROR, "col903")
    write_metadata(message, error.metadata)
    xml.add(message, Q_BATCH_ID, error.batch_id)
    xml.add_indicator(message, Q_REFUSED, error.refused)
    write_problem(message, error.problem)
    for item in error.items:
        element = xml.add(message, Q_UPDATE_ERROR)
        xml.add(element, Q_SEQUENCE, str(item.sequence))
        write_problem(element, item.problem)
    return message


def error_from_xml(message: _Element) -> BatchError:
    """The error in a schema-valid CollectionBalanceUpdateError."""
    return BatchError(
        metadata=read_metadata(message),
        batch_id=xml.text(message, Q_BATCH_ID),
        refused=bool(xml.indicator(message, Q_REFUSED)),
        problem=read_problem(message),
        items=tuple(
            ItemProblem(sequence=int(xml.text(element, Q_SEQUENCE)), problem=read_problem(element))
            for element in message.findall(Q_UPDATE_ERROR)
        ),
    )
