"""The rules of a failure-to-comply notice: VC 40509.1 and its neighbours, dated by `domain/law.toml`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from uuid import UUID

from ccms_ws.domain.abstracts import Abstract, AbstractAction, Conviction, SectionRole
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.domain.law import FailureToComplyLaw
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
    open_hold: Abstract | None,
    convictions: Iterable[Conviction],
) -> None:
    """Raise NoticeRefused, naming every rule that `abstract` breaks on the day `today`.

    `open_hold` is the hold that stands already for this court, case and license, if any; `convictions` are those of the
    participant on the case.
    """
    problems = [
        *_license(abstract.driver_license, today, law),
        *(_conviction(abstract, convictions) if law.conviction_required else ()),
        *_sections(abstract, today, law),
        *_dates(abstract, today),
        *_hold_and_release(abstract, open_hold),
    ]
    if problems:
        raise NoticeRefused("; ".join(problems))


def _license(license: DriverLicense, today: date, law: FailureToComplyLaw) -> Iterable[str]:
    form = law.license_format(license.jurisdiction, today)
    if form is not None:
        if not form.pattern.fullmatch(license.number):
            yield f"a driver license number of {license.jurisdiction} is {form.words}"
    elif not _ANY_LICENSE.fullmatch(license.number):
        yield "a driver license number is made of capitals, digits, blanks and hyphens"


def _conviction(abstract: Abstract, convictions: Iterable[Conviction]) -> Iterable[str]:
    """VC 1803(a): first the abstract of conviction (DMV902). A release takes back what was noticed long ago."""
    if abstract.action is AbstractAction.RELEASE:
        return
    latest = abstract.noncompliance_date or date.max
    if not any(abstract.violation_date <= one.convicted_on <= latest for one in convictions):
        yield "no conviction on this case is on file between the violation and the non-compliance (DMV902)"


def _sections(abstract: Abstract, today: date, law: FailureToComplyLaw) -> Iterable[str]:
    named = {section.section for section in abstract.sections}
    for power in law.ended_powers:
        if power.section in named and today >= power.ended:
            yield f"VC {power.section} cannot be notified since {power.ended} ({power.source})"
    if abstract.action is AbstractAction.RELEASE:
        return
    if not any(s.role is SectionRole.COMPLIANCE and s.section in law.compliance_sections for s in abstract.sections):
        yield f"a hold names the compliance section violated ({', '.join(sorted(law.compliance_sections))})"
    underlying = [s for s in abstract.sections if s.role is SectionRole.UNDERLYING]
    if not underlying:
        yield "a hold names the underlying section violated"
    if any(s.code_book != "VC" for s in underlying):
        yield "VC 40509.1 covers only orders for a violation of the Vehicle Code"
    for section in underlying:
        for exclusion in law.exclusions:
            if section.code_book == "VC" and exclusion.covers(section.section, today):
                yield f"no license is suspended for VC {section.section}: {exclusion.group} ({exclusion.source})"


def _dates(abstract: Abstract, today: date) -> Iterable[str]:
    if abstract.action is AbstractAction.HOLD and abstract.noncompliance_date is None:
        yield "a hold gives the date of non-compliance"
    if abstract.action is AbstractAction.RELEASE and abstract.release_date is None:
        yield "a release gives its date"
    steps = [
        ("violation date", abstract.violation_date),
        ("order date", abstract.order_date),
        ("non-compliance date", abstract.noncompliance_date),
        ("release date", abstract.release_date),
        ("day of the notice", today),
    ]
    known = [(name, day) for name, day in steps if day is not None]
    for (name, day), (next_name, next_day) in pairwise(known):
        if day > next_day:
            yield f"the {name} ({day}) is after the {next_name} ({next_day})"


def _hold_and_release(abstract: Abstract, open_hold: Abstract | None) -> Iterable[str]:
    if abstract.action is AbstractAction.HOLD:
        if open_hold is not None:
            yield f"an open hold exists for this court, case and license: {open_hold.abstract_id}"
        return
    if abstract.releases is None or abstract.release_reason is None:
        yield "a release names the hold that it releases, and the reason"
    elif open_hold is None or open_hold.abstract_id != abstract.releases:
        yield f"there is no open hold {abstract.releases} for this court, case and license"
