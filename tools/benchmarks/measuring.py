"""How benchmarks measure: several things in turns, the best turn of each, and what is printed of it."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value. `floor` is the cost of what cannot be avoided, in the same unit and from the same run."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def figure(name: str, value: float, unit: str, floor: float, *, at_most: float | None = None) -> Figure:
    """A value with its floor; the goal is a ratio of at most `at_most`."""
    ratio = value / floor
    met = None if at_most is None else ratio <= at_most
    return Figure(name, value, unit, floor, ratio, "" if at_most is None else f"ratio <= {at_most:g}", met)


def best_of(turns: int, subjects: Mapping[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Seconds for one call of each subject: (function, calls per turn). The best turn counts: noise only adds.

    Subjects take turns, so that a busy moment of the machine does not fall on one of them alone.
    """
    best = dict.fromkeys(subjects, float("inf"))
    for function, _ in subjects.values():
        function()
    for _ in range(turns):
        for name, (function, calls) in subjects.items():
            gc.collect()
            start = time.perf_counter()
            for _ in range(calls):
                function()
            best[name] = min(best[name], (time.perf_counter() - start) / calls)
    return best


def table(figures: list[Figure]) -> None:
    """Print the figures for people."""
    view = Table("figure", "value", "floor", "ratio", "goal", "")
    view.columns[0].no_wrap = True
    for column in view.columns[1:4]:
        column.justify = "right"
    for one in figures:
        floor = "" if one.floor is None else f"{one.floor:,.1f} {one.unit}"
        ratio = "" if one.ratio is None else f"{one.ratio:.2f}"
        met = {True: "[green]met[/]", False: "[red]not met[/]", None: ""}[one.met]
        view.add_row(one.name, f"{one.value:,.1f} {one.unit}", floor, ratio, one.goal, met)
    console = Console()
    (console if console.is_terminal else Console(width=110)).print(view)
