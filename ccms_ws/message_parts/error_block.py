"""The error block in every exchange's error message: code, reason, and the offending value where it helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.envelope.faults import public_reason
from ccms_ws.errors import CcmsWsError, ExchangeError
from ccms_ws.message_parts import xml

Q_ERROR: Final = q(EXT, "MessageError")
Q_CODE: Final = q(EXT, "ErrorCodeText")
Q_REASON: Final = q(EXT, "ErrorReasonText")
Q_NODE: Final = q(EXT, "ErrorNodeName")
Q_VALUE: Final = q(EXT, "ErrorValueText")
Q_RESEND: Final = q(EXT, "ResendRequestIndicator")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBlock:
    """An error code with its reason in words. `resend`: whether the same message may succeed later."""

    code: str
    reason: str
    node: str = ""
    value: str = ""
    resend: bool | None = None


def error_block_of(error: CcmsWsError) -> ErrorBlock:
    """The description of `error` for an authenticated partner.

    The text of a business refusal, otherwise the public sentence of the condition; never a value.
    """
    reason = error.detail if isinstance(error, ExchangeError) else public_reason(error)
    return ErrorBlock(code=error.code, reason=reason, node=getattr(error, "node", ""), resend=error.retryable)


def write_error_block(parent: _Element, problem: ErrorBlock) -> None:
    element = xml.add(parent, Q_ERROR)
    xml.add(element, Q_CODE, problem.code)
    xml.add(element, Q_REASON, problem.reason)
    xml.add_if(element, Q_NODE, problem.node)
    xml.add_if(element, Q_VALUE, problem.value)
    if problem.resend is not None:
        xml.add_indicator(element, Q_RESEND, problem.resend)


def read_error_block(parent: _Element) -> ErrorBlock:
    element = xml.child(parent, Q_ERROR)
    return ErrorBlock(
        code=xml.text(element, Q_CODE),
        reason=xml.text(element, Q_REASON),
        node=xml.text(element, Q_NODE),
        value=xml.text(element, Q_VALUE),
        resend=xml.indicator(element, Q_RESEND),
    )
