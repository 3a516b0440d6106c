"""The law as dated data: what `law.toml` says, with its sources. No date of a statute stands in code."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, Final, Protocol

from ccms_ws.domain.statutes import Statutes
from ccms_ws.errors import ConfigError

_NONE: Final = Statutes()


class Debt(Protocol):
    """What a rule about debt looks at."""

    @property
    def fee_kind(self) -> str: ...
    @property
    def statute(self) -> str: ...
    @property
    def imposed_on(self) -> date | None: ...
    @property
    def posted_on(self) -> date: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What every rule says of itself. One that is not `confirmed` has no effect until a court switches it on."""

    id: str = ""
    name: str
    source: str = ""
    confirmed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class VacatedDebt(Rule):
    """A statute that made a kind of debt uncollectable from `effective` on.

    It covers debt of `fee_kinds` under one of `statutes`; one of the two may be empty and then does not matter.
    `imposed_from` and `imposed_before` limit the days of imposition; `after_years`: each debt so many years after its
    own imposition. `spared_kinds`: kinds that a rule without `fee_kinds` never touches.
    """

    effective: date
    fee_kinds: frozenset[str] = frozenset()
    statutes: Statutes = _NONE
    except_statutes: Statutes = _NONE
    imposed_from: date | None = None
    imposed_before: date | None = None
    after_years: int | None = None
    spared_kinds: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not (self.fee_kinds or self.statutes):
            raise ValueError(f"the rule {self.name!r} names neither fee_kinds nor statutes")

    @property
    def depends_on_imposition(self) -> bool:
        """True if the day on which a debt was imposed decides whether, or when, it is vacated."""
        return (self.imposed_from, self.imposed_before, self.after_years) != (None, None, None)

    def concerns(self, fee_kind: str) -> bool:
        """False if no debt of this kind is vacated, whatever else is true of it."""
        return fee_kind in self.fee_kinds if self.fee_kinds else fee_kind not in self.spared_kinds

    def vacates_from(self, debt: Debt) -> date | None:
        """The day from which this statute vacates `debt`; None if it does not."""
        imposed = debt.imposed_on or debt.posted_on
        if not self.concerns(debt.fee_kind):
            return None
        if self.imposed_before is not None and imposed >= self.imposed_before:
            return None
        if self.imposed_from is not None and imposed < self.imposed_from:
            return None
        if (self.statutes and not self.statutes.covers(debt.statute)) or self.except_statutes.covers(debt.statute):
            return None
        if self.after_years is None:
            return self.effective
        return max(self.effective, _years_later(imposed, self.after_years))


class VacatingRules:
    """Rules that vacate debt, in their order; those that concern a kind of fee are found at once."""

    def __init__(self, rules: Iterable[VacatedDebt] = ()) -> None:
        self._rules = tuple(rules)
        self._by_kind: dict[str, tuple[VacatedDebt, ...]] = {}

    def __iter__(self) -> Iterator[VacatedDebt]:
        return iter(self._rules)

    def concerning(self, fee_kind: str) -> tuple[VacatedDebt, ...]:
        found = self._by_kind.get(fee_kind)
        if found is None:
            found = self._by_kind[fee_kind] = tuple(rule for rule in self._rules if rule.concerns(fee_kind))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Rule):
    """The most, in US dollars, that a court may impose of a kind of debt from `imposed_from` on."""

    fee_kinds: frozenset[str]
    imposed_from: date
    most: Decimal

    def is_exceeded(self, debt: Debt, amount: Decimal) -> bool:
        imposed = debt.imposed_on or debt.posted_on
        return debt.fee_kind in self.fee_kinds and imposed >= self.imposed_from and amount > self.most


@dataclass(frozen=True, slots=True)
class EndedPower:
    """A section under which courts could notify DMV until the day before `ended`."""

    section: str
    ended: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusion(Rule):
    """Orders for which DMV places no hold (VC 40509.1, 13365.5(b)), from `effective` until the day before `ended`.

    It names sections violated, kinds of order, or kinds of vehicle; what it names must all be so.
    """

    sections: Statutes = _NONE
    except_sections: Statutes = _NONE
    order_kinds: frozenset[str] = frozenset()
    vehicle_kinds: frozenset[str] = frozenset()
    effective: date
    ended: date | None = None

    def covers(self, section: str, on: date, *, order_kind: str = "", vehicle_kind: str = "") -> bool:
        """True if on that day no such order for a violation of `section` of the Vehicle Code can be notified."""
        if on < self.effective or (self.ended is not None and on >= self.ended):
            return False
        if not (self.sections or self.order_kinds or self.vehicle_kinds):
            return False
        if self.sections and (not self.sections.covers(section) or self.except_sections.covers(section)):
            return False
        if self.order_kinds and order_kind not in self.order_kinds:
            return False
        return not self.vehicle_kinds or vehicle_kind in self.vehicle_kinds


@dataclass(frozen=True, slots=True)
class LicenseFormat:
    """How one jurisdiction writes its driver license numbers, from `effective` on; `words` say it to people."""

    jurisdiction: str
    pattern: re.Pattern[str]
    words: str
    effective: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureToComplyLaw:
    """What VC 40509.1 and its neighbours say of a failure-to-comply notice.

    `conviction_required`: a hold presupposes a conviction on file, which DMV902 reports. `proposals`: exclusions that
    are not confirmed and not switched on; `closed_case`, `confidential_case`: "refuse" or "warn".
    """

    compliance_sections: Statutes
    ended_powers: tuple[EndedPower, ...]
    exclusions: tuple[Exclusion, ...]
    proposals: tuple[Exclusion, ...] = ()
    license_formats: tuple[LicenseFormat, ...]
    conviction_required: bool
    closed_case: str
    confidential_case: str

    def license_format(self, jurisdiction: str, on: date) -> LicenseFormat | None:
        """The form of that jurisdiction's numbers on that day, the newest if there are several; None if not known."""
        known = [f for f in self.license_formats if f.jurisdiction == jurisdiction and f.effective <= on]
        return max(known, key=lambda each: each.effective, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """The law of one court: what is in force there. `rules` are all rules, `off` the ids of those without effect,
    and `undecided` of those that have none because they are unconfirmed and the court has not decided on them.

    It is read once, when a court is opened, and handed to whatever applies it.
    """

    vacated_debt: VacatingRules
    limits: tuple[Limit, ...]
    failure_to_comply: FailureToComplyLaw
    rules: tuple[Rule, ...]
    off: frozenset[str]
    undecided: frozenset[str]


def read_law(text: str, own: str = "", switches: Mapping[str, bool] | None = None) -> Law:
    """The law in `text` (TOML, the shape of `law.toml`).

    `own`: what a court's counsel adds, in the same shape: its tables follow those of `text`, its values replace them.
    `switches`: rules, by id, that the court turns on or off. Raises ValueError, KeyError or TypeError.
    """
    switches = switches or {}
    data = _joined(tomllib.loads(text), tomllib.loads(own))
    spared = frozenset(data["principal_kinds"])
    vacated = tuple(_vacated_debt(dict(rule), spared) for rule in data["vacated_debt"])
    limits = tuple(_limit(dict(rule)) for rule in data["limits"])
    ftc = data["failure_to_comply"]
    exclusions = tuple(_exclusion(dict(rule)) for rule in ftc["exclusions"])
    rules: tuple[Rule, ...] = (*vacated, *limits, *exclusions)
    ids = [rule.id for rule in rules if rule.id]
    if len(ids) != len(set(ids)):
        raise ValueError("two rules have the same id")
    if unknown := set(switches) - set(ids):
        raise ValueError(f"there is no rule {', '.join(sorted(unknown))}")
    off = frozenset(rule.id for rule in rules if not switches.get(rule.id, rule.confirmed))
    undecided = off - set(switches)
    return Law(
        vacated_debt=VacatingRules(rule for rule in vacated if rule.id not in off),
        limits=tuple(rule for rule in limits if rule.id not in off),
        failure_to_comply=FailureToComplyLaw(
            compliance_sections=Statutes.of(ftc["compliance_sections"], _VEHICLE_CODE),
            ended_powers=tuple(EndedPower(p["section"], p["ended"], p["source"]) for p in ftc["ended_powers"]),
            exclusions=tuple(rule for rule in exclusions if rule.id not in off),
            proposals=tuple(rule for rule in exclusions if rule.id in undecided),
            license_formats=tuple(
                LicenseFormat(f["jurisdiction"], re.compile(f["pattern"]), f["words"], f["effective"], f["source"])
                for f in ftc["license_formats"]
            ),
            conviction_required=ftc["conviction_required"],
            closed_case=_choice(ftc, "closed_case"),
            confidential_case=_choice(ftc, "confidential_case"),
        ),
        rules=rules,
        off=off,
        undecided=undecided,
    )


def load_law(file: Path | None = None, switches: Mapping[str, bool] | None = None) -> Law:
    """The law that ships with the package, with what a court adds in `file` and the rules that it turns on or off.

    Raises ConfigError.
    """
    shipped = resources.files("ccms_ws.domain").joinpath("law.toml").read_text("utf-8")
    try:
        own = "" if file is None else file.read_text("utf-8-sig")
        return read_law(shipped, own, switches)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, re.error) as error:
        where = "court.law_rules" if file is None else str(file)
        said = error if isinstance(error, ValueError) else repr(error)
        raise ConfigError(
            f"{where} cannot be read as law: {said}",
            hint="the shape is that of law.toml; `ccms-ws law list` shows its rules",
        ) from error


_VEHICLE_CODE: Final = "VC"
_RULE_KEYS: Final = ("id", "name", "source", "confirmed")
_CHOICES: Final = ("refuse", "warn")


def _vacated_debt(data: dict[str, Any], spared: frozenset[str]) -> VacatedDebt:
    return VacatedDebt(
        **_head(data),
        effective=data.pop("effective"),
        fee_kinds=frozenset(data.pop("fee_kinds", ())),
        statutes=Statutes.of(data.pop("statutes", ())),
        except_statutes=Statutes.of(data.pop("except_statutes", ())),
        imposed_from=data.pop("imposed_from", None),
        imposed_before=data.pop("imposed_before", None),
        after_years=data.pop("after_years", None),
        spared_kinds=spared,
        **_nothing_else(data),
    )


def _limit(data: dict[str, Any]) -> Limit:
    return Limit(
        **_head(data),
        fee_kinds=frozenset(data.pop("fee_kinds")),
        imposed_from=data.pop("imposed_from"),
        most=Decimal(data.pop("most")),
        **_nothing_else(data),
    )


def _exclusion(data: dict[str, Any]) -> Exclusion:
    return Exclusion(
        **_head(data),
        sections=Statutes.of(data.pop("sections", ()), _VEHICLE_CODE),
        except_sections=Statutes.of(data.pop("except_sections", ()), _VEHICLE_CODE),
        order_kinds=frozenset(data.pop("order_kinds", ())),
        vehicle_kinds=frozenset(data.pop("vehicle_kinds", ())),
        effective=data.pop("effective"),
        ended=data.pop("ended", None),
        **_nothing_else(data),
    )


def _head(data: dict[str, Any]) -> dict[str, Any]:
    missing = [key for key in ("name", "source") if key not in data]
    if missing:
        raise ValueError(f"a rule without {', '.join(missing)}")
    return {key: data.pop(key) for key in _RULE_KEYS if key in data}


def _nothing_else(data: Collection[str]) -> dict[str, Any]:
    if data:
        raise ValueError(f"a rule has no {', '.join(sorted(data))}")
    return {}


def _choice(data: Mapping[str, Any], key: str) -> str:
    if data[key] not in _CHOICES:
        raise ValueError(f"{key} is {' or '.join(_CHOICES)}, not {data[key]!r}")
    return str(data[key])


def _years_later(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February, or beyond the calendar
        return date.max if day.year + years > date.max.year else date(day.year + years, 3, 1)


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
