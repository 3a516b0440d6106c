"""The case and the person that a recorded message is about, put on file as far as the court does not have them."""

from __future__ import annotations

from ccms_ws.domain.courts import Case, CaseParticipant, CaseType
from ccms_ws.domain.ports import UnitOfWork


def ensure_on_case(subject: CaseParticipant, uow: UnitOfWork, case_type: CaseType = CaseType.CRIMINAL) -> None:
    """Put the case, the person, and the person on the case on file, as far as they are not yet."""
    person = subject.participant
    if uow.books.find_case(person.court_ori, subject.case_number) is None:
        uow.books.add(Case(person.court_ori, subject.case_number, case_type))
    if uow.books.find_participant(person.court_ori, person.participant_id) is None:
        uow.books.add(person)
    on_case = uow.books.on_case(person.court_ori, subject.case_number)
    if all(each.participant.participant_id != person.participant_id for each in on_case):
        uow.books.add(subject)
