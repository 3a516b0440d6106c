"""What a clerk may order: sections, days and texts that an abstract can carry. Each problem is told by its field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from ccms_ws.contract.namespaces import NC, q
from ccms_ws.domain.abstracts import Abstract, AbstractAction, SectionRole, SectionViolated
from ccms_ws.domain.courts import Court, Participant
from ccms_ws.domain.statutes import read_statute
from ccms_ws.exchanges.dmv907.rules import NoticeRefused
from ccms_ws.exchanges.dmv907.wire import NAMESPACE
from ccms_ws.message_parts.representable import (
    Q_CASE_NUMBER,
    Q_ID,
    Problem,
    day_problems,
    in_words,
    license_problems,
    person_problems,
    text_problems,
)

_CITATION: Final = q(NAMESPACE, "CitationID")
_CLERK: Final = q(NAMESPACE, "CertifyingClerkName")
_CODE: Final = q(NC, "IdentificationID")


def read_section(text: str, role: SectionRole, field: str) -> SectionViolated:
    """The section in "VC 40508(c)", in the one spelling. Raises NoticeRefused."""
    read = read_statute(text)
    if read is None or not read.book:
        raise NoticeRefused(f"{field} is not a section like VC 14601.1(a): code book, blank, number")
    return SectionViolated(read.book, read.number, role)


def check_account(court: Court, case_number: str, participant_id: str) -> str:
    """The case number in the court's own spelling. Raises NoticeRefused for what can be no such number or id."""
    problems = [
        *text_problems("case", case_number.strip(), Q_CASE_NUMBER),
        *text_problems("participant", participant_id, Q_ID),
    ]
    style = court.case_numbers
    if not problems and style.pattern is not None and style.match(case_number) is None:
        problems.append(("case", "is not a case number of this court"))
    if problems:
        raise NoticeRefused(in_words(problems))
    return style.normal(case_number)


def check_days(**days: date | None) -> None:
    """Raises NoticeRefused for a day that no court's file means; each has the name of its field."""
    if problems := [problem for field, day in days.items() for problem in day_problems(field, day)]:
        raise NoticeRefused(in_words(problems))


def unsayable(abstract: Abstract, person: Participant) -> Iterator[Problem]:
    """What an abstract cannot carry, of the order and of the person as the books have them."""
    if abstract.citation_number:
        yield from text_problems("citation", abstract.citation_number, _CITATION)
    if abstract.certified_by:
        yield from text_problems("certified_by", abstract.certified_by, _CLERK)
    for section in abstract.sections:
        yield from text_problems("section", section.code_book, _CODE)
        yield from text_problems("section", section.section, _CODE)
    if abstract.driver_license is not None:
        yield from license_problems(abstract.driver_license)
    yield from person_problems(person)
    if person.birth_date is None and abstract.action is AbstractAction.HOLD:
        yield "birth_date", "is not on file for the participant"
