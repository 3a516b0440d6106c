"""Many cases: one after the other in this process, or spread over several."""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import structlog

from ccms_ws.errors import CcmsWsError
from ccms_ws.replay.case import Case
from ccms_ws.replay.casefile import read_case
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.player import play
from ccms_ws.replay.results import CaseResult, RunResult

MADE_AT: Final = datetime(2026, 11, 20, tzinfo=UTC)
_LARGEST_CHUNK: Final = 250
_SMALLEST_CHUNK: Final = 20
_WORTH_A_PROCESS: Final = 200
Tell = Callable[[CaseResult], None]


@dataclass(frozen=True, slots=True)
class Which:
    """The court to play in: a copy of the installation with this settings file, or the demo court if there is none.

    `database`: the URL of a copy that may be changed, for an installation on PostgreSQL.
    """

    settings: Path | None = None
    database: str = ""

    def open(self) -> Courthouse:
        if self.settings is None:
            return Courthouse.demo(MADE_AT)
        return Courthouse.copy_of(self.settings, database=self.database)


def replay(
    folders: Sequence[Path], which: Which | None = None, *, jobs: int = 0, tell: Tell = lambda _result: None
) -> RunResult:
    """Play the cases in `folders` offline. `jobs`: processes, 0 for as many as are worth it; `tell` hears of each.

    Raises ConfigError for a court that cannot be made; what is wrong with a case is in its result.
    """
    started, which = time.perf_counter(), which or Which()
    jobs = jobs or max(1, min(os.cpu_count() or 1, len(folders) // _WORTH_A_PROCESS))
    by_name: dict[Path, CaseResult] = {}
    for folder, result in _in_process(folders, which) if jobs == 1 else _in_processes(folders, which, jobs):
        by_name[folder] = result
        tell(result)
    return RunResult(
        mode="offline",
        cases=[by_name[folder] for folder in folders],
        seconds=round(time.perf_counter() - started, 3),
        target="the demo court" if which.settings is None else str(which.settings),
    )


def _in_process(folders: Iterable[Path], which: Which) -> Iterator[tuple[Path, CaseResult]]:
    with which.open() as court:
        yield from _play_all(folders, court)


def _play_all(folders: Iterable[Path], court: Courthouse) -> Iterator[tuple[Path, CaseResult]]:
    """One after the other, each in the court as it was before all of them."""
    for folder in folders:
        case = _read(folder)
        yield folder, case if isinstance(case, CaseResult) else play(case, court)


def _read(folder: Path) -> Case | CaseResult:
    try:
        return read_case(folder)
    except (CcmsWsError, ValueError) as error:
        return CaseResult(name=folder.name, title="", exchanges=(), reason=str(error))


def be_quiet() -> None:
    """Let a court in this process say nothing: what it logs of recorded messages is no news."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


# -- several processes ------------------------------------------------------------------------------------------------
def _in_processes(folders: Sequence[Path], which: Which, jobs: int) -> Iterator[tuple[Path, CaseResult]]:
    size = max(_SMALLEST_CHUNK, min(_LARGEST_CHUNK, len(folders) // (4 * jobs)))
    chunks = [folders[start : start + size] for start in range(0, len(folders), size)]
    # A fresh interpreter each: a forked one would share locks and connections with this one's threads.
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=be_quiet) as pool:
        for done in as_completed([pool.submit(_play_chunk, chunk, which) for chunk in chunks]):
            yield from done.result()


def _play_chunk(folders: Sequence[Path], which: Which) -> list[tuple[Path, CaseResult]]:
    return list(_play_all(folders, _own_court(which)))


@cache
def _own_court(which: Which) -> Courthouse:
    """The one of this worker process, which lasts as long as it does."""
    court = which.open()
    atexit.register(court.close)
    return court
