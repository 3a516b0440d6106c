"""`tools/structure`: no module of the package imports another in a circle, and a circle is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def structure(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools/structure"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def package(folder: Path, **modules: str) -> Path:
    home = folder / "sample_package"
    home.mkdir()
    for name, text in {"__init__": "", **modules}.items():
        (home / f"{name}.py").write_text(text, encoding="utf-8")
    return home


def test_no_module_of_ours_imports_another_in_a_circle() -> None:
    ran = structure()
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("ccms_ws: ")


def test_size_and_longest_functions_are_shown(tmp_path: Path) -> None:
    long = "def long() -> None:\n    print(1)\n    print(2)\n\n\ndef short() -> None:\n    pass\n"
    lines = structure(package(tmp_path, a=long)).stdout.splitlines()
    assert lines[0] == "sample_package: 2 modules, 7 lines; the longest functions:"
    assert [line.split() for line in lines[1:]] == [
        ["3", "lines", "sample_package/a.py:1", "long"],
        ["2", "lines", "sample_package/a.py:6", "short"],
    ]


def test_a_circle_of_types_or_of_an_import_in_a_function_is_found_too(tmp_path: Path) -> None:
    for_types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sample_package import b\n"
    in_function = "def f() -> None:\n    from sample_package import a\n"
    ran = structure(package(tmp_path, a=for_types, b=in_function))
    assert ran.returncode == 1
    assert ran.stderr.startswith("modules import each other: sample_package.")
