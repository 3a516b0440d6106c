"""The court's responses as canonical text (`ccms_ws.message_parts.serialize`): a partner waits for them."""

from __future__ import annotations

from typing import Final

from ccms_ws.exchanges.fcc807.messages import Rejection, Response
from ccms_ws.exchanges.fcc807.wire import NAMESPACE
from ccms_ws.message_parts.serialize import (
    DECLARED_NC,
    amount,
    day,
    dollars,
    escaped,
    fee_text,
    metadata_text,
    participant_text,
    text,
)

_RESPONSE: Final = (
    f'<fcc807:CaseParticipantBalanceQueryResponse xmlns:fcc807="{NAMESPACE}">%s%s'
    "</fcc807:CaseParticipantBalanceQueryResponse>"
)
_REJECTION: Final = (
    "<fcc807:QueryRejection><fcc807:RejectionIndicator>true</fcc807:RejectionIndicator>"
    f"{text('fcc807:RejectionReasonCodeText')}{text('fcc807:RejectionReasonText')}</fcc807:QueryRejection>"
)
_BALANCE: Final = "".join(
    (
        "<fcc807:CaseParticipantBalance>",
        text("nc:CaseTrackingID", DECLARED_NC),
        "%s",  # participant
        text("fcc807:BalanceDueIndicator"),
        amount("fcc807:BalanceDueAmount"),
        day("fcc807:BalanceAsOfDate"),
        "%s",  # fees
        "</fcc807:CaseParticipantBalance>",
    )
)


def response_text(response: Response) -> bytes:
    """A response that was found or a rejection, as the payload of the court's answer."""
    if isinstance(response, Rejection):
        said = _REJECTION % (escaped(str(response.reason)), escaped(response.text))
    else:
        balance = response.balance
        due = balance.due
        said = _BALANCE % (
            escaped(response.subject.case_number),
            participant_text(response.subject),
            "true" if due > 0 else "false",
            dollars(due),
            balance.as_of,
            "".join(map(fee_text, balance.fees)),
        )
    return (_RESPONSE % (metadata_text(response.metadata), said)).encode()
