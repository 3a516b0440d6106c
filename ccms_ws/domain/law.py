"""The law as dated data: what `law.toml` says, with its sources. No date of a statute stands in code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any, Protocol


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
class FailureToComplyLaw:
    """What VC 40509.1 and its neighbours say of a failure-to-comply notice."""

    compliance_sections: frozenset[str]
    ended_powers: tuple[EndedPower, ...]
    excluded_groups: tuple[str, ...]
    suspension_notice_days: int
    retention_years: int


@dataclass(frozen=True, slots=True)
class Law:
    vacated_debt: tuple[VacatedDebt, ...]
    failure_to_comply: FailureToComplyLaw


def read_law(text: str) -> Law:
    """The law in `text` (TOML, the shape of `law.toml`)."""
    data: dict[str, Any] = tomllib.loads(text)
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
            excluded_groups=tuple(ftc["excluded_groups"]),
            suspension_notice_days=ftc["suspension_notice_days"],
            retention_years=ftc["retention_years"],
        ),
    )


@cache
def current_law() -> Law:
    """The law that ships with the package."""
    return read_law(resources.files("ccms_ws.domain").joinpath("law.toml").read_text("utf-8"))
