"""A copy of the project with one exchange more: that of `tests/skeleton`, which does not exist."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKELETON = ROOT / "tests" / "skeleton"
CODE = "TST999"
_IN_SCHEMA = f"""<xs:enumeration value="{CODE}">
        <xs:annotation>
          <xs:documentation>Court Sends Notice</xs:documentation>
        </xs:annotation>
      </xs:enumeration>
      """


def make_project(folder: Path) -> None:
    """Copy the project, add the files of the skeleton, and register the exchange. No other file is touched, except that
    its code joins the list of exchange codes in the shared schema, which has only those of the data sheets.
    """
    for name in ("ccms_ws", "xsd", "wsdl", "tools"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    shutil.copyfile(ROOT / "CHANGELOG.md", folder / "CHANGELOG.md")
    for path in SKELETON.rglob("*"):
        target = folder / path.relative_to(SKELETON)
        if path.is_file() and "__pycache__" not in path.parts:
            assert not target.exists(), f"{target} would be replaced"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    registry = folder / "ccms_ws" / "registry.py"
    text = registry.read_text("utf-8")
    text = text.replace("\nEXCHANGES", f"\nfrom ccms_ws.exchanges.{CODE.lower()} import {CODE}\n\nEXCHANGES", 1)
    registry.write_text(text.replace("\n)\n", f"\n    {CODE},\n)\n", 1), "utf-8")
    schema = folder / "xsd" / "extension.xsd"
    text = schema.read_text("utf-8")
    first = '<xs:enumeration value="FCC806">'
    schema.write_text(text.replace(first, _IN_SCHEMA + first, 1), "utf-8")


def environment(project: Path) -> dict[str, str]:
    """The variables with which Python imports the copy."""
    return os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}


def python(project: Path, *arguments: object, status: int = 0) -> str:
    """What Python says in the copy. The command must end with `status`."""
    ended = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == status, ended.stdout + ended.stderr
    return ended.stdout


def ccms_ws(project: Path, *arguments: object, status: int = 0) -> str:
    """What the command `ccms-ws` of the copy says."""
    return python(project, "-m", "ccms_ws", *arguments, status=status)
