"""The contract's files are found in a checkout and in an installed package, and nothing else is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ccms_ws.contract import catalog
from ccms_ws.errors import ContractMissing

ROOT = Path(__file__).parents[3]


def test_schemas_and_wsdls_are_found_by_their_names() -> None:
    assert catalog.xsd_path("exchange/FCC807-1.0.xsd").is_file()
    assert catalog.wsdl_path("partner/DMV907-1.0.wsdl").is_file()


def test_a_sample_is_found_by_its_name() -> None:
    assert b"CaseParticipantBalanceQueryResponse" in catalog.sample("FCC807-balance")
    assert "FCC807-balance" in catalog.sample_names()


@pytest.mark.parametrize("name", ["../setup.cfg", "/etc/passwd", "exchange", "", "a\0b", "x" * 5000, "./fault.xsd"])
def test_a_name_that_is_not_in_the_folder_is_missing(name: str) -> None:
    with pytest.raises(ContractMissing):
        catalog.xsd_path(name)


def test_each_namespace_has_its_schema() -> None:
    namespaces = catalog.exchange_schemas()
    assert namespaces["urn:ccms-ws:exchange:COL903:1.0"].name == "COL903-1.0.xsd"
    assert namespaces["urn:ccms-ws:fault:1.0"].name == "fault.xsd"


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
