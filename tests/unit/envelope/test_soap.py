"""Unsigned envelopes and their versions."""

from __future__ import annotations

import pytest
from lxml import etree

from ccms_ws.contract.namespaces import SOAP11, SOAP12, WSA, WSA_ANONYMOUS
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.errors import SoapVersionMismatch
from tests.support.envelopes import NS, addressing, payload


@pytest.mark.parametrize(
    ("version", "namespace", "media_type", "true"),
    [(SoapVersion.SOAP11, SOAP11, "text/xml", "1"), (SoapVersion.SOAP12, SOAP12, "application/soap+xml", "true")],
)
def test_a_version_knows_its_spelling(version: SoapVersion, namespace: str, media_type: str, true: str) -> None:
    assert (version.namespace, version.media_type, version.must_understand) == (namespace, media_type, true)
    assert SoapVersion.from_namespace(namespace) is version


@pytest.mark.parametrize("namespace", ["", "urn:other", None, SOAP11 + " "])
def test_another_namespace_is_a_version_mismatch(namespace: str | None) -> None:
    with pytest.raises(SoapVersionMismatch):
        SoapVersion.from_namespace(namespace)


@pytest.mark.parametrize("version", SoapVersion)
def test_an_envelope_declares_each_namespace_once_and_no_default(version: SoapVersion) -> None:
    raw = to_bytes(compose_envelope(payload(), addressing(), version))
    assert raw.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    for prefix in (b"soap", b"wsa", b"wsu", b"t"):
        assert raw.count(b"xmlns:" + prefix + b"=") == 1
    assert b"xmlns=" not in raw
    assert b"\n" not in raw.partition(b"?>\n")[2]


def test_the_payload_is_moved_not_copied() -> None:
    element = payload()
    envelope = compose_envelope(element, addressing(), SoapVersion.SOAP11)
    assert envelope[1][0] is element
    assert len(compose_envelope(None, addressing(), SoapVersion.SOAP11)[1]) == 0


def test_a_request_asks_for_its_answer_in_the_response() -> None:
    request = Addressing.request(to="urn:us", action="urn:a", message_id="urn:uuid:1")
    header = compose_envelope(None, request, SoapVersion.SOAP11)[0]
    assert [etree.QName(block).localname for block in header] == ["To", "Action", "MessageID", "ReplyTo"]
    assert header.findtext("wsa:ReplyTo/wsa:Address", namespaces=NS) == WSA_ANONYMOUS


def test_an_answer_names_what_it_answers() -> None:
    answer = Addressing.answer(action="urn:a", message_id="urn:uuid:2", relates_to="urn:uuid:1")
    header = compose_envelope(None, answer, SoapVersion.SOAP12)[0]
    assert {block.tag: block.text for block in header} == {
        f"{{{WSA}}}To": WSA_ANONYMOUS, f"{{{WSA}}}Action": "urn:a",
        f"{{{WSA}}}MessageID": "urn:uuid:2", f"{{{WSA}}}RelatesTo": "urn:uuid:1",
    }  # fmt: skip
