"""The code stays in modules that can be read in one go."""

from __future__ import annotations

from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
LONGEST = 400
MEDIAN = 150


def lengths(folder: str) -> dict[str, int]:
    """The lines of every module and Python program below a folder, by its path; not of installed ones."""
    found = {}
    for path in (ROOT / folder).rglob("*"):
        place = path.relative_to(ROOT)
        if "node_modules" in place.parts or not path.is_file() or path.suffix not in ("", ".py"):
            continue
        lines = path.read_bytes().splitlines()
        if path.suffix == ".py" or (lines and lines[0].startswith(b"#!") and b"python" in lines[0]):
            found[str(place)] = len(lines)
    return found


def test_no_module_is_too_long() -> None:
    modules = {path: lines for folder in ("ccms_ws", "tools", "tests") for path, lines in lengths(folder).items()}
    assert {"ccms_ws/errors.py", "tools/make-docs", "tests/support/house.py"} <= modules.keys()
    assert {path: lines for path, lines in modules.items() if lines > LONGEST} == {}


def test_most_modules_of_the_package_are_short() -> None:
    assert median(lengths("ccms_ws").values()) <= MEDIAN
