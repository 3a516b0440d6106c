"""The samples of FCC807's answers are what this court says, to the letter, when the books hold what they tell."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.dispatch import HandlingResult, dispatch
from ccms_ws.domain.courts import Court
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.envelope.canonical import canonical
from ccms_ws.exchange import Context
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Query
from ccms_ws.exchanges.fcc807.replay import make_books
from ccms_ws.exchanges.fcc807.wire import query_from_xml, query_to_xml, response_from_xml
from ccms_ws.message_parts.metadata import Metadata, read_metadata
from ccms_ws.registry import get_exchange
from tests.support.court import Court as House


def sample(name: str) -> _Element:
    """The sample without what makes it readable."""
    return etree.fromstring(catalog.sample(name), etree.XMLParser(remove_blank_text=True))


def answered(house: House, query: Query, answer: Metadata, books: bytes = b"") -> HandlingResult:
    """What a court says to `query` at the moment and under the ids of `answer`, with `answer` true of its books."""
    assert answer.correlation_id is not None
    asked = query_to_xml(replace(query, metadata=replace(query.metadata, transaction_id=answer.correlation_id)))
    context = Context(
        court=Court(answer.court_ori, answer.court_name, answer.county_code, "37000"),
        law=house.application.law,
        codes=house.application.codes,
        partner=Partner(answer.receiver_id, answer.receiver_name, PartnerKind.PROBATION, ProbationUnit.ADULT),
        now=answer.at,
        test=False,
        message_id=answer.correlation_id,
        reply_id=answer.transaction_id,
    )
    with house.application.units() as uow:
        uow.books.add(context.court)
        if books:
            make_books(
                etree.tostring(asked),
                books,
                context.partner,
                context.court.case_numbers,
                uow,
                law=context.law.vacated_debt,
            )
        return dispatch(get_exchange("FCC807"), asked, context, uow)


@pytest.fixture
def house(court_folder: Path) -> House:
    return House(court_folder)


@pytest.mark.parametrize("name", ["FCC807-balance", "FCC807-zero-balance"])
def test_the_balance_of_the_sample_is_what_the_court_answers(house: House, name: str) -> None:
    answer = sample(name)
    found = response_from_xml(answer)
    assert isinstance(found, BalanceFound)
    query = query_from_xml(sample("FCC807-query"))
    if name == "FCC807-zero-balance":
        subject = found.subject
        query = replace(query, case_number=subject.case_number, participant_id=subject.participant.participant_id)
        query = replace(query, name=None, birth_date=None, driver_license=None, as_of=None)
    outcome = answered(house, query, found.metadata, etree.tostring(answer))
    assert outcome.reply == canonical(answer)


def test_the_rejection_of_the_sample_is_what_the_court_answers(house: House) -> None:
    answer = sample("FCC807-rejection")
    query = query_from_xml(sample("FCC807-query"))
    assert answered(house, query, read_metadata(answer)).reply == canonical(answer)


def test_the_error_of_the_sample_is_what_the_court_answers(house: House) -> None:
    answer = sample("FCC807-error")
    query = replace(query_from_xml(sample("FCC807-query")), as_of=date(2027, 1, 1))
    outcome = answered(house, query, read_metadata(answer))
    assert outcome.error_message is not None
    assert canonical(outcome.error_message) == canonical(answer)
