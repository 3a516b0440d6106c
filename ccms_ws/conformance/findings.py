"""What was found: for each demand how often it was seen to hold, and every time that it did not."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ccms_ws.conformance.requirements import Level, TestRequirement


class Verdict(StrEnum):
    """What became of one demand."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_SEEN = "not seen"
    """Nothing happened that would have shown it."""


class Result(StrEnum):
    """What became of all of them."""

    CONFORMANT = "conformant"
    """Every MUST was seen to hold."""
    INCOMPLETE = "incomplete"
    """No MUST failed; some were not seen."""
    NOT_CONFORMANT = "not conformant"


@dataclass(frozen=True, slots=True)
class Check:
    """One demand: `seen`, how often it held; `failures`, where it did not; `note`, why it was not looked at."""

    requirement: TestRequirement
    seen: int
    failures: Sequence[str]
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.failures:
            return Verdict.FAILED
        return Verdict.PASSED if self.seen else Verdict.NOT_SEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run. `partner`: whose part was played; `subject`: what was tested; `signer`: whose certificate its
    messages had to bear, in words.
    """

    exchange: str
    version: str
    partner: str
    role: str
    subject: str
    signer: str
    tested_by: str
    started: datetime
    ended: datetime
    checks: Sequence[Check]

    def count(self, level: Level, verdict: Verdict) -> int:
        return sum(each.requirement.level is level and each.verdict is verdict for each in self.checks)

    def failed(self, level: Level) -> Sequence[Check]:
        """The checks of that weight that failed."""
        return [each for each in self.checks if each.requirement.level is level and each.verdict is Verdict.FAILED]

    @property
    def result(self) -> Result:
        if self.count(Level.MUST, Verdict.FAILED):
            return Result.NOT_CONFORMANT
        missing = any(
            each.requirement.level is Level.MUST and each.verdict is Verdict.NOT_SEEN and not each.note
            for each in self.checks
        )
        return Result.INCOMPLETE if missing else Result.CONFORMANT


class CheckResults:
    """Gathers findings from any thread."""

    def __init__(self, requirements: Iterable[TestRequirement]) -> None:
        self._requirements = tuple(requirements)
        self._seen: dict[str, int] = {}
        self._failures: dict[str, list[str]] = {}
        self._notes: dict[str, str] = {}
        self._lock = threading.Lock()

    def holds(self, requirement: TestRequirement) -> None:
        """It was seen to hold once more."""
        with self._lock:
            self._seen[requirement.id] = self._seen.get(requirement.id, 0) + 1

    def fails(self, requirement: TestRequirement, where: str) -> None:
        """It was seen not to hold; `where` is for the partner to read."""
        with self._lock:
            self._failures.setdefault(requirement.id, []).append(where)

    def note(self, requirement: TestRequirement, why_not: str) -> None:
        """It does not apply, or could not be looked at."""
        with self._lock:
            self._notes[requirement.id] = why_not

    def say(self, requirement: TestRequirement, failure: str) -> None:
        """It holds if `failure` is empty."""
        if failure:
            self.fails(requirement, failure)
        else:
            self.holds(requirement)

    def checks(self) -> tuple[Check, ...]:
        with self._lock:
            return tuple(
                Check(
                    each,
                    self._seen.get(each.id, 0),
                    tuple(self._failures.get(each.id, ())),
                    self._notes.get(each.id, ""),
                )
                for each in self._requirements
            )
