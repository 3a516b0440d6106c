"""The commands and snippets in the documents: found by their fences, run as a reader would run them.

A fence that begins with `sh run` or `python run` is run; all of one document run in one shell, one after the other, so
that a later one may use what an earlier one set. `needs=PROGRAM` leaves a block out where that program is missing.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Snippet:
    """A fenced block. `line` is where it begins in its document."""

    document: str
    line: int
    language: str
    marks: tuple[str, ...]
    text: str

    @property
    def is_run(self) -> bool:
        return "run" in self.marks

    @property
    def missing(self) -> str:
        """A program that it needs and this machine lacks; empty if none."""
        needs = [mark.partition("=")[2] for mark in self.marks if mark.startswith("needs=")]
        return next((program for program in needs if shutil.which(program) is None), "")


def snippets(path: Path) -> Iterator[Snippet]:
    """The fenced blocks of a document."""
    text = path.read_text("utf-8")
    for found in _FENCE.finditer(text):
        language, *marks = found["info"].split() or [""]
        yield Snippet(path.name, text.count("\n", 0, found.start()) + 1, language, tuple(marks), found["text"])


def script(blocks: list[Snippet], ports: dict[str, str]) -> str:
    """One shell script of them all; says on standard error which block it has come to."""
    lines = ["set -euo pipefail"]
    for block in blocks:
        text = block.text
        for said, taken in ports.items():
            text = text.replace(said, taken)
        lines.append(f"echo {shlex.quote(f'-- {block.document}:{block.line}')} >&2")
        lines.append(f"python3 - <<'SNIPPET'\n{text}SNIPPET" if block.language == "python" else text)
    return "\n".join(lines)
