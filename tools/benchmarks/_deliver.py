"""A court that builds and delivers in a process of its own, and says how long it took and what memory it needed.

Usage: _deliver.py SETTINGS col903|dmv907 NUMBER. What is to be sent is in the database (dmv907: in the outbox).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches
from ccms_ws.log import configure_logging
from ccms_ws.memory_tuning import tune_memory

_LOOK = 0.02


def main() -> None:
    """Print seconds, processor seconds and peak memory (MB), before and after, as JSON."""
    settings, what = sys.argv[1:]
    configure_logging("WARNING", "json")
    court = load_court(Path(settings))
    tune_memory()  # as the commands do
    before, wall, cpu = _peak(), time.perf_counter(), time.process_time()
    messages = _work(court, what)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - wall,
                "cpu": time.process_time() - cpu,
                "messages": messages,
                "before_mb": before,
                "peak_mb": _peak(),
            }
        )
    )


def _work(court: CourtApplication, what: str) -> int:
    """Let a worker work until nothing is left, while batches are built, if any are to be; how many."""
    worker, built = court.worker(), [0]

    def build() -> None:
        if what == "col903":
            size = court.push_settings("FTB", COL903.code).batch_size
            ids = court.push(COL903, "FTB", lambda context, uow: build_batches(context, uow, size=size))
            built[0] = len(ids)
        idle = False
        while not idle:
            time.sleep(_LOOK)
            with court.reading() as uow:
                idle = uow.outbox.idle()
        worker.stop()

    building = threading.Thread(target=build)
    building.start()
    worker.run()
    building.join()
    return built[0]


def _peak() -> float:
    """Megabytes; what getrusage says would be that of the program which has started this one, if that had more."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


if __name__ == "__main__":
    main()
