"""The contract's files are found in a checkout and in an installed package, and nothing else is."""

from __future__ import annotations

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
