"""From search keys to the one case participant they mean, or to the reason why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ccms_ws.domain.courts import CaseNumberStyle, CaseParticipant, DriverLicense
from ccms_ws.domain.name_matching import name_key, same_name
from ccms_ws.domain.participant_search import AccessScope, ByBirth, ByCase, ById, ByLicense, Lookup
from ccms_ws.domain.ports import ParticipantSearch
from ccms_ws.exchanges.fcc807.messages import Query, RejectionReason


class NoSingleMatch(Exception):
    """The keys do not lead to one case participant. `on_file`: they would, or might, beyond the asker's scope."""

    def __init__(self, reason: RejectionReason, *, on_file: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.on_file = on_file


def find_subject(
    query: Query, subjects: ParticipantSearch, scope: AccessScope, style: CaseNumberStyle
) -> CaseParticipant:
    """The case participant that `query` means, among the cases of `scope`. All keys given must fit.

    Raises NoSingleMatch. What is beyond the scope is answered exactly as what is not on file, after the same work.
    """
    if query.driver_license is not None:
        query = replace(query, driver_license=printed(query.driver_license))
    lookup = lookup_of(query, style)
    found = subjects.find(query.court_ori, lookup, scope)
    if not found:
        on_file = subjects.is_on_file(query.court_ori, lookup)
        if not isinstance(lookup, ByCase):
            raise NoSingleMatch(RejectionReason.PARTICIPANT_NOT_FOUND, on_file=on_file)
        if found is None:
            raise NoSingleMatch(RejectionReason.CASE_NOT_FOUND, on_file=on_file)
    fitting = _with_name(query, [subject for subject in found if _fits(query, subject)], subjects)
    if not fitting:
        none = RejectionReason.PARTICIPANT_NOT_ON_CASE if query.case_number else RejectionReason.PARTICIPANT_NOT_FOUND
        raise NoSingleMatch(none)
    if len(fitting) > 1:
        raise NoSingleMatch(RejectionReason.MULTIPLE_MATCHES)
    return fitting[0]


def lookup_of(query: Query, style: CaseNumberStyle) -> Lookup:
    """By which of its keys the query is looked up: the one that leads to the fewest.

    Raises NoSingleMatch: of a person alone, a name does not say who it is, nor a date of birth.
    """
    if query.case_number:
        return ByCase(style.normal(query.case_number))
    if query.participant_id:
        return ById(query.participant_id)
    if query.driver_license is not None:
        return ByLicense(query.driver_license)
    name, birth_date = query.name, query.birth_date
    if name is None or birth_date is None or not name_key(name.given) or not name_key(name.surname):
        raise NoSingleMatch(RejectionReason.INSUFFICIENT_CRITERIA)
    return ByBirth(name, birth_date)


def _fits(query: Query, subject: CaseParticipant) -> bool:
    """No given key but the name contradicts. A birth date or license that is not on file contradicts nothing."""
    person = subject.participant
    if query.participant_id and person.participant_id != query.participant_id:
        return False
    if query.birth_date and person.birth_date and person.birth_date != query.birth_date:
        return False
    return not (query.driver_license and person.driver_license and person.driver_license != query.driver_license)


def _with_name(
    query: Query, found: Sequence[CaseParticipant], subjects: ParticipantSearch
) -> Sequence[CaseParticipant]:
    """Those of that name, today or formerly or as an alias."""
    asked = query.name
    if asked is None:
        return found
    unlike = {who.participant.participant_id for who in found if not same_name(asked, who.participant.name)}
    others = subjects.other_names(query.court_ori, sorted(unlike)) if unlike else {}
    unlike = {person for person in unlike if not any(same_name(asked, name) for name in others.get(person, ()))}
    return [subject for subject in found if subject.participant.participant_id not in unlike]


def printed(license: DriverLicense) -> DriverLicense:
    """As numbers of licenses are printed."""
    return DriverLicense("".join(license.number.split()).upper(), license.jurisdiction)
