"""What bash offers for the words of a `ccms-ws` command line, asked as bash asks."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

BASH = """
{source}
COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); COMP_LINE="{words}"; COMP_POINT=${{#COMP_LINE}}
_ccms_ws_completion ccms-ws
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@cache
def completion_script() -> str:
    """What bash has to read first."""
    asked = os.environ | {"_CCMS_WS_COMPLETE": "source_bash"}
    return subprocess.run(
        [sys.executable, "-m", "ccms_ws"], env=asked, capture_output=True, text=True, check=True
    ).stdout


def completed(*words: str, cwd: Path | None = None) -> list[str]:
    """What bash offers for the last of the words, asked as bash asks."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    line = " ".join(shlex.quote(word) for word in ("ccms-ws", *words))
    script = BASH.format(source=completion_script(), words=line)
    ended = subprocess.run(
        ["bash", "-c", script], env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True, cwd=cwd
    )
    return ended.stdout.split()


def test_bash_completes_commands_and_options() -> None:
    assert {"messages", "outbox", "exchanges", "partners", "doctor", "docs", "kit"} <= set(completed(""))
    assert set(completed("messages", "")) == {"list", "show", "export"}
    assert completed("messages", "list", "--exch") == ["--exchange"]


def test_bash_completes_exchanges_documents_and_the_partners_of_this_court(court_folder: Path) -> None:
    assert completed("exchanges", "show", "C") == ["COL903"]
    assert completed("docs", "OPER") == ["OPERATIONS"]
    assert completed("partners", "test", "", cwd=court_folder)[:2] == ["ADULT-PROBATION", "AGENCY"]
    assert completed("partners", "test", "D") == [], "without a court no partner is known, and nothing is printed"


def test_a_shell_is_told_how_to_complete() -> None:
    assert "complete -o default -F _ccms_ws_completion ccms-ws" in completion_script()
