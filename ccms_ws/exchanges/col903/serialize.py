"""Serialize the updates of a batch as canonical text, because a batch may be too large to be built as a tree."""

from __future__ import annotations

from typing import Final

from ccms_ws.exchanges.col903.messages import Adjustment, Payment, Update
from ccms_ws.message_parts.serialize import (
    DECLARED_NC,
    amount,
    day,
    day_text,
    dollars,
    escaped,
    fee_text,
    participant_text,
    pieces,
    text,
)

_START, _CASE, _CASE_END = pieces(
    f"<col903:CollectionBalanceUpdate>{text('col903:UpdateSequenceID')}"
    f"<col903:UpdateActionCode>Revised</col903:UpdateActionCode>{text('nc:CaseTrackingID', DECLARED_NC)}"
)
_ACCOUNT, _ACCOUNT_END = pieces(text("col903:CollectionAccountID"))
_REFERRED, _PREVIOUS, _CURRENT, _DAY, _DAY_END = pieces(
    f"{amount('col903:OriginalReferredAmount')}{amount('col903:PreviousBalanceAmount')}"
    f"{amount('col903:CurrentBalanceAmount')}{day('col903:BalanceEffectiveDate')}"
)
_DELINQUENT, _DELINQUENT_END = pieces(day("col903:DelinquentDate"))
_STATUS, _STATUS_END = pieces(text("col903:CollectionStatusCode"))
_PAYMENT: Final = (
    f"<col903:CollectionPayment>{amount('col903:PaymentAmount')}{day('col903:PaymentDate')}%s%s"
    "</col903:CollectionPayment>"
)
_RECEIPT: Final = text("col903:PaymentReceiptID")
_SOURCE: Final = text("col903:PaymentSourceCodeText")
_USUAL_PAYMENT: Final = pieces(_PAYMENT % ("%s", "%s", _RECEIPT, ""))
_ADJUSTMENT: Final = (
    f"<col903:BalanceAdjustment>{text('col903:AdjustmentDirectionCode')}{amount('col903:AdjustmentAmount')}"
    f"{day('col903:AdjustmentDate')}{text('col903:AdjustmentReasonCodeText')}%s</col903:BalanceAdjustment>"
)
_DESCRIPTION: Final = text("col903:AdjustmentDescriptionText")


def update_text(update: Update, sequence: int) -> str:
    """The canonical text of one update, as number `sequence` of its batch. Its amounts have two places."""
    return numbered(unnumbered_text(update), sequence)


def numbered(text: str, sequence: int) -> str:
    """An `unnumbered_text` as number `sequence` of its batch."""
    return f"{_START}{sequence}{text}"


def unnumbered_text(update: Update) -> str:
    """The canonical text of one update from behind its number on."""
    subject, account, overdue = update.subject, update.account_number, update.delinquent_on
    return "".join(
        (
            f"{_CASE}{escaped(subject.case_number)}{_CASE_END}",
            f"{_ACCOUNT}{escaped(account)}{_ACCOUNT_END}" if account else "",
            participant_text(subject),
            f"{_REFERRED}{update.referred_amount!s}{_PREVIOUS}{update.previous_balance!s}{_CURRENT}"
            f"{update.current_balance!s}{_DAY}{day_text(update.effective_on)}{_DAY_END}",
            f"{_DELINQUENT}{day_text(overdue)}{_DELINQUENT_END}" if overdue else "",
            f"{_STATUS}{update.status}{_STATUS_END}",
            *map(fee_text, update.fees),
            *map(_payment_text, update.payments),
            *map(_adjustment_text, update.adjustments),
            "</col903:CollectionBalanceUpdate>",
        )
    )


def _payment_text(payment: Payment) -> str:
    if payment.receipt_id and not payment.source:
        a, b, c, end = _USUAL_PAYMENT
        return f"{a}{payment.amount!s}{b}{day_text(payment.on)}{c}{escaped(payment.receipt_id)}{end}"
    return _PAYMENT % (
        payment.amount,
        payment.on,
        _RECEIPT % escaped(payment.receipt_id) if payment.receipt_id else "",
        _SOURCE % escaped(payment.source) if payment.source else "",
    )


def _adjustment_text(adjustment: Adjustment) -> str:
    return _ADJUSTMENT % (
        "Increase" if adjustment.increase else "Decrease",
        dollars(adjustment.amount),
        adjustment.on,
        escaped(adjustment.reason),
        _DESCRIPTION % escaped(adjustment.description) if adjustment.description else "",
    )
