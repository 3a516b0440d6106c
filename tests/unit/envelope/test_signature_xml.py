"""SignedInfo is written in its canonical form, and read as that form says."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS
from ccms_ws.envelope.algorithms import DIGESTS, SIGNATURES
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.parsing import parse
from ccms_ws.envelope.signature_xml import ParsedSignature, parse_signature, write_signed_info
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.envelope.soap_parts import read_parts, unique_ids
from ccms_ws.errors import CcmsWsError, LimitExceeded
from tests.support.envelopes import NS, POLICY, parsed, sealed
from tests.support.layouts import LAYOUTS
from tests.support.oracles import inclusive, libxmlsec_sign
from tests.support.pki import pki

_START = f'<ds:SignedInfo xmlns:ds="{DS}">'


def _claims(root: _Element) -> ParsedSignature:
    return parse_signature(read_parts(root), unique_ids(root), POLICY)


def _written_text() -> tuple[str, str, str]:
    """A message around its SignedInfo, which stands in the middle in its canonical form."""
    text = canonical(sealed()).decode()
    before, _, rest = text.partition("<ds:SignedInfo>")
    content, end, after = rest.partition("</ds:SignedInfo>")
    return before, f"{_START}{content}{end}", after


def _check_claims(claims: ParsedSignature) -> None:
    """What was read is what the signed octets say to a reader that knows them alone."""
    said = etree.fromstring(claims.signed_info)
    assert said.tag == f"{{{DS}}}SignedInfo"
    assert said.find("ds:SignatureMethod", NS).get("Algorithm") == claims.method  # type: ignore[union-attr]
    references = said.findall("ds:Reference", NS)
    assert len(references) == len(said) - 2
    assert [reference.get("URI") for reference in references] == [
        "#" + str(reference.target.get(f"{{{NS['wsu']}}}Id")) for reference in claims.references
    ]
    assert [(reference.findtext("ds:DigestValue", "", NS)).split() for reference in references] == [
        [b64encode(reference.value).decode()] for reference in claims.references
    ]


def test_what_is_written_is_canonical() -> None:
    for method in SIGNATURES:
        for digest in DIGESTS:
            octets = write_signed_info(method, [("#id-1", digest, "AAAA"), ("#id-2", digest, "BBBB")]).encode()
            assert canonical(etree.fromstring(octets)) == octets


@pytest.mark.parametrize("name", ["sealed", *LAYOUTS])
def test_what_is_read_is_what_is_signed(name: str) -> None:
    raw = to_bytes(sealed()) if name == "sealed" else libxmlsec_sign(LAYOUTS[name].text(), pki().probation)
    _check_claims(_claims(parse(raw, POLICY.limits)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_START, '<ds:SignedInfo xmlns:ds="urn:x">'),
        ("<ds:Reference ", '<ds:Reference xmlns:ds="urn:x" '),
        ("<ds:Transform ", '<ds:Transform xmlns:ds="urn:x" '),
        ("<ds:DigestValue>", '<ds:DigestValue xmlns:ds="urn:x">'),
        ("<ds:Reference ", '<ds:Reference Type="x" '),
        ("<ds:Transforms>", "<ds:Transforms><x/>"),
        ("<ds:DigestValue>", "<ds:DigestValue><x/>"),
        ("</ds:DigestMethod>", "<x/></ds:DigestMethod>"),
        ("</ds:SignatureMethod>", "<x/></ds:SignatureMethod>"),
        ("</ds:SignedInfo>", "<x/></ds:SignedInfo>"),
        (_START, f'<ds:SignedInfo xmlns:x="relative" xmlns:ds="{DS}">'),
    ],
)
def test_a_signed_info_that_says_something_else_is_refused(old: str, new: str) -> None:
    """The first ones keep the usual prefix, and bind it to another namespace."""
    before, signed_info, after = _written_text()
    assert old in signed_info
    with pytest.raises(CcmsWsError):
        _claims(parse((before + signed_info.replace(old, new, 1) + after).encode(), POLICY.limits))


_PIECES = [
    "", '<ds:Reference URI="#x">', "</ds:Reference>", "<ds:Transforms>", '"', ">", "</ds:SignedInfo>", " ", "<!---->",
    "&amp;", ' xmlns:ds="urn:x"', 'x="', "ds:",
]  # fmt: skip
_EDITS = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 30), st.sampled_from(_PIECES)), min_size=1, max_size=3)


@given(_EDITS)
@example([(_START.index(DS), 4, "")])
@example([(_START.index(DS) + len(DS) - 1, 1, "")])
def test_octets_cut_out_or_put_in_change_nothing_unseen(edits: list[tuple[int, int, str]]) -> None:
    before, text, after = _written_text()
    for start, length, piece in edits:
        text = text[:start] + piece + text[start + length :]
    try:
        claims = _claims(parse((before + text + after).encode(), POLICY.limits))
    except CcmsWsError:
        return
    _check_claims(claims)


def test_a_prefix_list_has_no_more_prefixes_than_an_element_may_declare() -> None:
    """Each is looked up for each element that is canonicalized with it."""
    limit = POLICY.limits.namespaces
    before, text, after = _written_text()
    for element in ("CanonicalizationMethod", "Transform"):
        for count in (limit, limit + 1):
            prefixes = inclusive([f"p{number}" for number in range(count)])
            changed = text.replace(f"</ds:{element}>", f"{prefixes}</ds:{element}>", 1)
            root = parse((before + changed + after).encode(), POLICY.limits)
            if count <= limit:
                _claims(root)
            else:
                with pytest.raises(LimitExceeded, match="PrefixList"):
                    _claims(root)


def test_a_signature_may_carry_ids_but_nothing_else() -> None:
    root = parsed(to_bytes(sealed()))
    signature = next(root.iter(f"{{{DS}}}Signature"))
    signature.set("Id", "SIG-1")
    signature[2].set("Id", "KI-1")
    assert len(_claims(root).references) == 7
