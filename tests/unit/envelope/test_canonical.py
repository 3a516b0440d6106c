"""Canonical octets are the same whatever was parsed before, and bind what they must."""

from __future__ import annotations

import threading

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import XSI
from ccms_ws.envelope.canonical import canonical, check_qname_values, content_of_canonical, read_prefix_list
from ccms_ws.errors import DigestMismatch, MalformedEnvelope

DOCUMENT = b'<a:r xmlns="urn:d" xmlns:a="urn:a" xmlns:b="urn:b"><a:c><d/></a:c><a:e f="1"/>tail</a:r>'


def test_a_subtree_brings_only_the_declarations_that_it_uses() -> None:
    root = etree.fromstring(DOCUMENT)
    assert canonical(root[0]) == b'<a:c xmlns:a="urn:a"><d xmlns="urn:d"></d></a:c>'
    assert canonical(root[1]) == b'<a:e xmlns:a="urn:a" f="1"></a:e>'


def test_pinned_prefixes_are_brought_too() -> None:
    root = etree.fromstring(DOCUMENT)
    assert canonical(root[1], ["b", "nobody"]) == b'<a:e xmlns:a="urn:a" xmlns:b="urn:b" f="1"></a:e>'
    assert canonical(root[1], [""]) == b'<a:e xmlns="urn:d" xmlns:a="urn:a" f="1"></a:e>'


def test_a_prefix_list_is_read_as_lxml_wants_it() -> None:
    assert read_prefix_list(" soap  #default\nt ") == ["soap", "", "t"]


def test_the_default_prefix_is_pinned_in_a_thread_that_never_saw_one() -> None:
    """lxml would leave it out until the thread has parsed an empty default namespace."""
    octets: list[bytes] = []
    thread = threading.Thread(target=lambda: octets.append(canonical(etree.fromstring(DOCUMENT)[1], [""])))
    thread.start()
    thread.join()
    assert b'xmlns="urn:d"' in octets[0]


@pytest.mark.parametrize("raw", ["<a xmlns='relative'/>", "<a xmlns:r='relative'><r:b/></a>"])
def test_what_has_no_canonical_form_is_refused_not_empty(raw: str) -> None:
    with pytest.raises(MalformedEnvelope):
        canonical(etree.fromstring(raw))


def _typed(inner: str, around: str = "") -> _Element:
    return etree.fromstring(f'<env xmlns:xsi="{XSI}" xmlns:o="urn:o"{around}>{inner}</env>')[0]


@pytest.mark.parametrize(
    ("inner", "prefixes"),
    [
        ('<o:a xsi:type="o:T"/>', []),
        ('<o:a><b xsi:type="o:T"/></o:a>', []),
        ('<a o:x="1"><b xsi:type="o:T"/></a>', []),
        ('<a xsi:type="o:T"/>', ["o"]),
        ('<a xsi:type="T"/>', []),
        ('<a xmlns="urn:d" xsi:type="T"/>', []),
        ('<o:a xmlns="urn:d"><b xmlns="" xsi:type="T"/></o:a>', []),
        ('<a o:x="1" p:y="2" xmlns:p="urn:o" xsi:type="p:T"/>', []),
        ('<a xsi:type="xml:T"/>', []),
        ("<a><b/>xsi:type</a>", []),
    ],
)
def test_a_type_whose_prefix_is_in_the_octets_is_let_pass(inner: str, prefixes: list[str]) -> None:
    apex = _typed(inner)
    check_qname_values(apex, canonical(apex, prefixes))


@pytest.mark.parametrize(
    ("inner", "around"),
    [
        ('<a xsi:type="o:T"/>', ""),
        ('<a xmlns:p="urn:p" xsi:type="p:T"/>', ""),
        ('<a><o:b/><b xsi:type="o:T"/></a>', ""),
        ('<a xsi:type="nobody:T"/>', ' xmlns:nobody="urn:n"'),
        ('<o:a xsi:type="T"/>', ' xmlns="urn:d"'),
        ('<o:a><b xmlns:o="urn:other" xsi:type="o:T"/></o:a>', ""),
    ],
)
def test_a_type_whose_prefix_anybody_could_rebind_is_refused(inner: str, around: str) -> None:
    apex = _typed(inner, around)
    with pytest.raises(DigestMismatch):
        check_qname_values(apex, canonical(apex))


@pytest.mark.parametrize(
    "raw",
    [
        '<b xmlns:p="urn:p"><p:a/></b>',
        '<b x="1 &gt; 2"><a>text</a></b>',
        "<b> \n\t<a/>\n </b>",
        '<s:b xmlns:s="urn:s" xmlns:u="urn:u" u:Id="1"><p:a xmlns:p="urn:p" k="v">t:</p:a></s:b>',
        # These lean on what their parent declares, or might.
        '<s:b xmlns:s="urn:s"><s:a/></s:b>',
        '<s:b xmlns:s="urn:s"><a s:x="1"/></s:b>',
        '<b xmlns="urn:d"><a/></b>',
        '<s:b xmlns:s="urn:s"><p:a xmlns:p="urn:p">text about s:b</p:a></s:b>',
        '<b xmlns="urn:d"><p:a xmlns:p="urn:p"><c/><d xmlns=""/></p:a></b>',
        "<b>&#13;<a/>&#13;</b>",
    ],
)
def test_the_content_is_found_in_its_parent(raw: str) -> None:
    parent = etree.fromstring(raw)
    assert content_of_canonical(canonical(parent)) == canonical(parent[0])
