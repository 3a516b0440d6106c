"""FCC807: which keys lead to whom, who may know, and which of the three answers is given."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from lxml import etree

from ccms_ws.contract import schemas
from ccms_ws.contract.codes import code_list
from ccms_ws.domain.courts import CaseType, DriverLicense, PersonName
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.partners import Partner, ProbationUnit
from ccms_ws.exchanges.fcc807.handler import AsOfDateInFuture, CourtUnknown, handle
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Query, Rejection, RejectionReason, Response
from ccms_ws.exchanges.fcc807.serialize import response_text
from ccms_ws.exchanges.fcc807.wire import Q_REASON_TEXT, query_from_xml, query_to_xml, response_from_xml
from ccms_ws.message_parts.metadata import MessageKind, first_metadata, reply_metadata
from tests.support.books import ADULT, JUVENILE, NOW, ORI, Books, context, person, unit

ANA = person("P1", "Ana María", "Núñez-O'Brien", date(1980, 2, 3), "A1234567")
BEN = person("P2", "Ben", "Osei", date(1985, 6, 7))
TWIN = person("P3", "Ben", "Osei", date(1985, 6, 7))
KID = person("P4", "Kim", "Young", date(2010, 1, 1))


@pytest.fixture
def books() -> Books:
    books = Books()
    books.case("24CR100", ANA)
    books.case("24CR200", ANA, BEN)
    books.case("24CR300", TWIN)
    books.case("24JV400", KID, case_type=CaseType.JUVENILE_DELINQUENCY)
    books.case("24CR500", BEN, sealed=True)
    books.case("24CR600", BEN, confidential=True)
    books.case("24CR700", BEN)
    for number, someone in (("24CR100", ANA), ("24CR200", ANA), ("24CR200", BEN), ("24JV400", KID), ("24CR300", TWIN)):
        books.add(
            LedgerEntry(
                f"{number}{someone.participant_id}", ORI, number, someone.participant_id, EntryKind.ASSESSMENT,
                "BaseFine", Decimal("390.00"), date(2024, 5, 1),
            )
        )  # fmt: skip
    return books


def query(partner: Partner = ADULT, **keys: Any) -> Query:
    metadata = replace(
        first_metadata("FCC807", context(partner), MessageKind.QUERY), sender_id=partner.partner_id, receiver_id=ORI
    )
    unit_of_partner = partner.unit or ProbationUnit.ADULT
    given: dict[str, Any] = {"court_ori": ORI, "unit": unit_of_partner, "agency": partner.name}
    return Query(metadata=metadata, **(given | keys))


def ask(books: Books, partner: Partner = ADULT, **keys: Any) -> Response:
    return handle(query(partner, **keys), context(partner), unit(books))


ANAS_NAME = PersonName("ANA MARIA", "Nunez O’Brien")
FOUND = [
    ({"case_number": "24CR100"}, "24CR100", "P1"),
    ({"case_number": "24CR200", "participant_id": "P1"}, "24CR200", "P1"),
    ({"case_number": "24CR200", "name": PersonName("Ben", "OSEI")}, "24CR200", "P2"),
    ({"case_number": "24CR200", "name": PersonName("", "Osei")}, "24CR200", "P2"),
    ({"case_number": "24CR200", "name": ANAS_NAME}, "24CR200", "P1"),
    ({"case_number": "24CR200", "driver_license": DriverLicense("A1234567"), "participant_id": "P1"}, "24CR200", "P1"),
    ({"participant_id": "P3"}, "24CR300", "P3"),
]


@pytest.mark.parametrize(("keys", "case_number", "participant_id"), FOUND)
def test_keys_that_fit_one_case_participant_find_it(
    books: Books, keys: dict[str, Any], case_number: str, participant_id: str
) -> None:
    found = ask(books, **keys)
    assert isinstance(found, BalanceFound)
    assert (found.subject.case_number, found.subject.participant.participant_id) == (case_number, participant_id)
    assert found.balance.due == Decimal("390.00")


REJECTED = [
    ({}, RejectionReason.INSUFFICIENT_CRITERIA),
    ({"birth_date": date(1980, 2, 3)}, RejectionReason.INSUFFICIENT_CRITERIA),
    ({"name": PersonName("Ben", "Osei")}, RejectionReason.INSUFFICIENT_CRITERIA),
    ({"name": PersonName("", "Osei"), "birth_date": date(1985, 6, 7)}, RejectionReason.INSUFFICIENT_CRITERIA),
    ({"case_number": "24CR999"}, RejectionReason.CASE_NOT_FOUND),
    ({"participant_id": "P9"}, RejectionReason.PARTICIPANT_NOT_FOUND),
    ({"name": PersonName("No", "Body"), "birth_date": date(1985, 6, 7)}, RejectionReason.PARTICIPANT_NOT_FOUND),
    ({"participant_id": "P3", "name": ANAS_NAME}, RejectionReason.PARTICIPANT_NOT_FOUND),
    ({"case_number": "24CR100", "participant_id": "P2"}, RejectionReason.PARTICIPANT_NOT_ON_CASE),
    ({"case_number": "24CR100", "birth_date": date(1999, 1, 1)}, RejectionReason.PARTICIPANT_NOT_ON_CASE),
    ({"case_number": "24CR100", "driver_license": DriverLicense("B7654321")}, RejectionReason.PARTICIPANT_NOT_ON_CASE),
    ({"case_number": "24CR200"}, RejectionReason.MULTIPLE_MATCHES),
    ({"participant_id": "P1"}, RejectionReason.MULTIPLE_MATCHES),
    ({"name": PersonName("Ben", "Osei"), "birth_date": date(1985, 6, 7)}, RejectionReason.MULTIPLE_MATCHES),
    ({"case_number": "24CR700"}, RejectionReason.NO_FINANCIAL_RECORD),
    ({"case_number": "24CR100", "unit": ProbationUnit.JUVENILE}, RejectionReason.NOT_AUTHORIZED),
]


@pytest.mark.parametrize(("keys", "reason"), REJECTED)
def test_keys_that_do_not_are_rejected_with_the_reason(
    books: Books, keys: dict[str, Any], reason: RejectionReason
) -> None:
    answer = ask(books, **keys)
    assert isinstance(answer, Rejection)
    assert answer.reason is reason


@pytest.mark.parametrize("number", ["24JV400", "24CR500", "24CR600"])
def test_a_case_that_adult_probation_may_not_know_is_a_case_that_does_not_exist(books: Books, number: str) -> None:
    assert ask(books, case_number=number) == ask(books, case_number="24CR999")


def test_a_person_who_is_only_on_closed_cases_is_a_person_who_does_not_exist(books: Books) -> None:
    assert ask(books, participant_id="P4") == ask(books, participant_id="P9")


def test_juvenile_probation_may_know_of_a_juvenile_case(books: Books) -> None:
    assert isinstance(ask(books, JUVENILE, case_number="24JV400"), BalanceFound)


def test_another_court_is_an_error_not_a_rejection(books: Books) -> None:
    with pytest.raises(CourtUnknown):
        ask(books, case_number="24CR100", court_ori="CA019015J")


def test_a_balance_of_a_day_to_come_is_an_error(books: Books) -> None:
    with pytest.raises(AsOfDateInFuture):
        ask(books, case_number="24CR100", as_of=date(2026, 11, 21))


def test_the_day_of_a_balance_is_the_day_at_the_court_not_in_utc(books: Books) -> None:
    evening = context(now=NOW + timedelta(hours=9))  # 03:00 UTC on the 21st, 19:00 on the 20th in California
    found = handle(query(case_number="24CR100"), evening, unit(books))
    assert isinstance(found, BalanceFound)
    assert found.balance.as_of == date(2026, 11, 20)


def test_answers_and_queries_survive_the_wire(books: Books) -> None:
    asked = query(
        case_number="24CR200", participant_id="P1", name=ANA.name, birth_date=ANA.birth_date,
        driver_license=ANA.driver_license, as_of=date(2024, 6, 1), purpose="supervision",
    )  # fmt: skip
    assert query_from_xml(query_to_xml(asked)) == asked
    for answer in (ask(books, case_number="24CR100"), ask(books, case_number="24CR999")):
        assert response_from_xml(etree.fromstring(response_text(answer))) == answer
        assert answer.metadata.correlation_id == UUID(int=1)


# -- open code lists --------------------------------------------------------------------------------------------------
def rejection(code: str, sentence: str | None) -> Rejection:
    """What a client reads of a rejection of that code, with that sentence on the wire."""
    metadata = reply_metadata("FCC807", "1.0", context(), MessageKind.RESPONSE)
    message = etree.fromstring(response_text(Rejection(metadata=metadata, reason=code, sentence=sentence or "x")))
    schemas.validate(message)
    element = message.find(f".//{Q_REASON_TEXT}")
    assert element is not None
    if sentence is None:
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    read = response_from_xml(message)
    assert isinstance(read, Rejection)
    return read


def test_a_reason_that_this_version_does_not_know_is_shown_with_its_sentence() -> None:
    read = rejection("CourtClosed", "The court is closed for the day.")
    assert (str(read.reason), read.text) == ("CourtClosed", "The court is closed for the day.")
    assert rejection("CourtClosed", None).text == ""


def test_the_sentence_of_a_known_reason_is_the_one_that_was_sent() -> None:
    read = rejection("CaseNotFound", "No such case; ask the clerk.")
    assert read.reason is RejectionReason.CASE_NOT_FOUND
    assert read.text == "No such case; ask the clerk."
    assert rejection("CaseNotFound", None).text == code_list("fcc807-rejection-reasons")["CaseNotFound"].text


@pytest.mark.parametrize(
    ("on_file", "asked", "found"),
    [
        (["R|Lee"], "Robert|Lee", True),
        (["Robert|Lee"], "R|Lee", True),
        (["R|Lee", "Robert|Lee"], "Robert|Lee", False),  # who the initial is, the books do not say
        (["Robert|Lee", "Rachel|Lee"], "R|Lee", False),
        (["Robert|Lee", "Rachel|Lee"], "Robert|Lee", True),
        (["Ana|Müller", "Ana|Mueller"], "Ana|Mueller", False),
        (["Ana|Muller", "Ana|Mueller"], "Ana|Muller", True),
        (["Ana|St. John"], "Ana|Saint John", True),
    ],
)
def test_whoever_is_not_alone_in_fitting_a_name_is_not_found(on_file: list[str], asked: str, found: bool) -> None:
    books, born = Books(), date(1980, 2, 3)
    for number, name in enumerate(on_file):
        given, surname = name.split("|")
        books.case(f"24CR{number}", person(f"X{number}", given, surname, born))
        account = (f"24CR{number}", f"X{number}", EntryKind.ASSESSMENT, "BaseFine", Decimal("1.00"), date(2024, 5, 1))
        books.add(LedgerEntry(f"E{number}", ORI, *account))
    answer = ask(books, name=PersonName(*asked.split("|")), birth_date=born)
    if found:
        assert isinstance(answer, BalanceFound)
    else:
        assert isinstance(answer, Rejection)
        assert answer.reason is RejectionReason.MULTIPLE_MATCHES
