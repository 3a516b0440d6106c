"""The law as dated data: what `law.toml` says, with its sources. No date of a statute stands in code."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from ccms_ws.errors import ConfigError


class Debt(Protocol):
    """What a vacatur rule looks at."""

    @property
    def fee_kind(self) -> str: ...
    @property
    def statute(self) -> str: ...
    @property
    def imposed_on(self) -> date | None: ...
    @property
    def posted_on(self) -> date: ...


@dataclass(frozen=True, slots=True)
class VacatedDebt:
    """A statute that made a kind of debt uncollectable from `effective` on.

    It covers debt of `fee_kinds` or under one of `statutes`; with `imposed_before`, only if it was imposed before that
    day.
    """

    name: str
    effective: date
    fee_kinds: frozenset[str]
    statutes: frozenset[str]
    imposed_before: date | None
    source: str

    def covers(self, debt: Debt) -> bool:
        """True if this statute vacates `debt`, from `effective` on."""
        if not (debt.fee_kind in self.fee_kinds or debt.statute in self.statutes):
            return False
        return self.imposed_before is None or (debt.imposed_on or debt.posted_on) < self.imposed_before


@dataclass(frozen=True, slots=True)
class EndedPower:
    """A section under which courts could notify DMV until the day before `ended`."""

    section: str
    ended: date
    source: str


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Sections of the Vehicle Code for which DMV does not suspend (VC 13365.5(b)), from `effective` until `ended`.

    A section is named with or without its subdivision ("21200.5", "40508(c)"), or as a range ("21200-21213").
    """

    group: str
    sections: tuple[str, ...]
    effective: date
    ended: date | None
    source: str

    def covers(self, section: str, on: date) -> bool:
        """True if an order for a violation of `section` cannot be notified on that day."""
        if on < self.effective or (self.ended is not None and on >= self.ended):
            return False
        number = section.partition("(")[0].strip()
        return any(_names(entry, section, number) for entry in self.sections)


@dataclass(frozen=True, slots=True)
class LicenseFormat:
    """How one jurisdiction writes its driver license numbers, from `effective` on; `words` say it to people."""

    jurisdiction: str
    pattern: re.Pattern[str]
    words: str
    effective: date
    source: str


@dataclass(frozen=True, slots=True)
class FailureToComplyLaw:
    """What VC 40509.1 and its neighbours say of a failure-to-comply notice.

    `conviction_required`: a hold presupposes a conviction on file, which DMV902 reports.
    """

    compliance_sections: frozenset[str]
    ended_powers: tuple[EndedPower, ...]
    exclusions: tuple[Exclusion, ...]
    license_formats: tuple[LicenseFormat, ...]
    conviction_required: bool
    suspension_notice_days: int
    retention_years: int

    def license_format(self, jurisdiction: str, on: date) -> LicenseFormat | None:
        """The form of that jurisdiction's numbers on that day, the newest if there are several; None if not known."""
        known = [f for f in self.license_formats if f.jurisdiction == jurisdiction and f.effective <= on]
        return max(known, key=lambda each: each.effective, default=None)


@dataclass(frozen=True, slots=True)
class Law:
    vacated_debt: tuple[VacatedDebt, ...]
    failure_to_comply: FailureToComplyLaw


def read_law(text: str, own: str = "") -> Law:
    """The law in `text` (TOML, the shape of `law.toml`).

    `own`: what a court's counsel adds, in the same shape: its tables follow those of `text`, its values replace them.
    """
    data = _joined(tomllib.loads(text), tomllib.loads(own))
    ftc = data["failure_to_comply"]
    return Law(
        vacated_debt=tuple(
            VacatedDebt(
                name=rule["name"],
                effective=rule["effective"],
                fee_kinds=frozenset(rule.get("fee_kinds", ())),
                statutes=frozenset(rule.get("statutes", ())),
                imposed_before=rule.get("imposed_before"),
                source=rule["source"],
            )
            for rule in data["vacated_debt"]
        ),
        failure_to_comply=FailureToComplyLaw(
            compliance_sections=frozenset(ftc["compliance_sections"]),
            ended_powers=tuple(EndedPower(p["section"], p["ended"], p["source"]) for p in ftc["ended_powers"]),
            exclusions=tuple(
                Exclusion(e["group"], tuple(e["sections"]), e["effective"], e.get("ended"), e["source"])
                for e in ftc["exclusions"]
            ),
            license_formats=tuple(
                LicenseFormat(f["jurisdiction"], re.compile(f["pattern"]), f["words"], f["effective"], f["source"])
                for f in ftc["license_formats"]
            ),
            conviction_required=ftc["conviction_required"],
            suspension_notice_days=ftc["suspension_notice_days"],
            retention_years=ftc["retention_years"],
        ),
    )


def current_law() -> Law:
    """The law that ships with the package, with what the court has added."""
    return _law(_Own.file)


class _Own:
    """The court's own file: one process serves one court."""

    file: Path | None = None


def extend_law(file: Path | None) -> None:
    """Let the court's `file` add to the law, for this process; None: nothing is added. Raises ConfigError."""
    _law(file)
    _Own.file = file


@cache
def _law(file: Path | None) -> Law:
    shipped = resources.files("ccms_ws.domain").joinpath("law.toml").read_text("utf-8")
    if file is None:
        return read_law(shipped)
    try:
        return read_law(shipped, file.read_text("utf-8-sig"))
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        raise ConfigError(f"{file} cannot be read as law: {error!r}", hint="the shape is that of law.toml") from error


def _joined(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    joined = dict(base)
    for key, value in own.items():
        below = joined.get(key)
        if key not in joined:
            raise ValueError(f"there is no {key!r} in law.toml")
        if isinstance(below, dict):
            joined[key] = _joined(below, value)
        else:
            joined[key] = [*below, *value] if isinstance(below, list) else value
    return joined


def _names(entry: str, section: str, number: str) -> bool:
    first, dash, last = entry.partition("-")
    if not dash:
        return entry in (section, number)
    try:
        return float(first) <= float(number) <= float(last)
    except ValueError:
        return False
