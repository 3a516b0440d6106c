"""The cases that ship with the package are what `tools/make-replay-cases` makes of this working tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).parents[2] / "tools" / "make-replay-cases"


def test_the_shipped_cases_are_what_is_made_now() -> None:
    made = subprocess.run([sys.executable, str(TOOL), "--check"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, f"run tools/make-replay-cases: {made.stdout}{made.stderr}"
