"""The rules of a failure-to-comply notice: VC 40509.1 and its neighbours, dated by `domain/law.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from uuid import UUID

from ccms_ws.domain.abstracts import (
    Abstract,
    AbstractAction,
    Conviction,
    OrderKind,
    SectionRole,
    SectionViolated,
    VehicleKind,
)
from ccms_ws.domain.courts import Case, CaseStatus, DriverLicense
from ccms_ws.domain.law import Exclusion, FailureToComplyLaw
from ccms_ws.domain.statutes import Statute, Statutes, read_statute
from ccms_ws.errors import ExchangeError

_ANY_LICENSE = re.compile(r"[A-Z0-9][A-Z0-9 -]{0,24}")


class NoticeRefused(ExchangeError):
    """The abstract breaks a rule; it is not sent."""

    code = "dmv907.notice-refused"


class AlreadyOrdered(NoticeRefused):
    """The same was ordered before."""

    code = "dmv907.already-ordered"

    def __init__(self, detail: str = "", *, abstract_id: UUID | None = None) -> None:
        """`abstract_id`: what was ordered then."""
        super().__init__(detail)
        self.abstract_id = abstract_id


def check_notice(
    abstract: Abstract,
    today: date,
    law: FailureToComplyLaw,
    *,
    case: Case,
    open_hold: Abstract | None,
    convictions: Iterable[Conviction],
) -> tuple[str, ...]:
    """What the clerk should know of `abstract` though it may be sent on the day `today`.

    Raises NoticeRefused, naming every rule that it breaks. `open_hold` is the hold that stands already for this court,
    case and person, if any; `convictions` are those of the participant on the `case`. A release of the open hold breaks
    none of the rules about placing one: what was asked for can always be taken back.
    """
    if abstract.action is AbstractAction.RELEASE:
        problems, warnings = [*_release(abstract, today, open_hold)], []
    else:
        unclear = [*_case_by_choice(case, law), *_proposals(abstract, today, law)]
        problems = [
            *_license(abstract.driver_license, today, law),
            *(_conviction(abstract, convictions) if law.conviction_required else ()),
            *_case(case),
            *(problem for problem, refuses in unclear if refuses),
            *_kinds(abstract),
            *_sections(abstract, today, law),
            *_dates(abstract, today),
            *_hold(open_hold),
        ]
        warnings = [problem for problem, refuses in unclear if not refuses]
    if problems:
        raise NoticeRefused("; ".join(problems))
    return tuple(warnings)


def _case(case: Case) -> Iterable[str]:
    if case.sealed:
        yield "the case is sealed"
    if case.case_type.is_juvenile:
        yield "the case is a juvenile case"


def _case_by_choice(case: Case, law: FailureToComplyLaw) -> Iterable[tuple[str, bool]]:
    """What no statute decides: a problem of the case, and whether this court refuses for it."""
    if case.status is CaseStatus.CLOSED:
        yield "the case is closed", law.closed_case == "refuse"
    if case.confidential:
        yield "the case is confidential", law.confidential_case == "refuse"


def _kinds(abstract: Abstract) -> Iterable[str]:
    if abstract.order_kind is None:
        yield f"a hold names the kind of order ({', '.join(OrderKind)})"
    if abstract.vehicle_kind is None:
        yield f"a hold names the kind of vehicle ({', '.join(VehicleKind)})"


def _license(license: DriverLicense | None, today: date, law: FailureToComplyLaw) -> Iterable[str]:
    """A person without a license is on no record yet: DMV opens one by name and birth date."""
    if license is None:
        return
    form = law.license_format(license.jurisdiction, today)
    if form is not None:
        if not form.pattern.fullmatch(license.number):
            yield f"a driver license number of {license.jurisdiction} is {form.words}"
    elif not _ANY_LICENSE.fullmatch(license.number):
        yield "a driver license number is made of capitals, digits, blanks and hyphens"


def _conviction(abstract: Abstract, convictions: Iterable[Conviction]) -> Iterable[str]:
    """VC 1803(a): first the abstract of conviction (DMV902)."""
    latest = abstract.noncompliance_date or date.max
    if not any(abstract.violation_date <= one.convicted_on <= latest for one in convictions):
        yield "no conviction on this case is on file between the violation and the non-compliance (DMV902)"


def _sections(abstract: Abstract, today: date, law: FailureToComplyLaw) -> Iterable[str]:
    for power in law.ended_powers:
        ended = Statutes.of([power.section], "VC")
        if today >= power.ended and any(ended.covers(_text(section)) for section in abstract.sections):
            yield f"VC {power.section} cannot be notified since {power.ended} ({power.source})"
    compliance = (_text(section) for section in abstract.sections if section.role is SectionRole.COMPLIANCE)
    if not any(map(law.compliance_sections.covers, compliance)):
        yield f"a hold names the compliance section violated ({', '.join(sorted(law.compliance_sections.entries))})"
    underlying = _underlying(abstract)
    if not underlying:
        yield "a hold names the underlying section violated"
    if any(read.book != "VC" for read in underlying):
        yield "VC 40509.1 covers only orders for a violation of the Vehicle Code"
    for exclusion, about in _excluded(abstract, law.exclusions, today):
        yield f"no license is suspended for {about}: {exclusion.name} ({exclusion.source})"


def _proposals(abstract: Abstract, today: date, law: FailureToComplyLaw) -> Iterable[tuple[str, bool]]:
    """What may be excluded: the rule is not confirmed, and nothing that counsel has decided on."""
    for exclusion, about in _excluded(abstract, law.proposals, today):
        yield f"{about} may be excluded: {exclusion.name}; court.law_rules decides on {exclusion.id}", False


def _excluded(abstract: Abstract, exclusions: Iterable[Exclusion], today: date) -> Iterable[tuple[Exclusion, str]]:
    """The exclusions that cover the abstract, each with what it is about."""
    kinds = {"order_kind": abstract.order_kind or "", "vehicle_kind": abstract.vehicle_kind or ""}
    for exclusion in exclusions:
        found = [read for read in _underlying(abstract) if exclusion.covers(str(read), today, **kinds)]
        if found:
            named = [kinds[key] for key, named in (("order_kind", exclusion.order_kinds),
                                                   ("vehicle_kind", exclusion.vehicle_kinds)) if named]  # fmt: skip
            yield exclusion, ", ".join([*map(str, found)] if exclusion.sections else named)


def _underlying(abstract: Abstract) -> list[Statute]:
    sections = (_text(section) for section in abstract.sections if section.role is SectionRole.UNDERLYING)
    return [read_statute(text) or Statute(text.partition(" ")[0], text.partition(" ")[2]) for text in sections]


def _text(section: SectionViolated) -> str:
    return f"{section.code_book} {section.section}"


def _dates(abstract: Abstract, today: date) -> Iterable[str]:
    if abstract.noncompliance_date is None:
        yield "a hold gives the date of non-compliance"
    yield from _order(
        ("violation date", abstract.violation_date),
        ("order date", abstract.order_date),
        ("non-compliance date", abstract.noncompliance_date),
        ("day of the notice", today),
    )


def _order(*steps: tuple[str, date | None]) -> Iterable[str]:
    known = [(name, day) for name, day in steps if day is not None]
    for (name, day), (next_name, next_day) in pairwise(known):
        if day > next_day:
            yield f"the {name} ({day}) is after the {next_name} ({next_day})"


def _hold(open_hold: Abstract | None) -> Iterable[str]:
    if open_hold is not None:
        yield f"an open hold exists for this court, case and person: {open_hold.abstract_id}"


def _release(abstract: Abstract, today: date, open_hold: Abstract | None) -> Iterable[str]:
    if abstract.release_date is None:
        yield "a release gives its date"
    yield from _order(
        ("violation date", abstract.violation_date),
        ("release date", abstract.release_date),
        ("day of the notice", today),
    )
    if abstract.releases is None or abstract.release_reason is None:
        yield "a release names the hold that it releases, and the reason"
    elif open_hold is None or open_hold.abstract_id != abstract.releases:
        yield f"there is no open hold {abstract.releases} for this court, case and person"
