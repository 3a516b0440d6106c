"""SOAP 1.1 and 1.2 on the wire: the versions, an unsigned envelope from a payload, an envelope to bytes.

Security is added by `outbound`; what comes in is read by `parsing` and `structure`.
"""

from __future__ import annotations

from enum import Enum

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import SOAP11, SOAP12, WSA, WSU
from ccms_ws.envelope.addressing import Addressing, write_addressing
from ccms_ws.errors import SoapVersionMismatch


class SoapVersion(Enum):
    """A version of SOAP; the value is its envelope namespace."""

    SOAP11 = SOAP11
    SOAP12 = SOAP12

    @property
    def namespace(self) -> str:
        """The namespace of Envelope, Header, Body and Fault."""
        return self.value

    @property
    def media_type(self) -> str:
        """The HTTP media type, without parameters."""
        return "text/xml" if self is SoapVersion.SOAP11 else "application/soap+xml"

    @property
    def must_understand(self) -> str:
        """The canonical spelling of a true `mustUnderstand` (BP R1013)."""
        return "1" if self is SoapVersion.SOAP11 else "true"

    @classmethod
    def from_namespace(cls, namespace: str | None) -> SoapVersion:
        """The version with this envelope namespace; `SoapVersionMismatch` if there is none (SOAP 1.1, 4.1.2)."""
        try:
            return cls(namespace)
        except ValueError:
            raise SoapVersionMismatch(f"envelope namespace {namespace!r}", rule="BP R1015") from None


def compose_envelope(payload: _Element | None, addressing: Addressing, version: SoapVersion) -> _Element:
    """An unsigned envelope around `payload` (moved, not copied), in the one shape that every known stack reads.

    `soap`, `wsa` and `wsu` are declared once, on the Envelope; the payload keeps its own declarations.
    """
    soap = version.namespace
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap, "wsa": WSA, "wsu": WSU})
    write_addressing(etree.SubElement(envelope, f"{{{soap}}}Header"), addressing)
    body = etree.SubElement(envelope, f"{{{soap}}}Body")
    if payload is not None:
        body.append(payload)
    return envelope


def to_bytes(envelope: _Element) -> bytes:
    """The envelope as UTF-8 with an XML declaration, not pretty-printed: whitespace would change what was signed."""
    return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)
