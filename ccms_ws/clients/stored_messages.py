"""What a message that the court verified and kept says, for programs that read the message log."""

from __future__ import annotations

from typing import Any

from lxml import etree

from ccms_ws.contract.namespaces import SOAP11, SOAP12, q
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import UnknownMessage
from ccms_ws.registry import get_exchange

_BODIES = tuple(q(version.namespace, "Body") for version in SoapVersion)
_FAULTS = (q(SOAP11, "Fault"), q(SOAP12, "Fault"))
_DETAILS = ("detail", q(SOAP12, "Detail"))


def read_stored(raw: bytes, exchange_code: str) -> Any:
    """The message in an envelope or, of a fault, in its detail, as a value of its exchange.

    For bytes that the court has kept: they are not verified again. Raises UnknownMessage if the exchange takes no such
    message.
    """
    root = etree.fromstring(raw, new_parser())
    body = next(root.iterchildren(*_BODIES), None)
    payload = body[0] if body is not None and len(body) else root
    if payload.tag in _FAULTS:
        detail = next(payload.iterchildren(*_DETAILS), None)
        payload = detail[0] if detail is not None and len(detail) else payload
    incoming = get_exchange(exchange_code).incoming_by_root(str(payload.tag))
    if incoming is None:
        raise UnknownMessage(f"{exchange_code} takes no {etree.QName(payload).localname}")
    return incoming.read(payload)
