"""SOAP faults: the only place that knows which fault a condition becomes and what a stranger may read of it."""

from __future__ import annotations

from dataclasses import dataclass

from lxml.etree import _Element

from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import CcmsWsError


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A fault that was received. Names are in Clark notation; nothing in it is more than the sender's claim."""

    code: str
    subcode: str | None
    reason: str
    detail: _Element | None
    """The first child of the detail, in the very tree that was opened."""


def compose_fault(
    error: CcmsWsError, incident_id: str, version: SoapVersion, exchange_detail: _Element | None = None
) -> _Element:
    """The Fault element for `error`: a Body payload.

    Its detail is `exchange_detail` (an exchange's own error message), or else
    `fault:FaultDetail{ErrorCode, ErrorReason, IncidentID}`. Only the public sentence of the condition is shown.
    """
    raise NotImplementedError


def fault_action(error: CcmsWsError) -> str:
    """The wsa:Action of the fault for `error` (WS-Addressing 1.0 SOAP Binding, 5)."""
    raise NotImplementedError


def public_reason(error: CcmsWsError) -> str:
    """The one sentence about `error` that may leave the house."""
    raise NotImplementedError


def read_fault(element: _Element) -> SoapFault:
    """Read a soap:Fault of either version; `MalformedEnvelope` if it is none."""
    raise NotImplementedError
