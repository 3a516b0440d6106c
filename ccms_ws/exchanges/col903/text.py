"""The updates of a batch as canonical text (`ccms_ws.parts.text`): a batch may be too large to be built as a tree."""

from __future__ import annotations

from typing import Final

from ccms_ws.exchanges.col903.messages import Adjustment, Payment, Update
from ccms_ws.parts.text import DECLARED_NC, amount, day, day_text, dollars, escaped, fee_text, participant_text, text

_UPDATE: Final = "".join(
    (
        "<col903:CollectionBalanceUpdate>",
        text("col903:UpdateSequenceID"),
        "<col903:UpdateActionCode>Revised</col903:UpdateActionCode>",
        text("nc:CaseTrackingID", DECLARED_NC),
        "%s%s",  # account, participant
        amount("col903:OriginalReferredAmount"),
        amount("col903:PreviousBalanceAmount"),
        amount("col903:CurrentBalanceAmount"),
        day("col903:BalanceEffectiveDate"),
        text("col903:CollectionStatusCode"),
        "%s%s%s",  # fees, payments, adjustments
        "</col903:CollectionBalanceUpdate>",
    )
)
_ACCOUNT: Final = text("col903:CollectionAccountID")
_PAYMENT: Final = (
    f"<col903:CollectionPayment>{amount('col903:PaymentAmount')}{day('col903:PaymentDate')}%s%s"
    "</col903:CollectionPayment>"
)
_RECEIPT: Final = text("col903:PaymentReceiptID")
_SOURCE: Final = text("col903:PaymentSourceCodeText")
_USUAL_PAYMENT: Final = _PAYMENT % ("%s", "%s", _RECEIPT, "")
_ADJUSTMENT: Final = (
    f"<col903:BalanceAdjustment>{text('col903:AdjustmentDirectionCode')}{amount('col903:AdjustmentAmount')}"
    f"{day('col903:AdjustmentDate')}{text('col903:AdjustmentReasonCodeText')}%s</col903:BalanceAdjustment>"
)
_DESCRIPTION: Final = text("col903:AdjustmentDescriptionText")


def update_text(update: Update, sequence: int) -> str:
    """The canonical text of one update, as number `sequence` of its batch. Its amounts have two places."""
    subject, account = update.subject, update.account_number
    return _UPDATE % (
        sequence,
        escaped(subject.case_number),
        _ACCOUNT % escaped(account) if account else "",
        participant_text(subject),
        update.referred_amount,
        update.previous_balance,
        update.current_balance,
        day_text(update.effective_on),
        update.status,
        "".join(map(fee_text, update.fees)),
        "".join(map(_payment_text, update.payments)) if update.payments else "",
        "".join(map(_adjustment_text, update.adjustments)) if update.adjustments else "",
    )


def _payment_text(payment: Payment) -> str:
    if payment.receipt_id and not payment.source:
        return _USUAL_PAYMENT % (payment.amount, day_text(payment.on), escaped(payment.receipt_id))
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
