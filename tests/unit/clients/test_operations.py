from __future__ import annotations

import os
from pathlib import Path

import pytest

from ccms_ws.clients.operations import read_operations
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.contract.namespaces import q
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import ContractError, ContractMissing
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from ccms_ws.exchanges.dmv907.wire import NAMESPACE as DMV907
from tests.support.partner_wsdls import written, wsdl

ABSTRACT = q(DMV907, "FailureToComplyAbstract")
TNS = "urn:ccms-ws:partner:DMV907-synchronous:1.0:FailureToComplyAbstracts"


@pytest.mark.parametrize("version", list(SoapVersion))
def test_an_operation_is_found_by_its_message(version: SoapVersion) -> None:
    operation = read_operations(wsdl_path("partner/DMV907-1.0-synchronous.wsdl"))[version, ABSTRACT]
    assert operation.action == operation.soap_action == f"{TNS}:FailureToComplyAbstract"
    assert dict(operation.answers) == {
        q(DMV907, "FailureToComplyAbstractResponse"): f"{TNS}:FailureToComplyAbstractResponse",
        q(DMV907, "FailureToComplyAbstractError"): (
            f"{TNS}:SubmitFailureToComplyAbstract:Fault:FailureToComplyAbstractError"
        ),
    }


def test_a_one_way_operation_declares_no_answer() -> None:
    operations = read_operations(wsdl_path("partner/COL903-1.0.wsdl"))
    assert not operations[SoapVersion.SOAP12, q(COL903, "CollectionBalanceUpdateBatch")].answers


def test_an_empty_reply_is_no_element() -> None:
    operations = read_operations(wsdl_path("partner/COL903-1.0-synchronous.wsdl"))
    answers = operations[SoapVersion.SOAP12, q(COL903, "CollectionBalanceUpdateBatch")].answers
    assert list(answers) == [q(COL903, "CollectionBalanceUpdateError")]


def test_a_wsdl_is_read_once() -> None:
    path = wsdl_path("partner/DMV907-1.0.wsdl")
    assert read_operations(path) is read_operations(path)


def test_a_wsdl_that_was_written_again_is_read_again(tmp_path: Path) -> None:
    path = written(tmp_path, wsdl(schema="<xs:schema/>"))
    assert [each.soap_action for each in read_operations(path).values()] == ["urn:agency:Submit"]
    path.write_text(path.read_text("utf-8").replace("urn:agency:Submit", "urn:agency:Send"), encoding="utf-8")
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert [each.soap_action for each in read_operations(path).values()] == ["urn:agency:Send"]


def test_a_wsdl_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ContractMissing):
        read_operations(tmp_path / "none.wsdl")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("../../xsd/exchange/DMV907-1.0.xsd", "http://partner.example/DMV907-1.0.xsd"),
        ("<wsdl:definitions", "<!DOCTYPE x [<!ENTITY a 'b'>]><wsdl:definitions"),
        ('transport="http://schemas.xmlsoap.org/soap/http"', 'transport="urn:smtp"'),
        ("wsdl:port name", "wsdl:gate name"),
    ],
)
def test_a_wsdl_that_cannot_be_used_is_refused(tmp_path: Path, old: str, new: str) -> None:
    text = wsdl_path("partner/DMV907-1.0.wsdl").read_text("utf-8").replace(old, new)
    folder = wsdl_path("partner/DMV907-1.0.wsdl").parents[2].as_posix()
    path = tmp_path / "partner.wsdl"
    path.write_text(text.replace("../../xsd", f"{folder}/xsd"), "utf-8")
    with pytest.raises(ContractError):
        read_operations(path)
