"""The contract in a package that is installed, without the repository around it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_installed_package_finds_the_files_that_it_carries(tmp_path: Path) -> None:
    package = tmp_path / "site" / "ccms_ws"
    shutil.copytree(ROOT / "ccms_ws", package, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("xsd", "wsdl"):
        shutil.copytree(ROOT / folder, package / "contract" / folder)
    program = (
        "from ccms_ws.contract import catalog, schemas, wsdl\n"
        "from lxml import etree\n"
        "schemas.validate(etree.fromstring(catalog.sample('FCC807-query')))\n"
        "assert 'QueryCaseParticipantBalance' in wsdl.load_wsdl('FCC807-1.0-service.wsdl').operations\n"
        "print(catalog.xsd_path('fault.xsd'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.stderr == ""
    assert Path(ran.stdout.strip()) == (package / "contract" / "xsd" / "fault.xsd").resolve()
