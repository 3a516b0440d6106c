"""How other stacks lay out what we would say: odd, and legal. Each must be accepted when it is validly signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, EXC_C14N, WSA, q
from ccms_ws.envelope.algorithms import ENVELOPED_SIGNATURE
from ccms_ws.envelope.parsing import new_parser
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.envelope.soap_parts import Q_SECURITY, Q_SIGNATURE, Q_TIMESTAMP, Q_TOKEN
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.resign import Q_CANONICALIZATION, Q_PREFIXES, Q_SIGNED_INFO, Q_TRANSFORM, one, resign

Lay = Callable[[_Element], object]


@dataclass(frozen=True, slots=True)
class Variant:
    """`says`: what is odd about it, and which stack writes it so."""

    name: str
    says: str
    make: Callable[[Draft], Request]


def _resigned(lay: Lay) -> Callable[[Draft], Request]:
    """Lay out a signed message, then sign it as it stands."""

    def make(draft: Draft) -> Request:
        envelope = draft.sealed()
        lay(envelope)
        return draft.request(resign(envelope, draft.signer))

    return make


def _before(lay: Lay) -> Callable[[Draft], Request]:
    """Lay out a message that is not signed yet."""

    def make(draft: Draft) -> Request:
        envelope = draft.composed()
        lay(envelope)
        return draft.request(draft.sealed(envelope))

    return make


# -- signature --------------------------------------------------------------------------------------------------------
def _add_prefixes(method: _Element, prefixes: str) -> None:
    etree.SubElement(method, Q_PREFIXES, {"PrefixList": prefixes}, nsmap={"ec": EXC_C14N})


def _prefix_lists(envelope: _Element) -> None:
    for transform in envelope.iter(Q_TRANSFORM):
        _add_prefixes(transform, "wsa soap")
    _add_prefixes(one(envelope, Q_CANONICALIZATION), "wsse wsa soap")


def _default_prefix_list(envelope: _Element) -> None:
    for transform in envelope.iter(Q_TRANSFORM):
        _add_prefixes(transform, "#default wsu")


def _enveloped_transform(envelope: _Element) -> None:
    for transform in list(envelope.iter(Q_TRANSFORM)):
        transform.addprevious(etree.Element(Q_TRANSFORM, {"Algorithm": ENVELOPED_SIGNATURE}))


def _ids_on_signature(envelope: _Element) -> None:
    one(envelope, Q_SIGNATURE).set("Id", "SIG-1")
    one(envelope, q(DS, "KeyInfo")).set("Id", "KI-1")


def _indented_signature(envelope: _Element) -> None:
    etree.indent(one(envelope, Q_SIGNED_INFO), "  ")


def _order(*names: str) -> Lay:
    """The children of the security header in this order."""

    def lay(envelope: _Element) -> None:
        security = one(envelope, Q_SECURITY)
        for name in names:
            security.append(one(security, name))

    return lay


# -- headers and Body -------------------------------------------------------------------------------------------------
def _security_first(envelope: _Element) -> None:
    header = envelope[0]
    header[:] = reversed(list(header))


def _reply_to_missing(envelope: _Element) -> None:
    envelope[0].remove(one(envelope, q(WSA, "ReplyTo")))


def _reply_to_with_more(envelope: _Element) -> None:
    reply_to = one(envelope, q(WSA, "ReplyTo"))
    for name in ("ReferenceParameters", "Metadata"):
        etree.SubElement(reply_to, q(WSA, name))


def _space_around_payload(envelope: _Element) -> None:
    body = envelope[-1]
    body.text, body[0].tail = "\n    ", "\n  "


def _comments(envelope: _Element) -> None:
    payload = envelope[-1][0]
    payload.insert(0, etree.Comment(" made by another stack "))
    payload.append(etree.Comment(" the end "))


def _character_data(envelope: _Element) -> None:
    """Values as CDATA sections."""
    for element in envelope[-1][0].iter(etree.Element):
        if not len(element) and element.text:
            element.text = etree.CDATA(element.text)


def _foreign_default_namespace(draft: Draft) -> Request:
    """A default namespace on the payload in place of its prefix."""
    prefix = etree.fromstring(draft.payload, new_parser()).prefix
    text = draft.payload.decode()
    if prefix is not None:
        text = text.replace(f"<{prefix}:", "<").replace(f"</{prefix}:", "</").replace(f"xmlns:{prefix}=", "xmlns=")
    return replace(draft, payload=text.encode()).request()


def _utf16(draft: Draft) -> Request:
    text = to_bytes(draft.sealed()).decode().partition("?>")[2]
    request = draft.request(text.encode("utf-16"))
    return replace(request, content_type=request.content_type.replace("utf-8", "utf-16"))


def _content_type(draft: Draft) -> Request:
    request = draft.request()
    action = f'action="{draft.action}"; ' if request.soap_action is None else ""
    return replace(request, content_type=f'{draft.version.media_type};{action}charset="UTF-8"')


def _no_parameters(draft: Draft) -> Request:
    return replace(draft.request(), content_type=draft.version.media_type)


def _by_reference(reference: TokenReference) -> Callable[[Draft], Request]:
    return lambda draft: replace(draft, reference=reference).request()


LAYOUTS: Final = (
    Variant("prefix-lists", "PrefixLists on every reference and on SignedInfo (WSS4J, Perl)", _resigned(_prefix_lists)),
    Variant("default-prefix-list", "#default in the PrefixLists (WSS4J)", _resigned(_default_prefix_list)),
    Variant("enveloped-transform", "an enveloped-signature transform before exclusive C14N (node-soap)",
           _resigned(_enveloped_transform)),
    Variant("ids-on-signature", "Id on ds:Signature and ds:KeyInfo (WSS4J)", _resigned(_ids_on_signature)),
    Variant("indented-signature", "line breaks inside SignedInfo", _resigned(_indented_signature)),
    Variant("timestamp-last", "the Timestamp after the signature (.NET)",
           _resigned(_order(Q_TOKEN, Q_SIGNATURE, Q_TIMESTAMP))),
    Variant("token-after-signature", "the certificate after the signature that refers to it (discouraged, BSP R5205)",
           _resigned(_order(Q_TIMESTAMP, Q_SIGNATURE, Q_TOKEN))),
    Variant("security-first", "the header blocks in another order", _resigned(_security_first)),
    Variant("issuer-serial", "the certificate named by issuer and serial number (WSS4J's default)",
           _by_reference(TokenReference.ISSUER_SERIAL)),
    Variant("key-identifier", "the certificate named by its SubjectKeyIdentifier",
           _by_reference(TokenReference.KEY_IDENTIFIER)),
    Variant("thumbprint", "the certificate named by its thumbprint", _by_reference(TokenReference.THUMBPRINT)),
    Variant("reply-to-missing", "no wsa:ReplyTo, which means the anonymous address", _before(_reply_to_missing)),
    Variant("reply-to-with-more", "empty wsa:ReferenceParameters and wsa:Metadata in wsa:ReplyTo (CXF)",
           _before(_reply_to_with_more)),
    Variant("space-around-payload", "line breaks around the payload", _before(_space_around_payload)),
    Variant("comments", "comments in the payload, which the signature does not cover", _resigned(_comments)),
    Variant("cdata", "values as CDATA sections", _resigned(_character_data)),
    Variant("default-namespace", "a default namespace on the payload in place of a prefix (.NET)",
           _foreign_default_namespace),
    Variant("utf-16", "UTF-16 with byte order mark (BP R1012)", _utf16),
    Variant("content-type-order", "charset in quotes and capitals, action before it", _content_type),
    Variant("content-type-bare", "a Content-Type without parameters", _no_parameters),
)  # fmt: skip


def get_variant(name: str) -> Variant:
    """The layout of that name. Raises LookupError."""
    found = next((layout for layout in LAYOUTS if layout.name == name), None)
    if found is None:
        raise LookupError(f"there is no layout {name!r}")
    return found
