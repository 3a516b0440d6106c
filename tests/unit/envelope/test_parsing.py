"""Octets become one tree, or a refusal that costs little."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.envelope import parsing
from ccms_ws.envelope.parsing import check_parsed, new_parser, parse
from ccms_ws.envelope.policy import Limits
from ccms_ws.errors import CcmsWsError, LimitExceeded, MalformedEnvelope, MessageTooLarge, UnsupportedMediaType

LIMITS = Limits(message=10_000, depth=4, elements=10, attributes=3, namespaces=3, attribute_length=20, text_length=30)


@pytest.mark.parametrize(
    "raw",
    [
        b"<a/>",
        b" \r\n<a/>",
        b"\xef\xbb\xbf<a/>",
        b'<?xml version="1.0"?><a/>',
        b"<?xml version = '1.0' encoding = \"UTF-8\" standalone='yes' ?>\n<!-- x --><!-- <b> - --><a/>\n<!-- y -->\n",
        '<?xml version="1.0" encoding="utf-16"?><a/>'.encode("utf-16"),
        "<ñ/>".encode(),
    ],
)
def test_a_document_with_a_clean_prolog_is_parsed(raw: bytes) -> None:
    assert parse(raw, LIMITS).tag in {"a", "ñ"}


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"<!DOCTYPE a><a/>", "BP R1008"),
        (b"<?xml version='1.0'?><!DOCTYPE a><a/>", "BP R1008"),
        ("<!DOCTYPE a><a/>".encode("utf-16"), "BP R1008"),
        (b"<?x y?><a/>", "BP R1009"),
        (b"<a><?x y?></a>", "BP R1009"),
        (b"<a/><?x y?>", "BP R1009"),
        ("<a/>".encode("utf-16") + b"\x00\xd8", "BP R1012"),
    ],
)
def test_what_the_basic_profile_forbids_is_named(raw: bytes, rule: str) -> None:
    with pytest.raises(MalformedEnvelope) as caught:
        parse(raw, LIMITS)
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    "raw",
    [b"", b"x", b"<", b"<a", b"<a></b>", b"<a/><b/>", b"<a>&x;</a>", b"<a>\x01</a>", b"<p:a/>", b"<a b='1' b='2'/>"],
)
def test_what_is_not_well_formed_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedEnvelope):
        parse(raw, LIMITS)


@pytest.mark.parametrize(
    ("raw", "charset"),
    [
        (b"<a/>", "utf-16"),
        ("<a/>".encode("utf-16"), "utf-8"),
        (b'<?xml version="1.0" encoding="latin-1"?><a/>', None),
        (b'<?xml version="1.0" encoding="utf-16"?><a/>', None),
        ('<?xml version="1.0" encoding="utf-8"?><a/>'.encode("utf-16"), None),
        ("<a/>".encode("utf-16-le"), None),
        ("<a/>".encode("utf-32"), None),
        ('<?xml version="1.0"?><a/>'.encode("cp037"), None),
    ],
)
def test_the_encoding_must_be_what_it_is_said_to_be(raw: bytes, charset: str | None) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse(raw, LIMITS, charset)


AT_LIMIT = {
    "depth": b"<a><b><c><d/></c></b></a>",
    "elements": b"<a>" + b"<b/>" * 9 + b"</a>",
    "attributes": b"<a b='' c='' d=''/>",
    "namespaces": b"<a xmlns='u:1' xmlns:b='u:2' xmlns:c='u:3'/>",
    "namespaces_in_scope": b"<a xmlns:b='u:1' xmlns:c='u:2'><b xmlns:b='u:3' xmlns:c='u:4'>"
    b"<c xmlns:b='u:5' xmlns:c='u:6'/><c xmlns:b='u:5' xmlns:c='u:6'/></b></a>",
    "all_attributes": b"<a>" + b"<b c='' d=''/>" * 9 + b"</a>",
    "attribute_length": b"<a b='" + b"x" * 20 + b"'/>",
    "text_length": b"<a>" + b"x" * 30 + b"</a>",
}
OVER_LIMIT = {
    "depth": b"<a><b><c><d><e/></d></c></b></a>",
    "elements": b"<a>" + b"<b/>" * 10 + b"</a>",
    "attributes": b"<a b='' c='' d='' e=''/>",
    "namespaces_in_scope": b"<a xmlns:b='u:1' xmlns:c='u:2'><b xmlns:b='u:3' xmlns:c='u:4'>"
    b"<c xmlns:b='u:5' xmlns:c='u:6' xmlns='u:7'/></b></a>",
    "all_attributes": b"<a>" + b"<b c='' d='' e=''/>" * 7 + b"</a>",
    "attribute_length": b"<a b='" + b"x" * 21 + b"'/>",
    "attribute_length_later": b"<a><b/><c/><b/><c/><d e='" + b"x" * 21 + b"'/></a>",
    "text_length_later": b"<a><b/><c/><b/><c/>" + b"x" * 31 + b"</a>",
    "text_length_in_cdata": b"<a>" + b"<![CDATA[<x<y<z<x<y<z<]]>" * 3 + b"</a>",
    "text_length_among_comments": b"<a>" + b"xxxxxxx<!---->" * 5 + b"</a>",
    "text_length": b"<a>" + b"x" * 31 + b"</a>",
}


@pytest.mark.parametrize("limit", AT_LIMIT)
def test_a_limit_may_be_reached(limit: str) -> None:
    assert check_parsed(parse(AT_LIMIT[limit], LIMITS), LIMITS) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize("limit", OVER_LIMIT)
def test_a_limit_may_not_be_passed(limit: str) -> None:
    with pytest.raises(LimitExceeded):
        parse(OVER_LIMIT[limit], LIMITS)
    with pytest.raises(LimitExceeded):
        check_parsed(etree.fromstring(OVER_LIMIT[limit], new_parser()), LIMITS)


def test_one_element_may_not_declare_too_many_namespaces() -> None:
    """Found in the octets: it is what bounds the parse."""
    with pytest.raises(LimitExceeded):
        parse(b"<a xmlns='u:1' xmlns:b='u:2' xmlns:c='u:3' xmlns:d='u:4'/>", LIMITS)


def test_a_message_may_not_be_too_large() -> None:
    assert parse(b"<a>" + b" " * 9993 + b"</a>", Limits(message=10_000)).tag == "a"
    with pytest.raises(MessageTooLarge):
        parse(b"<a>" + b" " * 9994 + b"</a>", Limits(message=10_000))


def test_the_word_xmlns_in_a_text_is_no_declaration() -> None:
    assert parse(b"<a>xmlns</a>".replace(b"xmlns", b"xmlns" * 3), LIMITS).tag == "a"


@pytest.mark.parametrize(
    "raw", [b"<a><!-- x --></a>", b"<a><?x y?></a>", b"<!DOCTYPE a><a/>", b"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>"]
)
def test_a_tree_of_another_parser_is_held_to_the_same_rules(raw: bytes) -> None:
    with pytest.raises(MalformedEnvelope):
        check_parsed(etree.fromstring(raw, etree.XMLParser(resolve_entities=False)), LIMITS)


def test_no_file_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    for prolog in (
        f'<!DOCTYPE a [<!ENTITY e SYSTEM "{secret.as_uri()}">]>',
        f'<!DOCTYPE a SYSTEM "{secret.as_uri()}">',
    ):
        with pytest.raises(MalformedEnvelope):
            parse(f"{prolog}<a>&e;</a>".encode(), LIMITS)


@pytest.fixture
def frequent_forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "_FORGET_AFTER", 1000)


@pytest.mark.usefixtures("frequent_forgetting")
def test_forgetting_names_does_not_disturb_what_is_still_in_use() -> None:
    """Trees, XPaths and schemas of before and after are used together, in several threads."""
    limits = Limits()
    schema = etree.XMLSchema(etree.fromstring(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="a"><xs:complexType><xs:sequence>'
        '<xs:any processContents="skip" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element></xs:schema>'
    ))  # fmt: skip
    failures: list[object] = []

    def work(thread: int) -> None:
        kept = [parse(b"<a><kept/></a>", limits)]
        names = etree.XPath("//b0 | //kept")
        for turn in range(60):
            root = parse(
                b"<a>" + b"".join(b"<n%d_%d_%d/>" % (thread, turn, n) for n in range(40)) + b"<b0/></a>", limits
            )
            kept.append(root)
            if turn % 7 == 0:
                kept[0].append(root[0])
            if not (schema.validate(root) and len(names(root)) == 1 and root.find("b0") is not None):  # type: ignore[arg-type]
                failures.append((thread, turn))
        if {kept[0][0].tag, kept[-1][-1].tag} != {"kept", "b0"} or b"_0_0" not in etree.tostring(kept[0]):
            failures.append(thread)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _resident_megabytes() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_names_that_strangers_invent_do_not_stay_in_memory() -> None:
    """lxml would keep every name for ever: 60 MB of them here."""

    def message(turn: int) -> bytes:
        return b"<r>" + b"".join(b"<name%d-%d/>" % (turn, n) for n in range(12_000)) + b"</r>"

    for turn in range(25):
        parse(message(turn), Limits())
    before = _resident_megabytes()
    for turn in range(25, 150):
        parse(message(turn), Limits())
    assert _resident_megabytes() - before < 25


@pytest.mark.parametrize(
    "raw", [b"<a>" * 300 + b"</a>" * 300, b"<" + b"a" * 200_000 + b"/>", b"<a b='" + b"x" * 11_000_000 + b"'/>"]
)
def test_the_parser_s_own_limits_are_ours_too(raw: bytes) -> None:
    with pytest.raises(CcmsWsError):
        parse(raw, Limits(message=20_000_000))
