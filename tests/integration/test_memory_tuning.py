"""Programs that live long settle their memory."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_PROGRAM = """
import ctypes, gc, sys, threading
from ccms_ws.memory_tuning import tune_memory

if sys.argv[1] == "settled":
    tune_memory()
kept, all_have_begun, end = [], threading.Barrier(9), threading.Event()

def work():
    kept.append([b"x" * 700 for _ in range(1000)])  # too large for Python's own allocator
    all_have_begun.wait()
    end.wait()

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
all_have_begun.wait()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, out := ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(out)
end.set()
print(gc.get_freeze_count(), file=sys.stderr)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_two_arenas_and_what_was_there_before_is_frozen() -> None:
    arenas, frozen = zip(*(_measured(how) for how in ("as it is", "settled")), strict=True)
    assert arenas[0] > arenas[1] == 2
    assert frozen[1] > frozen[0] == 0


def _measured(how: str) -> tuple[int, int]:
    done = subprocess.run([sys.executable, "-c", _PROGRAM, how], check=True, capture_output=True, text=True)
    return done.stdout.count("<heap "), int(done.stderr)
