"""Money in messages: USD, two places, never float; and the breakdown of a balance by kind of fee."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, NC, J, q
from ccms_ws.domain.ledger import FeeBalance
from ccms_ws.message_parts import xml

Q_CURRENCY: Final = q(NC, "currencyCode")
Q_FEE: Final = q(EXT, "FeeBalance")
Q_FEE_TOTAL: Final = q(NC, "ObligationTotalAmount")
Q_FEE_DUE: Final = q(NC, "ObligationDueAmount")
Q_FEE_PAID: Final = q(NC, "ObligationPaidAmount")
Q_FEE_KIND: Final = q(EXT, "FeeCategoryCodeText")
Q_FEE_WAIVED: Final = q(EXT, "FeeWaivedAmount")
Q_FEE_VACATED: Final = q(EXT, "FeeVacatedAmount")
Q_CODE_BOOK: Final = q(J, "StatuteCodeIdentification")
Q_CODE_SECTION: Final = q(J, "StatuteCodeSectionIdentification")
Q_ID: Final = q(NC, "IdentificationID")
Q_JOINT: Final = q(EXT, "JointAndSeveralIndicator")


def write_amount(parent: _Element, name: str, amount: Decimal) -> None:
    xml.add(parent, name, f"{amount:.2f}").set(Q_CURRENCY, "USD")


def read_amount(parent: _Element, name: str) -> Decimal:
    """The amount, to two places. A missing one is 0.00."""
    return Decimal(xml.text(parent, name) or 0).quantize(Decimal("0.01"))


def read_fees(parent: _Element) -> tuple[FeeBalance, ...]:
    return tuple(
        FeeBalance(
            fee_kind=xml.text(element, Q_FEE_KIND),
            assessed=read_amount(element, Q_FEE_TOTAL),
            paid=read_amount(element, Q_FEE_PAID),
            waived=read_amount(element, Q_FEE_WAIVED),
            vacated=read_amount(element, Q_FEE_VACATED),
            statute=_read_statute(element),
            joint=bool(xml.indicator(element, Q_JOINT)),
        )
        for element in parent.findall(Q_FEE)
    )


def _read_statute(fee: _Element) -> str:
    """ "PC 1464"; empty unless both the code and its section are named."""
    book, section = (xml.text(fee, f"{name}/{Q_ID}") for name in (Q_CODE_BOOK, Q_CODE_SECTION))
    return f"{book} {section}" if book and section else ""
