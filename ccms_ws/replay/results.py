"""What came of playing cases: values for reports, nothing of any message but where it differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ccms_ws.replay.diff import Difference


class Verdict(StrEnum):
    """What became of one case."""

    SAME = "same"
    """Everything was as recorded, or differed as the case allows."""
    DIFFERENT = "different"
    BROKEN = "broken"
    """It could not be played to its end."""
    SKIPPED = "skipped"
    """It cannot be played in this mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """One step: what had to happen and what did, in a few words, and every difference."""

    name: str
    expected: str
    actual: str
    differences: Sequence[Difference] = ()

    @property
    def same(self) -> bool:
        return all(difference.tolerated for difference in self.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case. `reason`: why it was skipped or is broken."""

    name: str
    title: str
    exchanges: Sequence[str]
    steps: Sequence[StepResult] = ()
    seconds: float = 0.0
    reason: str = ""
    skipped: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.skipped:
            return Verdict.SKIPPED
        if self.reason:
            return Verdict.BROKEN
        return Verdict.SAME if all(step.same for step in self.steps) else Verdict.DIFFERENT

    @property
    def allowed(self) -> int:
        """How many differences the case allows."""
        return sum(bool(each.tolerated) for step in self.steps for each in step.differences)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Many cases, in the order in which they were given. `mode`: "offline", "live" or "as is"."""

    mode: str
    cases: Sequence[CaseResult]
    seconds: float
    target: str = ""
    counts: dict[Verdict, int] = field(init=False)

    def __post_init__(self) -> None:
        counts = dict.fromkeys(Verdict, 0)
        for case in self.cases:
            counts[case.verdict] += 1
        object.__setattr__(self, "counts", counts)

    @property
    def same(self) -> bool:
        """True if nothing differed and something was played."""
        bad = self.counts[Verdict.DIFFERENT] + self.counts[Verdict.BROKEN]
        return bad == 0 and self.counts[Verdict.SAME] > 0
