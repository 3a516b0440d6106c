"""A day's message log played again: 10,000 queries answered by the endpoint, recorded, replayed offline on every core.

`replay_day` is `ccms-ws replay run`, beside the seconds that the endpoint itself needed for the same messages.
`replay_memory_growth` compares its largest process with that of a tenth of the day. CCMS_WS_BENCH_MESSAGES sets
another size of the day; the goal of three minutes is for 10,000 on two cores.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks._probation import BenchCourt, bench_court
from benchmarks.measuring import Figure

from ccms_ws.exchanges.fcc807 import FCC807
from ccms_ws.log import configure_logging
from ccms_ws.services.http import WsgiApplication

_MESSAGES = int(os.environ.get("CCMS_WS_BENCH_MESSAGES", "10000"))
_GOAL_SECONDS = 180 * _MESSAGES / 10_000
_GOAL_GROWTH = 1.25
_AT_ONCE = 500  # queries are fresh for five minutes


def measure() -> list[Figure]:
    """All figures of the group."""
    configure_logging("WARNING", "json")
    with bench_court(_MESSAGES // 10) as court:
        answered = _fill(court)
        settings, cases = court.folder / "ccms-ws.toml", court.folder / "cases"
        day = ("--since", "1d", "--no-check", "--output", str(cases), "--config", str(settings))
        recorded, _ = _command("replay", "record", *day)
        tenth = court.folder / "tenth"
        for case in sorted(cases.iterdir())[::10]:
            shutil.copytree(case, tenth / case.name)
        _, little = _replay(tenth, settings)
        seconds, much = _replay(cases, settings)
    return [
        Figure("replay_record", recorded, "s", answered, recorded / answered),
        Figure(
            "replay_day", seconds, "s", answered, seconds / answered, f"<= {_GOAL_SECONDS:g} s",
            seconds <= _GOAL_SECONDS,
        ),
        Figure(
            "replay_memory_growth", much, "MiB", little, much / little, f"ratio <= {_GOAL_GROWTH}",
            much / little <= _GOAL_GROWTH,
        ),
    ]  # fmt: skip


def _fill(court: BenchCourt) -> float:
    """Seconds that the endpoint needs to answer the day's queries."""
    gate, seconds = court.application.gateway(is_limited=False), 0.0
    for begin in range(0, _MESSAGES, _AT_ONCE):
        queries = court.queries(min(_AT_ONCE, _MESSAGES - begin), seed=begin)
        start = time.perf_counter()
        for query in queries:
            _answer(gate, query)
        seconds += time.perf_counter() - start
    return seconds


def _answer(gate: WsgiApplication, query: bytes) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": FCC807.path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/soap+xml; charset=utf-8",
        "CONTENT_LENGTH": str(len(query)),
        "wsgi.input": io.BytesIO(query),
    }
    status: list[str] = []
    b"".join(gate(environ, lambda line, _headers: status.append(line)))
    if status != ["200 OK"]:
        raise RuntimeError(status)


def _replay(cases: Path, settings: Path) -> tuple[float, float]:
    return _command("replay", "run", str(cases), "--court", str(settings))


def _command(*arguments: str) -> tuple[float, float]:
    """Seconds of the command, and the MiB of its largest process."""
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "ccms_ws", *arguments], stdout=subprocess.DEVNULL)
    largest = 0.0
    while process.poll() is None:
        largest = max(largest, *(_mebibytes(each) for each in _family(process.pid)), 0.0)
        time.sleep(0.05)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
    return time.perf_counter() - start, largest


def _family(parent: int) -> list[int]:
    """A process and those it started."""
    try:
        threads = list(Path(f"/proc/{parent}/task").iterdir())
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return [parent]
    return [parent, *(each for child in children for each in _family(child))]


def _mebibytes(process: int) -> float:
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError):
        return 0.0
