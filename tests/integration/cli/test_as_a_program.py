"""`ccms-ws` as the program that it is: what it loads, and what it does when its output cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ccms_ws.cli.exit_codes import ExitCode


def test_help_loads_nothing_that_it_does_not_need() -> None:
    heavy = "{'lxml', 'sqlalchemy', 'spyne', 'zeep', 'granian', 'cryptography', 'pydantic'}"
    code = f"import sys, ccms_ws.cli; sys.exit(', '.join({heavy} & set(sys.modules)))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr.strip() == ""
    )


@pytest.mark.parametrize("command", [("exchanges", "--help"), ("docs", "changelog")])
def test_output_that_cannot_be_written_is_no_defect(command: tuple[str, ...]) -> None:
    program = [sys.executable, "-m", "ccms_ws", *command]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (
        ExitCode.FAILED,
        "ccms-ws: the output cannot be written: No space left on device\n",
    )
    reading, writing = os.pipe()
    os.close(reading)
    try:
        gone = subprocess.run(program, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    finally:
        os.close(writing)
    assert (gone.returncode, gone.stderr) == (ExitCode.FAILED, "")
