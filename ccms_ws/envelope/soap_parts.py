"""The anatomy of a SOAP message with security: every part is found once, by its place, and is alone there.

From here on parts are nodes, not names: what was found is what is verified, and what was verified is what is used.
"""

from __future__ import annotations

import threading
from typing import Final, NamedTuple, Protocol, cast

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, WSA, WSSE, WSU, XENC
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import (
    AddressingHeaderInvalid,
    AlgorithmRefused,
    HeaderNotUnderstood,
    MalformedEnvelope,
    SecurityHeaderInvalid,
    TokenUnsupported,
)

Q_SECURITY: Final = f"{{{WSSE}}}Security"
Q_TOKEN: Final = f"{{{WSSE}}}BinarySecurityToken"
Q_TIMESTAMP: Final = f"{{{WSU}}}Timestamp"
Q_SIGNATURE: Final = f"{{{DS}}}Signature"
Q_ID: Final = f"{{{WSU}}}Id"

_WSA_BLOCK: Final = f"{{{WSA}}}"
_ENCRYPTED: Final = f"{{{XENC}}}"
_ID_NAMES: Final = frozenset({"Id", "ID", "id", "AssertionID"})
_ULTIMATE: Final = frozenset({
    "http://schemas.xmlsoap.org/soap/actor/next",
    "http://www.w3.org/2003/05/soap-envelope/role/next",
    "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
})  # fmt: skip


class _Names(NamedTuple):
    """What SOAP calls its parts in one version."""

    version: SoapVersion
    own: str
    """How names of its namespace begin."""
    children: list[str]
    body: str
    encoding_style: str
    must_understand: str
    role: str
    mandatory: dict[str | None, bool]
    """By the value of mustUnderstand."""


def _names(version: SoapVersion, role: str, mandatory: dict[str | None, bool]) -> _Names:
    own = f"{{{version.namespace}}}"
    children = [f"{own}Header", f"{own}Body"]
    return _Names(
        version, own, children, children[1], f"{own}encodingStyle", f"{own}mustUnderstand", f"{own}{role}",
        {None: False, "0": False, "1": True, **mandatory},
    )  # fmt: skip


_NAMES: Final = {
    f"{{{names.version.namespace}}}Envelope": names
    for names in (
        _names(SoapVersion.SOAP11, "actor", {}),
        _names(SoapVersion.SOAP12, "role", {"false": False, "true": True}),
    )
}


class MessageParts(NamedTuple):
    """The parts of one message. Every element is a child of its only possible parent."""

    version: SoapVersion
    envelope: _Element
    header: _Element
    body: _Element
    payload: _Element
    addressing: list[_Element]
    """The wsa header blocks."""
    security: _Element
    timestamp: _Element
    token: _Element | None
    signature: _Element


class UnsignedMessageParts(NamedTuple):
    """The parts of a message that has no Security header at all."""

    version: SoapVersion
    body: _Element
    payload: _Element
    addressing: list[_Element]


def read_unsigned_parts(root: _Element) -> UnsignedMessageParts | None:
    """The parts of a message without Security header; None if it has one, for any actor. Errors: as `read_parts`."""
    version, header, body = outline(root)
    payload = only_child_of_body(body, _NAMES[root.tag])
    if header is None:
        return UnsignedMessageParts(version, body, payload, [])
    if any(block.tag == Q_SECURITY for block in header):
        return None
    addressing, _ = _header_blocks(header, _NAMES[root.tag])
    return UnsignedMessageParts(version, body, payload, addressing)


def read_parts(root: _Element) -> MessageParts:
    """Find every part.

    Errors: `MalformedEnvelope`, `SoapVersionMismatch`, `HeaderNotUnderstood`, `SecurityHeaderInvalid`,
    `TokenUnsupported`, `AlgorithmRefused`, `AddressingHeaderInvalid`.
    """
    version, header, body = outline(root)
    names = _NAMES[root.tag]
    payload = only_child_of_body(body, names)
    if payload.tag.startswith(_ENCRYPTED):
        raise AlgorithmRefused("the Body is encrypted; encryption is not part of the profile")
    if header is None:
        raise SecurityHeaderInvalid("there is no Header, so nothing is signed")
    addressing, securities = _header_blocks(header, names)
    if len(securities) != 1:
        raise SecurityHeaderInvalid(f"{len(securities)} Security headers, one is expected", rule="WSS 6")
    security = securities[0]
    timestamp, token, signature = _security_children(security)
    return MessageParts(version, root, header, body, payload, addressing, security, timestamp, token, signature)


def outline(root: _Element) -> tuple[SoapVersion, _Element | None, _Element]:
    """Version, Header and Body of an Envelope that has nothing else.

    Errors: `MalformedEnvelope`, `SoapVersionMismatch`.
    """
    names = _NAMES.get(root.tag)
    if names is None:
        namespace, _, name = root.tag[1:].rpartition("}")
        if name != "Envelope":
            raise MalformedEnvelope(f"the root is {root.tag}, not an Envelope", rule="BP R1015")
        names = _NAMES[SoapVersion.from_namespace(namespace).namespace]
    children = list(root)
    tags = [child.tag for child in children]
    if tags != names.children and tags != names.children[1:]:
        if names.body in tags[:-1] and tags.count(names.body) == 1:
            raise MalformedEnvelope("something follows the Body", rule="BP R1011")
        raise MalformedEnvelope("an Envelope holds one Header and one Body", rule="BP R9980")
    body = children[-1]
    for element in (root, *children):
        for name in cast("list[str]", element.keys()):
            if name == names.encoding_style:
                raise MalformedEnvelope("encodingStyle on an element of SOAP's own", rule="BP R1005")
            if name.startswith(names.own):
                raise MalformedEnvelope(f"{name} on {element.tag}", rule="BP R1032")
    return names.version, children[0] if len(children) == 2 else None, body


def only_child_of_body(body: _Element, names: _Names) -> _Element:
    """The payload: the one namespace-qualified element in the Body, with nothing but whitespace around it."""
    if len(body) != 1:
        raise MalformedEnvelope(f"{len(body)} elements in the Body, one is expected", rule="BP R9981")
    payload = body[0]
    if not payload.tag.startswith("{"):
        raise MalformedEnvelope("the payload is in no namespace", rule="BP R1014")
    if (body.text and not body.text.isspace()) or (payload.tail and not payload.tail.isspace()):
        raise MalformedEnvelope("text beside the payload", rule="BP R2201")
    if payload.get(names.encoding_style) is not None:
        raise MalformedEnvelope("encodingStyle on the payload", rule="BP R1006")
    return payload


def _header_blocks(header: _Element, names: _Names) -> tuple[list[_Element], list[_Element]]:
    addressing: list[_Element] = []
    securities: list[_Element] = []
    for block in header:
        tag = block.tag
        mandatory = names.mandatory.get(block.get(names.must_understand))
        role = block.get(names.role)
        if mandatory is None:
            raise MalformedEnvelope(f"mustUnderstand={block.get(names.must_understand)!r}", rule="BP R1013")
        if tag.startswith(_WSA_BLOCK):
            if role and role not in _ULTIMATE:
                raise AddressingHeaderInvalid(f"{tag} is for another actor", rule="WSA SOAP 3.2")
            addressing.append(block)
        elif tag == Q_SECURITY:
            if role and role not in _ULTIMATE:
                raise SecurityHeaderInvalid("a Security header for another actor", rule="WSS 6")
            securities.append(block)
        elif mandatory and (not role or role in _ULTIMATE):  # SOAP 1.1 4.2.2, SOAP 1.2 part 1 2.4
            raise HeaderNotUnderstood(f"{tag} is not understood", rule="BP R1027")
    return addressing, securities


def _security_children(security: _Element) -> tuple[_Element, _Element | None, _Element]:
    found: dict[str, _Element] = {}
    for child in security:
        tag = child.tag
        if tag in found:
            raise SecurityHeaderInvalid(f"a second {tag}", rule=_ONCE.get(tag, ""))
        if tag not in _ONCE:
            if tag.startswith(_ENCRYPTED):
                raise AlgorithmRefused(f"{tag}: encryption is not part of the profile")
            raise TokenUnsupported(f"{tag} in the Security header")
        found[tag] = child
    for tag in (Q_TIMESTAMP, Q_SIGNATURE):
        if tag not in found:
            raise SecurityHeaderInvalid(f"there is no {tag}", rule="GFIPM S2S")
    return found[Q_TIMESTAMP], found.get(Q_TOKEN), found[Q_SIGNATURE]


_ONCE: Final = {Q_TIMESTAMP: "BSP R3227", Q_TOKEN: "GFIPM S2S", Q_SIGNATURE: "GFIPM S2S"}


class _AttributeValue(Protocol):
    """What lxml's XPath gives for an attribute: a string that knows where it stands."""

    attrname: str

    def getparent(self) -> _Element: ...


class _ThisThread(threading.local):
    def __init__(self) -> None:
        # Names that contain no id are sorted out below; contains() is the fastest filter that libxml2 has.
        # The elements themselves ("/..") would cost libxml2 the square of their number.
        self.ids = etree.XPath("/descendant::*/@*[contains('Id ID id AssertionID', local-name())]")


_this_thread = _ThisThread()


def unique_ids(root: _Element) -> dict[str, _Element]:
    """The elements with a wsu:Id, the only id that a reference may use.

    No id may occur twice, whatever the attribute is called: another processor might look for another one.
    Errors: `SecurityHeaderInvalid`.
    """
    ids: dict[str, _Element] = {}
    seen: set[str] = set()
    for value in cast("list[_AttributeValue]", _this_thread.ids(root)):
        name, text = value.attrname, str(value)
        if name == Q_ID:
            ids[text] = value.getparent()
        elif name.rpartition("}")[2] not in _ID_NAMES:
            continue
        if text in seen:
            raise SecurityHeaderInvalid(f"the id {text[:64]!r} occurs twice", rule="XML 1.0 3.3.1")
        seen.add(text)
    return ids
