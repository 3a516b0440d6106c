"""WS-Addressing 1.0: the message addressing properties, written and read. The checks against what we are: `inbound`."""

from __future__ import annotations

from dataclasses import dataclass

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSA, WSA_ANONYMOUS


@dataclass(frozen=True, slots=True)
class Addressing:
    """The message addressing properties of one message (WS-Addressing 1.0 Core, 3.1)."""

    to: str
    """The address of the receiving endpoint; the anonymous address on answers."""

    action: str
    """The URI that names what the message asks for."""

    message_id: str
    """`urn:uuid:...`. Empty only on a received answer that carries none."""

    relates_to: str | None = None
    """The message id that this one answers."""

    reply_to: str | None = None
    """Where the answer goes; None when no wsa:ReplyTo is present (which means the anonymous address)."""

    @classmethod
    def request(cls, *, to: str, action: str, message_id: str, relates_to: str | None = None) -> Addressing:
        """The properties of a request: answered in the HTTP response (anonymous ReplyTo)."""
        return cls(to, action, message_id, relates_to, WSA_ANONYMOUS)

    @classmethod
    def answer(cls, *, action: str, message_id: str, relates_to: str) -> Addressing:
        """The properties of an answer in the HTTP response to `relates_to`."""
        return cls(WSA_ANONYMOUS, action, message_id, relates_to)


def write_addressing(header: _Element, addressing: Addressing) -> None:
    """Append the wsa header blocks to `header`."""
    for name, value in (
        ("To", addressing.to),
        ("Action", addressing.action),
        ("MessageID", addressing.message_id),
        ("RelatesTo", addressing.relates_to),
    ):
        if value:
            etree.SubElement(header, f"{{{WSA}}}{name}").text = value
    if addressing.reply_to:
        reply_to = etree.SubElement(header, f"{{{WSA}}}ReplyTo")
        etree.SubElement(reply_to, f"{{{WSA}}}Address").text = addressing.reply_to
