"""WS-Addressing headers are read strictly and say where a message belongs."""

from __future__ import annotations

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSA, WSA_ANONYMOUS, WSA_NONE
from ccms_ws.envelope.addressing import (
    Addressing,
    check_destination,
    check_relation,
    check_reply_addresses,
    check_soap_action,
    read_addressing,
    write_addressing,
)
from ccms_ws.errors import (
    ActionMismatch,
    AddressingHeaderInvalid,
    AddressingHeaderMissing,
    AnswerUnrelated,
    CcmsWsError,
    DestinationUnreachable,
    ReplyAddressRefused,
)
from tests.support.envelopes import ACTION, ADDRESS, addressing


def _blocks(text: str) -> list[_Element]:
    return list(etree.fromstring(f"<h xmlns:wsa='{WSA}'>{text}</h>"))


TO, DO, ID = "<wsa:To>urn:us</wsa:To>", "<wsa:Action>urn:do</wsa:Action>", "<wsa:MessageID>urn:uuid:1</wsa:MessageID>"
RELATES = "<wsa:RelatesTo>urn:uuid:0</wsa:RelatesTo>"


@pytest.mark.parametrize("written", [addressing(), addressing(relates_to="urn:uuid:0"), addressing(reply_to=None)])
def test_what_is_written_is_read_back(written: Addressing) -> None:
    header = etree.Element("h")
    write_addressing(header, written)
    read, endpoints = read_addressing(header, answer=False)
    assert read == written
    assert endpoints == ([] if written.reply_to is None else [WSA_ANONYMOUS])


def test_white_space_around_an_address_is_not_part_of_it() -> None:
    assert read_addressing(_blocks(f"<wsa:To>\n urn:us\t</wsa:To>{DO}{ID}"), answer=False)[0].to == "urn:us"


def test_an_answer_may_leave_out_to_and_message_id() -> None:
    read, _ = read_addressing(_blocks(DO + RELATES), answer=True)
    assert read == Addressing(WSA_ANONYMOUS, "urn:do", "", "urn:uuid:0")


@pytest.mark.parametrize(
    ("text", "answer"),
    [(TO + DO, False), (TO + ID, False), (DO + ID, False), ("", False), (DO + ID + TO, True), (RELATES, True)],
)
def test_a_required_property_may_not_be_missing(text: str, answer: bool) -> None:
    with pytest.raises(AddressingHeaderMissing):
        read_addressing(_blocks(text), answer=answer)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (TO + TO, AddressingHeaderInvalid),
        (RELATES + RELATES, AddressingHeaderInvalid),
        ("<wsa:ReplyTo><wsa:Address>urn:a</wsa:Address></wsa:ReplyTo>" * 2, AddressingHeaderInvalid),
        ("<wsa:Unheard>urn:a</wsa:Unheard>", AddressingHeaderInvalid),
        ("<wsa:To/>", AddressingHeaderInvalid),
        ("<wsa:To>not a URI</wsa:To>", AddressingHeaderInvalid),
        ("<wsa:To>relative/path</wsa:To>", AddressingHeaderInvalid),
        ("<wsa:To>urn:a<x/>b</wsa:To>", AddressingHeaderInvalid),
        ("<wsa:To>urn:" + "x" * 3000 + "</wsa:To>", AddressingHeaderInvalid),
        ("<wsa:RelatesTo RelationshipType='urn:other'>urn:uuid:0</wsa:RelatesTo>", AddressingHeaderInvalid),
        ("<wsa:ReplyTo/>", AddressingHeaderInvalid),
        ("<wsa:ReplyTo><wsa:Address/></wsa:ReplyTo>", AddressingHeaderInvalid),
        (
            "<wsa:From><wsa:Address>urn:a</wsa:Address><wsa:Address>urn:b</wsa:Address></wsa:From>",
            AddressingHeaderInvalid,
        ),
        (
            "<wsa:FaultTo><wsa:Address>urn:a</wsa:Address><wsa:ReferenceParameters><x/></wsa:ReferenceParameters></wsa:FaultTo>",
            ReplyAddressRefused,
        ),
    ],
)
def test_a_malformed_property_is_refused(text: str, refused: type[CcmsWsError]) -> None:
    with pytest.raises(refused):
        read_addressing(_blocks(text), answer=False)


def test_a_reply_relationship_may_be_spelt_out() -> None:
    text = f"<wsa:RelatesTo RelationshipType='{WSA}/reply'>urn:uuid:0</wsa:RelatesTo>"
    assert read_addressing(_blocks(DO + text), answer=True)[0].relates_to == "urn:uuid:0"


@pytest.mark.parametrize("header", [f'"{ACTION}"', '""'])
def test_soap_action_repeats_the_action_in_quotes_or_says_nothing(header: str) -> None:
    remarks: list[str] = []
    check_soap_action(header, ACTION, remarks, required=True)
    assert remarks == []


def test_a_soap_action_without_quotes_is_read_and_remarked() -> None:
    remarks: list[str] = []
    check_soap_action(ACTION, ACTION, remarks, required=True)
    assert remarks == ["BP R1109: SOAPAction is not in quotes"]


@pytest.mark.parametrize(
    "header", [ACTION + "x", '"', f'"{ACTION}', f"'{ACTION}'", f'"{ACTION}x"', f'" {ACTION}"', ACTION.upper()]
)
def test_another_soap_action_is_refused(header: str) -> None:
    with pytest.raises(ActionMismatch):
        check_soap_action(header, ACTION, [], required=True)


@pytest.mark.parametrize(
    ("header", "words"), [(None, "no SOAPAction header"), ("", "nothing in the SOAPAction header")]
)
def test_soap_11_needs_a_soap_action_and_the_refusal_names_it_with_its_quotes(header: str | None, words: str) -> None:
    with pytest.raises(ActionMismatch) as caught:
        check_soap_action(header, ACTION, [], required=True)
    assert words in caught.value.detail
    assert caught.value.detail.endswith(f'expected, quotes included: "{ACTION}"')


@pytest.mark.parametrize("header", [None, ""])
def test_answers_and_soap_12_need_no_soap_action(header: str | None) -> None:
    check_soap_action(header, ACTION, [], required=False)


def test_a_message_is_for_us() -> None:
    check_destination(ADDRESS, frozenset({ADDRESS}), answer=False)
    check_destination(WSA_ANONYMOUS, frozenset(), answer=True)


@pytest.mark.parametrize("to", [WSA_ANONYMOUS, ADDRESS + "/", ADDRESS.upper(), "urn:other"])
def test_a_message_for_somebody_else_is_refused(to: str) -> None:
    with pytest.raises(DestinationUnreachable):
        check_destination(to, frozenset({ADDRESS}), answer=False)


def test_answers_go_to_the_anonymous_or_a_configured_address() -> None:
    allowed = frozenset({"https://partner.example/"})
    check_reply_addresses([WSA_ANONYMOUS, "https://partner.example/"], allowed, one_way=False)
    for one_way in (False, True):
        with pytest.raises(ReplyAddressRefused):
            check_reply_addresses([WSA_ANONYMOUS, "https://partner.example/other"], allowed, one_way=one_way)


def test_the_none_address_is_for_messages_that_nothing_answers() -> None:
    check_reply_addresses([WSA_NONE], frozenset(), one_way=True)
    with pytest.raises(ReplyAddressRefused) as caught:
        check_reply_addresses([WSA_NONE], frozenset(), one_way=False)
    assert "the none address" in caught.value.detail
    assert WSA_ANONYMOUS in caught.value.hint


def test_an_answer_is_to_what_was_sent() -> None:
    check_relation("urn:uuid:1", "urn:uuid:1")
    check_relation("urn:uuid:1", None)
    for relates_to in (None, "urn:uuid:2"):
        with pytest.raises(AnswerUnrelated):
            check_relation(relates_to, "urn:uuid:1")
