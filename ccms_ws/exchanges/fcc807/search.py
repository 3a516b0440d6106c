"""From search keys to the one case participant they mean, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ccms_ws.domain.courts import Case, CaseParticipant
from ccms_ws.domain.naming import same_name
from ccms_ws.domain.ports import Courtbooks
from ccms_ws.exchanges.fcc807.messages import Query, RejectionReason


class NoSingleMatch(Exception):
    """The keys do not lead to one case participant. `withheld`: the true reason, if the partner gets another one."""

    def __init__(self, reason: RejectionReason, withheld: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.withheld = withheld


def find_subject(query: Query, books: Courtbooks, visible: Callable[[Case], bool]) -> CaseParticipant:
    """The case participant that `query` means, among the cases that are `visible` to who asks.

    Raises NoSingleMatch. A case that is not visible is answered exactly as one that is not on file.
    """
    if query.case_number:
        case = books.find_case(query.court_ori, query.case_number)
        if case is None or not visible(case):
            raise NoSingleMatch(RejectionReason.CASE_NOT_FOUND, withheld="case not visible to partner" if case else "")
        return _only(
            _fitting(query, books.on_case(query.court_ori, case.number)), RejectionReason.PARTICIPANT_NOT_ON_CASE
        )
    withheld = False
    subjects = []
    for subject in _fitting(query, _by_person(query, books)):
        case = books.find_case(query.court_ori, subject.case_number)
        if case is not None and visible(case):
            subjects.append(subject)
        else:
            withheld = True
    return _only(
        subjects, RejectionReason.PARTICIPANT_NOT_FOUND, "only cases not visible to partner" if withheld else ""
    )


def _by_person(query: Query, books: Courtbooks) -> Iterable[CaseParticipant]:
    if query.participant_id:
        return books.cases_of(query.court_ori, query.participant_id)
    if query.name is None or not query.name.given or query.birth_date is None:
        raise NoSingleMatch(RejectionReason.INSUFFICIENT_CRITERIA)
    people = books.participants_named(query.court_ori, query.name, query.birth_date)
    return [subject for person in people for subject in books.cases_of(query.court_ori, person.participant_id)]


def _fitting(query: Query, subjects: Iterable[CaseParticipant]) -> Sequence[CaseParticipant]:
    """Those whom no given key contradicts. A birth date or licence that is not on file contradicts nothing."""
    return [subject for subject in subjects if _fits(query, subject)]


def _fits(query: Query, subject: CaseParticipant) -> bool:
    person = subject.participant
    if query.participant_id and person.participant_id != query.participant_id:
        return False
    if query.name is not None and not same_name(query.name, person.name):
        return False
    if query.birth_date and person.birth_date and person.birth_date != query.birth_date:
        return False
    return not (query.driver_license and person.driver_license and person.driver_license != query.driver_license)


def _only(subjects: Sequence[CaseParticipant], none: RejectionReason, withheld: str = "") -> CaseParticipant:
    if not subjects:
        raise NoSingleMatch(none, withheld)
    if len(subjects) > 1:
        raise NoSingleMatch(RejectionReason.MULTIPLE_MATCHES)
    return subjects[0]
