"""SignedInfo is read the plain way and from the tree to the same end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS
from ccms_ws.envelope import signedinfo
from ccms_ws.envelope.algorithms import DIGESTS, RSA_SHA256, SHA256, SIGNATURES
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.parsing import new_parser, parse
from ccms_ws.envelope.signedinfo import SignatureClaims, read_claims, write_signed_info
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.envelope.structure import dissect, unique_ids
from tests.support.envelopes import POLICY, parsed, sealed
from tests.support.layouts import LAYOUTS
from tests.support.oracles import libxmlsec_sign
from tests.support.pki import pki


def _claims(root: _Element) -> SignatureClaims:
    return read_claims(dissect(root), unique_ids(root), POLICY)


def test_what_is_written_is_canonical_and_read_the_plain_way() -> None:
    for method in SIGNATURES:
        for digest in DIGESTS:
            references = [("#id-1", digest, "AAAA"), ("#id-2", digest, "BBBB")]
            octets = write_signed_info(method, references).encode()
            signed_info = etree.fromstring(octets)
            assert canonical(signed_info) == octets
            assert signedinfo._read_plainly(signed_info) == (octets, method, references)


@pytest.mark.parametrize("name", ["sealed", *LAYOUTS])
def test_both_ways_of_reading_find_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = to_bytes(sealed()) if name == "sealed" else libxmlsec_sign(LAYOUTS[name].text(), pki().probation)
    root = parse(raw, POLICY.limits)
    plain = _claims(root)
    monkeypatch.setattr(signedinfo, "_read_plainly", lambda _signed_info: None)
    walked = _claims(root)
    assert walked == plain._replace(
        references=[reference._replace(prefixes=list(reference.prefixes)) for reference in plain.references]
    )


def test_our_own_messages_are_read_the_plain_way() -> None:
    assert signedinfo._read_plainly(dissect(parsed(to_bytes(sealed()))).signature[0]) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<ds:Reference ", '<ds:Reference Id="x" '),
        ("<ds:Reference ", '<ds:Reference Type="x" '),
        ("<ds:Transforms>", "<ds:Transforms><x/>"),
        ("<ds:DigestValue>", "<ds:DigestValue><x/>"),
        ("</ds:DigestMethod>", "<x/></ds:DigestMethod>"),
        ("</ds:SignatureMethod>", "<x/></ds:SignatureMethod>"),
        ('"></ds:SignatureMethod>', '" X="y"></ds:SignatureMethod>'),
        ("</ds:SignedInfo>", "<x/></ds:SignedInfo>"),
        ("<ds:SignedInfo ", '<ds:SignedInfo Id="x" '),
        ('"#id', '"&amp;#id'),
        ("<ds:Transform ", '<ds:Transform xmlns:ds="urn:x" '),
        ("<ds:Transform ", '<ds:Transform xmlns:x="urn:x" '),
        ("<ds:SignedInfo ", '<ds:SignedInfo xmlns:x="relative" '),
        ("<ds:SignedInfo ", '<ds:SignedInfo xml:lang="en" '),
        ('"#id-1"', "'#\"id'"),
        ("#id-1", "#id&#10;"),
        ("AAAA", "AA&#13;AA"),
        ("AAAA", "AA<?x?>AA"),
    ],
)
def test_the_plain_way_is_for_the_plain_only(old: str, new: str) -> None:
    text = write_signed_info(RSA_SHA256, [("#id-1", SHA256, "AAAA")])
    assert signedinfo._read_plainly(etree.fromstring(text)) is not None
    assert signedinfo._read_plainly(etree.fromstring(text.replace(old, new))) is None


@pytest.mark.parametrize("prefix", ["", "dsig:"])
def test_the_plain_way_is_for_the_usual_prefix(prefix: str) -> None:
    text = write_signed_info(RSA_SHA256, [("#id-1", SHA256, "AAAA")])
    declared = f"xmlns:{prefix}".rstrip(":")
    other = text.replace("xmlns:ds", declared).replace("<ds:", f"<{prefix}").replace("</ds:", f"</{prefix}")
    assert signedinfo._read_plainly(etree.fromstring(other)) is None


@given(st.data())
def test_whatever_the_plain_way_accepts_the_tree_says_too(data: st.DataObject) -> None:
    """Octets are cut out or put in at random; where both ways read, they read the same."""
    pieces = [
        '<ds:Reference URI="#x">',
        "</ds:Reference>",
        "<ds:Transforms>",
        '"',
        ">",
        "</ds:SignedInfo>",
        " ",
        "<!---->",
        "&amp;",
    ]
    text = write_signed_info(RSA_SHA256, [("#id-1", SHA256, "AAAA"), ("#id-2", SHA256, "BBBB")])
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text = text[:start] + data.draw(st.sampled_from(["", *pieces])) + text[end:]
    try:
        root = etree.fromstring(text, new_parser())
    except etree.XMLSyntaxError:
        return
    plain = signedinfo._read_plainly(root)
    if plain is not None:
        walked = [signedinfo._read_reference(reference) for reference in list(root)[2:]]
        assert plain == (canonical(root), root[1].get("Algorithm"), [(*written[:3],) for written in walked])
        assert not any(prefixes for *_, prefixes in walked)


def test_a_signature_may_carry_ids_but_nothing_else() -> None:
    root = parsed(to_bytes(sealed()))
    signature = next(root.iter(f"{{{DS}}}Signature"))
    signature.set("Id", "SIG-1")
    signature[2].set("Id", "KI-1")
    assert len(_claims(root).references) == 7
