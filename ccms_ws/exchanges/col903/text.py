"""The updates of a batch as text, in the exclusive canonical form in which the whole payload is stored and signed.

A batch may be too large to be built as a tree. So names are declared where they are used, and nothing is left to a
serializer; what is written here stands inside of the batch's root element, which declares `col903` alone.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ccms_ws.contract.namespaces import EXT, NC, J
from ccms_ws.domain.courts import CaseParticipant
from ccms_ws.domain.ledger import FeeBalance
from ccms_ws.exchanges.col903.messages import Adjustment, Payment, Update

_NC: Final = f' xmlns:nc="{NC}"'
_EXT: Final = f' xmlns:ext="{EXT}"'
_J: Final = f' xmlns:j="{J}"'
_USD: Final = f'{_NC} nc:currencyCode="USD"'


def _amount(name: str) -> str:
    return f"<{name}{_USD}>%s</{name}>"


def _day(name: str) -> str:
    return f"<{name}><nc:Date{_NC}>%s</nc:Date></{name}>"


def _text(name: str, declared: str = "") -> str:
    return f"<{name}{declared}>%s</{name}>"


_UPDATE: Final = "".join(
    (
        "<col903:CollectionBalanceUpdate>",
        _text("col903:UpdateSequenceID"),
        "<col903:UpdateActionCode>Revised</col903:UpdateActionCode>",
        _text("nc:CaseTrackingID", _NC),
        "%s%s",  # account, participant
        _amount("col903:OriginalReferredAmount"),
        _amount("col903:PreviousBalanceAmount"),
        _amount("col903:CurrentBalanceAmount"),
        _day("col903:BalanceEffectiveDate"),
        _text("col903:CollectionStatusCode"),
        "%s%s%s",  # fees, payments, adjustments
        "</col903:CollectionBalanceUpdate>",
    )
)
_ACCOUNT: Final = _text("col903:CollectionAccountID")
_PARTICIPANT: Final = (
    f"<ext:CaseParticipant{_EXT}><ext:CaseParticipantIdentification>{_text('nc:IdentificationID', _NC)}"
    f"</ext:CaseParticipantIdentification><nc:PersonName{_NC}>%s</nc:PersonName>{_text('ext:ParticipantRoleCode')}"
    "%s%s</ext:CaseParticipant>"
)
_NAME_PARTS: Final = tuple(
    _text(f"nc:{name}") for name in ("PersonGivenName", "PersonMiddleName", "PersonSurName", "PersonNameSuffixText")
)
_BORN: Final = f"<nc:PersonBirthDate{_NC}><nc:Date>%s</nc:Date></nc:PersonBirthDate>"
_LICENSE: Final = (
    f"<ext:DriverLicense><nc:DriverLicenseIdentification{_NC}>{_text('nc:IdentificationID')}"
    f"</nc:DriverLicenseIdentification>{_text('j:IdentificationJurisdictionUSPostalServiceCode', _J)}"
    "</ext:DriverLicense>"
)
_FEE: Final = "".join(
    (
        f"<ext:FeeBalance{_EXT}>",
        *(
            f'<nc:Obligation{name}Amount{_NC} nc:currencyCode="USD">%s</nc:Obligation{name}Amount>'
            for name in ("Total", "Due", "Paid")
        ),
        _text("ext:FeeCategoryCodeText"),
        _amount("ext:FeeWaivedAmount"),
        _amount("ext:FeeVacatedAmount"),
        "%s%s",  # statute, joint debt
        "</ext:FeeBalance>",
    )
)
_STATUTE: Final = "".join(
    f"<j:{name}{_J}>{_text('nc:IdentificationID', _NC)}</j:{name}>"
    for name in ("StatuteCodeIdentification", "StatuteCodeSectionIdentification")
)
_JOINT: Final = "<ext:JointAndSeveralIndicator>true</ext:JointAndSeveralIndicator>"
_PAYMENT: Final = (
    f"<col903:CollectionPayment>{_amount('col903:PaymentAmount')}{_day('col903:PaymentDate')}%s%s"
    "</col903:CollectionPayment>"
)
_RECEIPT: Final = _text("col903:PaymentReceiptID")
_SOURCE: Final = _text("col903:PaymentSourceCodeText")
_ADJUSTMENT: Final = (
    f"<col903:BalanceAdjustment>{_text('col903:AdjustmentDirectionCode')}{_amount('col903:AdjustmentAmount')}"
    f"{_day('col903:AdjustmentDate')}{_text('col903:AdjustmentReasonCodeText')}%s</col903:BalanceAdjustment>"
)
_DESCRIPTION: Final = _text("col903:AdjustmentDescriptionText")
_SPECIAL: Final = re.compile("[&<>\r]")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}


def update_text(update: Update, sequence: int) -> str:
    """The canonical text of one update, as number `sequence` of its batch."""
    return _UPDATE % (
        sequence,
        _escaped(update.subject.case_number),
        _ACCOUNT % _escaped(update.account_number) if update.account_number else "",
        _participant_text(update.subject),
        _dollars(update.referred_amount),
        _dollars(update.previous_balance),
        _dollars(update.current_balance),
        update.effective_on,
        update.status.value,
        "".join(map(_fee_text, update.fees)),
        "".join(map(_payment_text, update.payments)),
        "".join(map(_adjustment_text, update.adjustments)),
    )


def _participant_text(subject: CaseParticipant) -> str:
    person = subject.participant
    name, licence = person.name, person.driver_license
    return _PARTICIPANT % (
        _escaped(person.participant_id),
        "".join(
            template % _escaped(part)
            for template, part in zip(_NAME_PARTS, (name.given, name.middle, name.surname, name.suffix), strict=True)
            if part
        ),
        subject.role.value,
        _BORN % person.birth_date if person.birth_date else "",
        _LICENSE % (_escaped(licence.number), _escaped(licence.jurisdiction)) if licence else "",
    )


def _fee_text(fee: FeeBalance) -> str:
    book, _, section = fee.statute.partition(" ")
    return _FEE % (
        _dollars(fee.assessed),
        _dollars(fee.due),
        _dollars(fee.paid),
        _escaped(fee.fee_kind),
        _dollars(fee.waived),
        _dollars(fee.vacated),
        _STATUTE % (_escaped(book), _escaped(section)) if section else "",
        _JOINT if fee.joint else "",
    )


def _payment_text(payment: Payment) -> str:
    return _PAYMENT % (
        _dollars(payment.amount),
        payment.on,
        _RECEIPT % _escaped(payment.receipt_id) if payment.receipt_id else "",
        _SOURCE % _escaped(payment.source) if payment.source else "",
    )


def _adjustment_text(adjustment: Adjustment) -> str:
    return _ADJUSTMENT % (
        "Increase" if adjustment.increase else "Decrease",
        _dollars(adjustment.amount),
        adjustment.on,
        _escaped(adjustment.reason),
        _DESCRIPTION % _escaped(adjustment.description) if adjustment.description else "",
    )


def _escaped(text: str) -> str:
    """Character data in canonical form. What no XML document can hold is found when the text is validated."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text)


def _dollars(amount: Decimal) -> str:
    text = str(amount)
    return text if text[-3:-2] == "." else f"{amount:.2f}"
