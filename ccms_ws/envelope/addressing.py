"""WS-Addressing 1.0: the message addressing properties, written, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSA, WSA_ANONYMOUS, WSA_NONE
from ccms_ws.errors import (
    ActionMismatch,
    AddressingHeaderInvalid,
    AddressingHeaderMissing,
    AnswerUnrelated,
    DestinationUnreachable,
    ReplyAddressRefused,
)

_PREFIX: Final = f"{{{WSA}}}"
_Q_ADDRESS: Final = f"{_PREFIX}Address"
_Q_REFERENCE_PARAMETERS: Final = f"{_PREFIX}ReferenceParameters"
_SINGLE_VALUES: Final = frozenset({"To", "Action", "MessageID", "RelatesTo"})
_RESPONSE_ENDPOINTS: Final = frozenset({"ReplyTo", "FaultTo"})
_REPLY_RELATIONSHIP: Final = WSA + "/reply"
_ABSOLUTE_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*+:[^\s<>\"{}|\\^`]{1,2000}+")


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
            etree.SubElement(header, f"{_PREFIX}{name}").text = value
    if addressing.reply_to:
        reply_to = etree.SubElement(header, f"{_PREFIX}ReplyTo")
        etree.SubElement(reply_to, f"{_PREFIX}Address").text = addressing.reply_to


def addressing_texts(addressing: Addressing) -> Iterator[tuple[str, str]]:
    """The wsa header blocks as `write_addressing` makes them: name and canonical content of each."""
    for name, value in (
        ("wsa:To", addressing.to),
        ("wsa:Action", addressing.action),
        ("wsa:MessageID", addressing.message_id),
        ("wsa:RelatesTo", addressing.relates_to),
    ):
        if value:
            yield name, escape(value)
    if addressing.reply_to:
        yield "wsa:ReplyTo", f"<wsa:Address>{escape(addressing.reply_to)}</wsa:Address>"


def read_addressing(blocks: Iterable[_Element], *, answer: bool) -> tuple[Addressing, list[str]]:
    """The properties, and every address that ReplyTo and FaultTo name.

    A request must have To, Action and MessageID; an `answer` Action and RelatesTo (several stacks leave out the rest).
    wsa:From must be well formed and is not used: nothing is ever sent to it.
    Errors: `AddressingHeaderMissing`, `AddressingHeaderInvalid`, `ReplyAddressRefused`.
    """
    values: dict[str, str] = {}
    endpoints: list[str] = []
    for block in blocks:
        name = block.tag[len(_PREFIX) :]
        if name in values:
            raise AddressingHeaderInvalid(f"a second wsa:{name}", rule="WSA 3.2")
        if name in _SINGLE_VALUES:
            values[name] = _read_uri(block)
        elif name in _RESPONSE_ENDPOINTS:
            values[name] = _read_endpoint(block)
            endpoints.append(values[name])
        elif name == "From":
            values[name] = _read_endpoint(block, may_have_parameters=True)
        elif name != "FaultDetail":
            raise AddressingHeaderInvalid(f"wsa:{name} is not a message addressing property", rule="WSA 3.2")
        if name == "RelatesTo" and block.get("RelationshipType", _REPLY_RELATIONSHIP) != _REPLY_RELATIONSHIP:
            raise AddressingHeaderInvalid("wsa:RelatesTo is not a reply", rule="WSA 3.2")
    for name in ("Action", "RelatesTo") if answer else ("To", "Action", "MessageID"):
        if name not in values:
            raise AddressingHeaderMissing(f"there is no wsa:{name}", rule="WSA 3.2")
    return Addressing(
        values.get("To", WSA_ANONYMOUS),
        values["Action"],
        values.get("MessageID", ""),
        values.get("RelatesTo"),
        values.get("ReplyTo"),
    ), endpoints


def check_soap_action(soap_action: str | None, action: str, remarks: list[str], *, required: bool) -> None:
    """The SOAPAction header of SOAP 1.1 is wsa:Action in quotes, or empty quotes.

    The action without quotes is added to `remarks`. Errors: `ActionMismatch`.
    """
    if soap_action is None or soap_action == "":
        if required:
            missing = "is no SOAPAction header" if soap_action is None else "is nothing in the SOAPAction header"
            raise ActionMismatch(f'there {missing}; expected, quotes included: "{action}"', rule="BP R2744")
    elif soap_action == action:
        remarks.append("BP R1109: SOAPAction is not in quotes")
    elif len(soap_action) < 2 or soap_action[0] != '"' or soap_action[-1] != '"':
        raise ActionMismatch(
            f'SOAPAction is {soap_action[:200]!r}; expected, quotes included: "{action}"', rule="BP R1109"
        )
    elif soap_action[1:-1] not in {action, ""}:
        raise ActionMismatch(f"SOAPAction {soap_action[:200]} and wsa:Action {action!r}", rule="BP R1144")


def check_destination(to: str, ours: frozenset[str], *, answer: bool) -> None:
    """Errors: `DestinationUnreachable` if the message is addressed to another endpoint."""
    if to not in ours and not (answer and to == WSA_ANONYMOUS):
        raise DestinationUnreachable(
            f"wsa:To is {to!r}", rule="WSA SOAP 6.4.3", hint="compare with the published address"
        )


def check_reply_addresses(endpoints: Iterable[str], allowed: frozenset[str], *, one_way: bool) -> None:
    """The addresses of ReplyTo and FaultTo: anonymous, configured, or of a `one_way` message the none address.

    None of them is ever sent to. Errors: `ReplyAddressRefused`.
    """
    for address in endpoints:
        if address == WSA_ANONYMOUS or address in allowed or (one_way and address == WSA_NONE):
            continue
        if address == WSA_NONE:
            raise ReplyAddressRefused(
                "ReplyTo or FaultTo is the none address, and this message is answered in the HTTP response",
                rule="WSA SOAP 6.4.1.7", hint=f"leave it out, or name {WSA_ANONYMOUS}",
            )  # fmt: skip
        raise ReplyAddressRefused(
            f"ReplyTo or FaultTo is {address[:200]!r}",
            rule="WSA SOAP 6.4.1.7", hint=f"leave it out, or name {WSA_ANONYMOUS}",
        )  # fmt: skip


def check_relation(relates_to: str | None, expected: str | None) -> None:
    """Errors: `AnswerUnrelated` if an answer is for another message than the one that was sent."""
    if expected is not None and relates_to != expected:
        raise AnswerUnrelated(f"wsa:RelatesTo is {relates_to!r}, sent was {expected!r}", rule="WSA 3.4")


def _read_uri(element: _Element) -> str:
    text = (element.text or "").strip(" \t\r\n")
    if len(element) or not _ABSOLUTE_URI.fullmatch(text):
        raise AddressingHeaderInvalid(f"{element.tag} is not an absolute URI: {text[:200]!r}", rule="WSA 3.2")
    return text


def _read_endpoint(reference: _Element, *, may_have_parameters: bool = False) -> str:
    addresses = []
    for child in reference:
        if child.tag == _Q_ADDRESS:
            addresses.append(_read_uri(child))
        elif child.tag == _Q_REFERENCE_PARAMETERS and len(child) and not may_have_parameters:
            raise ReplyAddressRefused(f"reference parameters in {reference.tag}", rule="WSA 2.1")
    if len(addresses) != 1:
        raise AddressingHeaderInvalid(f"{len(addresses)} addresses in {reference.tag}", rule="WSA 2.1")
    return addresses[0]
