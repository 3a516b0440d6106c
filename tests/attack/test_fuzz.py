"""Messages broken at random end in one of our errors, or say exactly what was signed. `CCMS_WS_FUZZ` sets how many."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.inbound import HttpMessage
from ccms_ws.envelope.policy import TokenReference
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.errors import CcmsWsError
from tests.support.envelopes import opened, payload, received, sealed
from tests.support.layouts import LAYOUTS
from tests.support.oracles import libxmlsec_sign
from tests.support.pki import pki

EXAMPLES = int(os.environ.get("CCMS_WS_FUZZ", "400"))
fuzz = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def _messages() -> list[bytes]:
    messages = [to_bytes(sealed(reference=kind, version=version)) for kind in TokenReference for version in SoapVersion]
    return messages + [libxmlsec_sign(layout.text(), pki().probation) for layout in LAYOUTS.values()]


MESSAGES = _messages()
SIGNED = {canonical(opened(message).payload) for message in MESSAGES}
TEXTS = [
    "", "<", ">", "/>", '"', "'", "&", ";", "&#0;", "&#x110000;", "&e;", "<!--", "-->", "<![CDATA[", "]]>", "<?x ?>",
    "<!DOCTYPE x>", "<x>", "</x>", "<x/>", ' xmlns=""', ' xmlns="urn:x"', " xmlns:wsu='u'", ' Id="x"', ' wsu:Id="TS"',
    "=", "9" * 400, "x" * 5000, "1e999", "-1", "%00", "\u202e\ufeff\u0661", "\r\n", ' soap:mustUnderstand="1"', "#",
    ' soap:actor="x"', 'PrefixList="#default"', "xsi:type='x:y'", "DigestValue", "Envelope",
]  # fmt: skip
SNIPPETS = [*(text.encode() for text in TEXTS), b"\0", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\x85"]


def _check(message: HttpMessage | bytes) -> None:
    try:
        envelope = opened(message)
    except CcmsWsError:
        return
    assert canonical(envelope.payload) in SIGNED


@fuzz
@given(st.data())
def test_octets_cut_replaced_and_put_in(data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(MESSAGES))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        length = data.draw(st.sampled_from([0, 0, 1, 1, 2, 10, 100]))
        raw = raw[:start] + data.draw(st.sampled_from(SNIPPETS)) + raw[start + length :]
    _check(raw)


@fuzz
@given(st.data())
def test_nodes_moved_renamed_doubled_and_rewritten(data: st.DataObject) -> None:
    root = etree.fromstring(data.draw(st.sampled_from(MESSAGES)))
    for _ in range(data.draw(st.integers(1, 3))):
        nodes = list(root.iter(etree.Element))
        node, other = data.draw(st.sampled_from(nodes)), data.draw(st.sampled_from(nodes))
        text = data.draw(
            st.sampled_from(["", "x", "AAAA", "=", "-1", "2026-03-02T17:30:00Z", "\u0661", "9" * 60, "urn:x", "#TS"])
        )
        match data.draw(st.integers(0, 6)):
            case 0 if node is not root:
                _parent(node).remove(node)
            case 1 if node is not root and other not in list(node.iter()):
                other.append(node)
            case 2:
                node.text = text
            case 3:
                node.tag = str(other.tag)
            case 4 if node.attrib:
                node.set(data.draw(st.sampled_from(sorted(str(name) for name in node.attrib))), text)
            case 5 if node.attrib:
                del node.attrib[data.draw(st.sampled_from(sorted(str(name) for name in node.attrib)))]
            case _:
                node.addnext(etree.fromstring(etree.tostring(other, with_tail=False))) if node is not root else None
    _check(etree.tostring(root))


@fuzz
@given(st.text(max_size=80), st.none() | st.text(max_size=60), st.binary(max_size=200))
def test_headers_and_bodies_of_any_kind(content_type: str, soap_action: str | None, body: bytes) -> None:
    _check(received(MESSAGES[0], content_type=content_type, soap_action=soap_action))
    _check(received(MESSAGES[0], content_type="text/xml;" + content_type, soap_action=soap_action))
    _check(HttpMessage(body, "text/xml", None))


def _parent(node: etree._Element) -> etree._Element:
    parent = node.getparent()
    assert parent is not None
    return parent


@pytest.mark.parametrize("kind", list(TokenReference))
def test_every_single_octet_changed(kind: TokenReference) -> None:
    """One octet of a small message at a time, through all of it: a sample of what an octet can become."""
    raw = to_bytes(sealed(payload(Name="x"), by=pki().dmv, reference=kind))
    signed = canonical(opened(raw).payload)
    chance = random.Random(4711)
    for position in range(0, len(raw), 3):
        changed = bytearray(raw)
        changed[position] = chance.choice(b"\0\x1f <>&'\"/aZ9=\x80\xff")
        try:
            assert canonical(opened(bytes(changed)).payload) == signed
        except CcmsWsError:
            continue
