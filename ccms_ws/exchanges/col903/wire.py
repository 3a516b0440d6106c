"""COL903 messages to XML and back. The updates of a batch are written by `text`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Final
from uuid import UUID

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import court_day
from ccms_ws.contract.namespaces import NC, q
from ccms_ws.exchanges.col903.messages import (
    Adjustment,
    Batch,
    BatchError,
    CollectionStatus,
    ItemProblem,
    Payment,
    Update,
)
from ccms_ws.exchanges.col903.serialize import update_text
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.error_block import read_error_block, write_error_block
from ccms_ws.message_parts.metadata import Metadata, read_metadata, write_metadata
from ccms_ws.message_parts.money import read_amount, read_fees, write_amount
from ccms_ws.message_parts.people import read_case_participant

NAMESPACE: Final = "urn:ccms-ws:exchange:COL903:1.0"
Q_BATCH: Final = q(NAMESPACE, "CollectionBalanceUpdateBatch")
Q_ERROR: Final = q(NAMESPACE, "CollectionBalanceUpdateError")
Q_BATCH_ID: Final = q(NAMESPACE, "BatchID")
Q_CORRECTS: Final = q(NAMESPACE, "CorrectedBatchID")
Q_CREATED: Final = q(NC, "DocumentCreationDate")
Q_CLIENT: Final = q(NAMESPACE, "CollectionClientID")
Q_COUNT: Final = q(NAMESPACE, "BatchRecordQuantity")
Q_TOTAL: Final = q(NAMESPACE, "BatchTotalBalanceAmount")
Q_UPDATE: Final = q(NAMESPACE, "CollectionBalanceUpdate")
Q_SEQUENCE: Final = q(NAMESPACE, "UpdateSequenceID")
Q_CASE: Final = q(NC, "CaseTrackingID")
Q_ACCOUNT: Final = q(NAMESPACE, "CollectionAccountID")
Q_REFERRED: Final = q(NAMESPACE, "OriginalReferredAmount")
Q_PREVIOUS: Final = q(NAMESPACE, "PreviousBalanceAmount")
Q_CURRENT: Final = q(NAMESPACE, "CurrentBalanceAmount")
Q_EFFECTIVE: Final = q(NAMESPACE, "BalanceEffectiveDate")
Q_DELINQUENT: Final = q(NAMESPACE, "DelinquentDate")
Q_STATUS: Final = q(NAMESPACE, "CollectionStatusCode")
Q_PAYMENT: Final = q(NAMESPACE, "CollectionPayment")
Q_PAID: Final = q(NAMESPACE, "PaymentAmount")
Q_PAID_ON: Final = q(NAMESPACE, "PaymentDate")
Q_RECEIPT: Final = q(NAMESPACE, "PaymentReceiptID")
Q_SOURCE: Final = q(NAMESPACE, "PaymentSourceCodeText")
Q_ADJUSTMENT: Final = q(NAMESPACE, "BalanceAdjustment")
Q_DIRECTION: Final = q(NAMESPACE, "AdjustmentDirectionCode")
Q_ADJUSTED: Final = q(NAMESPACE, "AdjustmentAmount")
Q_ADJUSTED_ON: Final = q(NAMESPACE, "AdjustmentDate")
Q_REASON: Final = q(NAMESPACE, "AdjustmentReasonCodeText")
Q_DESCRIPTION: Final = q(NAMESPACE, "AdjustmentDescriptionText")
Q_REFUSED: Final = q(NAMESPACE, "BatchRefusedIndicator")
Q_UPDATE_ERROR: Final = q(NAMESPACE, "UpdateError")


# -- the batch, written -----------------------------------------------------------------------------------------------
END: Final = b"</col903:CollectionBalanceUpdateBatch>"


def batch_head(
    metadata: Metadata, *, client_id: str, count: int, total: Decimal, corrects: UUID | None = None
) -> bytes:
    """The canonical text of a batch up to its first update; `END` follows the last one."""
    message = xml.root(Q_BATCH, "col903")
    write_metadata(message, metadata)
    xml.add(message, Q_BATCH_ID, str(metadata.transaction_id))
    if corrects is not None:
        xml.add(message, Q_CORRECTS, str(corrects))
    xml.add_date(message, Q_CREATED, court_day(metadata.at))
    xml.add_if(message, Q_CLIENT, client_id)
    xml.add(message, Q_COUNT, str(count))
    write_amount(message, Q_TOTAL, total)
    return etree.tostring(message, method="c14n", exclusive=True).removesuffix(END)


def batch_to_xml(batch: Batch) -> _Element:
    """A batch that is small enough for a tree."""
    head = batch_head(
        batch.metadata,
        client_id=batch.client_id,
        count=len(batch.updates),
        total=batch.total_balance,
        corrects=batch.corrects,
    )
    return etree.fromstring(
        head + "".join(update_text(update, update.sequence) for update in batch.updates).encode() + END
    )


# -- the batch, read --------------------------------------------------------------------------------------------------
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
    current = read_amount(element, Q_CURRENT)
    return Update(
        sequence=int(xml.text(element, Q_SEQUENCE)),
        account_number=xml.text(element, Q_ACCOUNT),
        subject=read_case_participant(element, court_ori, xml.text(element, Q_CASE)),
        referred_amount=read_amount(element, Q_REFERRED),
        previous_balance=read_amount(element, Q_PREVIOUS),
        current_balance=current,
        effective_on=_read_day(element, Q_EFFECTIVE),
        fees=read_fees(element),
        payments=tuple(_read_payments(element.findall(Q_PAYMENT))),
        adjustments=tuple(_read_adjustments(element.findall(Q_ADJUSTMENT))),
        is_paid=current > 0 or xml.text(element, Q_STATUS) != CollectionStatus.NOTHING_OWED,
        delinquent_on=xml.day(element, Q_DELINQUENT),
    )


def _read_payments(elements: Iterable[_Element]) -> Iterable[Payment]:
    for element in elements:
        yield Payment(
            amount=read_amount(element, Q_PAID),
            on=_read_day(element, Q_PAID_ON),
            receipt_id=xml.text(element, Q_RECEIPT),
            source=xml.text(element, Q_SOURCE),
        )


def _read_adjustments(elements: Iterable[_Element]) -> Iterable[Adjustment]:
    for element in elements:
        yield Adjustment(
            increase=xml.text(element, Q_DIRECTION) == "Increase",
            amount=read_amount(element, Q_ADJUSTED),
            on=_read_day(element, Q_ADJUSTED_ON),
            reason=xml.text(element, Q_REASON),
            description=xml.text(element, Q_DESCRIPTION),
        )


def _read_day(element: _Element, name: str) -> date:
    return xml.day(element, name) or date.min


# -- the error message ------------------------------------------------------------------------------------------------
def error_to_xml(error: BatchError) -> _Element:
    message = xml.root(Q_ERROR, "col903")
    write_metadata(message, error.metadata)
    xml.add(message, Q_BATCH_ID, error.batch_id)
    xml.add_indicator(message, Q_REFUSED, error.refused)
    write_error_block(message, error.problem)
    for item in error.items:
        element = xml.add(message, Q_UPDATE_ERROR)
        xml.add(element, Q_SEQUENCE, str(item.sequence))
        write_error_block(element, item.problem)
    return message


def error_from_xml(message: _Element) -> BatchError:
    """The error in a schema-valid CollectionBalanceUpdateError."""
    return BatchError(
        metadata=read_metadata(message),
        batch_id=xml.text(message, Q_BATCH_ID),
        refused=bool(xml.indicator(message, Q_REFUSED)),
        problem=read_error_block(message),
        items=tuple(
            ItemProblem(sequence=int(xml.text(element, Q_SEQUENCE)), problem=read_error_block(element))
            for element in message.findall(Q_UPDATE_ERROR)
        ),
    )
