"""Two versions of a contract are compared in words; each kind of change breaks a client or does not, as it should."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from ccms_ws.contract import catalog
from ccms_ws.contract.diff import Change, Effect, compare, worst
from ccms_ws.errors import ContractError, ContractMissing
from tests.support.next_version import write_next_version

Edit = tuple[str, str, str]
SCHEMA, EXT, CORE = "xsd/exchange/FCC807-1.0.xsd", "xsd/extension.xsd", "xsd/niem/niem-core.xsd"
WSDL, SERVICE = "wsdl/FCC807-1.0.wsdl", "wsdl/FCC807-1.0-service.wsdl"
NONE, FINE, BREAKS = Effect.NONE, Effect.COMPATIBLE, Effect.BREAKING

PURPOSE = '<xs:element ref="fcc807:QueryPurposeText" minOccurs="0"/>'
AS_OF = '<xs:element ref="fcc807:BalanceAsOfDate" minOccurs="0"/>'  # in the query
IN_BALANCE = '<xs:element ref="fcc807:BalanceAsOfDate"/>'  # in the response
FEES = '<xs:element ref="ext:FeeBalance" minOccurs="0" maxOccurs="unbounded"/>'
REASON = '<xs:element ref="fcc807:RejectionReasonText"/>'
UNIT = '<xs:element ref="fcc807:SubmitterUnitCode"/>'
JUVENILE = '<xs:enumeration value="JuvenileProbation">'
ROLE = '<xs:enumeration value="Other">'  # ParticipantRoleCode: only in the response
START = "urn:ccms-ws:service:FCC807:1.0:CaseParticipantBalance"
OUTPUT = (
    '<wsdl:output name="CaseParticipantBalanceQueryResponse" message="tns:CaseParticipantBalanceQueryResponse"\n'
    f'          wsam:Action="{START}:CaseParticipantBalanceQueryResponse"/>'
)
DECIMAL = '<xs:restriction base="xs:decimal">'
FAULT = '<wsdl:fault name="CaseParticipantBalanceQueryError" message="tns:CaseParticipantBalanceQueryError"'
PORT_12 = (
    '<wsdl:port name="FCC807Soap12" binding="tns:FCC807Soap12">\n'
    '      <soap12:address location="https://court.example/FCC807/1.0"/>\n    </wsdl:port>'
)
OPERATION = '<wsdl:operation name="QueryCaseParticipantBalance">'
EXTRA = '<wsdl:operation name="Extra"><wsdl:input message="tns:CaseParticipantBalanceQuery"/></wsdl:operation>'

CHANGES: dict[str, tuple[Edit, Effect, str]] = {
    # what a client sends
    "an optional element is added to the query": (
        (SCHEMA, PURPOSE, PURPOSE + '<xs:element ref="nc:OrganizationName" minOccurs="0"/>'),
        FINE,
        "was added (optional)",
    ),
    "a required element is added to the query": (
        (SCHEMA, PURPOSE, PURPOSE + '<xs:element ref="nc:OrganizationName"/>'),
        BREAKS,
        "was added (required)",
    ),
    "an optional element of the query is removed": ((SCHEMA, PURPOSE, ""), BREAKS, "QueryPurposeText was removed"),
    "an optional element of the query becomes required": (
        (SCHEMA, PURPOSE, PURPOSE.replace(' minOccurs="0"', "")),
        BREAKS,
        "became required",
    ),
    "a required element of the query becomes optional": (
        (SCHEMA, UNIT, UNIT.replace("/>", ' minOccurs="0"/>')),
        FINE,
        "became optional",
    ),
    "an element of the query may occur more often": (
        (SCHEMA, UNIT, UNIT.replace("/>", ' maxOccurs="3"/>')),
        FINE,
        "at most 3 times",
    ),
    "a code of the query is removed": (
        (SCHEMA, JUVENILE, JUVENILE.replace("Juvenile", "Minor")),
        BREAKS,
        "the code JuvenileProbation was removed",
    ),
    "a code is added to the query": (
        (SCHEMA, JUVENILE, '<xs:enumeration value="Both"/>' + JUVENILE),
        FINE,
        "the code Both was added",
    ),
    # what a client gets
    "an optional element is added to the response": (
        (SCHEMA, REASON, REASON + '<xs:element ref="nc:OrganizationName" minOccurs="0"/>'),
        FINE,
        "was added (optional)",
    ),
    "a required element of the response is removed": ((SCHEMA, REASON, ""), BREAKS, "RejectionReasonText was removed"),
    "an optional element of the response is removed": ((SCHEMA, FEES, ""), FINE, "FeeBalance was removed"),
    "a required element of the response becomes optional": (
        (SCHEMA, IN_BALANCE, IN_BALANCE.replace("/>", ' minOccurs="0"/>')),
        BREAKS,
        "became optional",
    ),
    "an optional element of the response becomes required": (
        (SCHEMA, FEES, FEES.replace('minOccurs="0" ', "")),
        FINE,
        "became required",
    ),
    "an element of the response may occur less often": (
        (SCHEMA, FEES, FEES.replace("unbounded", "9")),
        FINE,
        "at most 9 times",
    ),
    "a code is added to the response": (
        (EXT, ROLE, '<xs:enumeration value="Victim"/>' + ROLE),
        BREAKS,
        "the code Victim was added",
    ),
    # what travels both ways
    "an element becomes an alternative": (
        (SCHEMA, UNIT, f'<xs:choice>{UNIT}<xs:element ref="nc:PersonSurName"/></xs:choice>'),
        BREAKS,
        "one of several alternatives",
    ),
    "a pattern changes": ((EXT, "[1-9][0-9]{0,2}\\.[0-9]{1,3}", "[1-9]\\.[0-9]"), BREAKS, "its pattern is"),
    "a length is narrowed": (
        (CORE, '<xs:maxLength value="64"/>', '<xs:maxLength value="32"/>'),
        BREAKS,
        "its maxLength is 32, it was 64",
    ),
    "an attribute becomes optional": ((CORE, ' use="required"', ""), BREAKS, "currencyCode became optional"),
    "a number becomes text": (
        ("xsd/niem/niem-xsd.xsd", DECIMAL, DECIMAL.replace("decimal", "string")),
        BREAKS,
        "its values are xs:string, they were xs:decimal",
    ),
    "other elements are let in": (
        (SCHEMA, UNIT, UNIT + '<xs:any minOccurs="0"/>'),
        FINE,
        "other elements are now allowed",
    ),
    # services
    "an operation is removed": (
        (WSDL, OPERATION, OPERATION.replace("Query", "Ask")),
        BREAKS,
        "the operation was removed",
    ),
    "an operation is added": ((WSDL, OPERATION, EXTRA + OPERATION), FINE, "the operation was added"),
    "the answer is dropped": ((WSDL, OUTPUT, ""), BREAKS, "it has no output any more"),
    "a fault is added": (
        (WSDL, FAULT, FAULT.replace('name="Case', 'name="OtherCase') + "/>" + FAULT),
        FINE,
        "it has a new fault",
    ),
    "an action changes": (
        (WSDL, 'CaseParticipantBalance:CaseParticipantBalanceQuery"', 'Query"'),
        BREAKS,
        "the action of its input is",
    ),
    "an input changes": (
        (WSDL, 'element="fcc807:CaseParticipantBalanceQuery"', 'element="fcc807:QueryRejection"'),
        BREAKS,
        "its input is fcc807:QueryRejection",
    ),
    "a port is removed": ((SERVICE, PORT_12, ""), BREAKS, "the port was removed"),
    "an address changes": (
        (SERVICE, PORT_12, PORT_12.replace("court.example", "other.example")),
        NONE,
        "its address is https://other.example",
    ),
    "more must be signed": (
        (SERVICE, "<sp:Body/>", '<sp:Body/><sp:Header Namespace="urn:x"/>'),
        BREAKS,
        "SignedParts/Header urn:x was added",
    ),
    "less must be signed": ((SERVICE, "<sp:Body/>", ""), FINE, "SignedParts/Body was removed"),
    "a token reference is no longer taken": (
        (SERVICE, "<sp:MustSupportRefThumbprint/>", ""),
        BREAKS,
        "MustSupportRefThumbprint was removed",
    ),
    # codes
    "a code of an open list is added": (
        (
            "xsd/codes/fee-kinds.toml",
            "[codes.BaseFine]",
            '[codes.New]\ntext = "New."\neffective = 2027-01-01\n[codes.BaseFine]',
        ),
        FINE,
        "New was added, used from 2027-01-01",
    ),
    "a code of an open list is removed": (
        ("xsd/codes/fee-kinds.toml", "[codes.BaseFine]", "[codes.Fine]"),
        BREAKS,
        "BaseFine was removed",
    ),
    "a code means something else": (
        ("xsd/codes/dmv907-message-codes.toml", 'outcome = "accepted"', 'outcome = "not accepted"'),
        BREAKS,
        "means something else",
    ),
    "a code ends": (
        ("xsd/codes/fee-kinds.toml", "effective = 2026-01-01", "effective = 2026-01-01\nended = 2027-01-01"),
        FINE,
        "is used until 2027-01-01",
    ),
    "a code is explained anew": (
        ("xsd/codes/fee-kinds.toml", "Cost of collecting the debt.", "What collecting costs."),
        NONE,
        "in other words",
    ),
}


def copied(folder: Path) -> Path:
    for kind in ("xsd", "wsdl"):
        shutil.copytree(catalog.folder(kind), folder / kind)
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("old"))


def edited(folder: Path, edit: Edit) -> Path:
    file, before, after = edit
    path = copied(folder) / file
    text = path.read_text("utf-8")
    assert before in text, f"{before!r} is not in {file} any more"
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return folder


def found(changes: list[Change], words: str) -> list[Change]:
    return [change for change in changes if words in f"{change.where}: {change.what}"]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_said_with_its_effect(name: str, old: Path, tmp_path: Path) -> None:
    edit, effect, words = CHANGES[name]
    changes = compare(str(old), str(edited(tmp_path, edit)))
    said = found(changes, words)
    assert said, [f"{change.where}: {change.what}" for change in changes]
    assert worst(said) is effect


def test_another_order_breaks(old: Path, tmp_path: Path) -> None:
    folder = edited(tmp_path, (SCHEMA, AS_OF, ""))
    path = folder / SCHEMA
    path.write_text(path.read_text("utf-8").replace(PURPOSE, PURPOSE + AS_OF, 1), encoding="utf-8")
    (change,) = compare(str(old), str(folder))
    assert (change.effect, change.what) == (BREAKS, "the order of its elements changed")


def test_a_contract_does_not_differ_from_itself(old: Path) -> None:
    assert compare(str(old), str(old)) == []
    service = str(catalog.wsdl_path("DMV907-answers-1.0-service.wsdl"))
    assert compare(service, service) == []


def test_a_comment_or_a_documentation_is_no_change(old: Path, tmp_path: Path) -> None:
    folder = edited(tmp_path, (SCHEMA, "A purpose for which", "<!-- why --> A reason for which"))
    assert compare(str(old), str(folder)) == []


def test_another_version_is_compared_with_the_old_one_element_by_element(old: Path, tmp_path: Path) -> None:
    write_next_version(tmp_path / "new")
    changes = compare(str(old / SERVICE), str(tmp_path / "new" / SERVICE.replace("1.0", "1.1")))
    (namespace,) = found(changes, "exchange:FCC807:1.1: it was urn:ccms-ws:exchange:FCC807:1.0")
    (added,) = found(changes, "QueryRemarkText was added (optional)")
    assert (namespace.effect, added.effect) == (BREAKS, FINE)
    assert not found(changes, "was removed")


def test_a_zip_is_compared_like_its_folder(old: Path, tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        for path in sorted(old.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(old))
    assert compare(str(old), str(package)) == []
    changed = edited(tmp_path / "changed", CHANGES["an operation is removed"][0])
    assert worst(compare(str(package), str(changed))) is BREAKS


def test_a_zip_that_leads_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("../../evil.wsdl", "<x/>")
    with pytest.raises(ContractError, match="leads out of it"):
        compare(str(package), str(package))
    assert not (tmp_path.parent / "evil.wsdl").exists()


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("missing.wsdl", ContractMissing),
        (".", ContractError),
        ("other/no.wsdl", ContractError),
        ("other/schema.wsdl", ContractError),
    ],
)
def test_what_holds_no_contract_is_refused(tmp_path: Path, source: str, error: type[Exception]) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "no.wsdl").write_text("no XML", encoding="utf-8")
    (tmp_path / "other" / "schema.wsdl").write_bytes(catalog.xsd_path("fault.xsd").read_bytes())
    with pytest.raises(error):
        compare(str(tmp_path / source), str(tmp_path / source))


def test_a_zip_that_was_damaged_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "package.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("a.wsdl", "<a/>" * 100)
    raw = bytearray(package.read_bytes())
    raw[100:120] = bytes(20)
    package.write_bytes(raw)
    with pytest.raises(ContractError, match="cannot be unpacked"):
        compare(str(package), str(package))


def test_an_address_that_nobody_fetches_is_missing() -> None:
    with pytest.raises(ContractMissing, match="was not named"):
        compare("https://partner.example/COL903?wsdl", "https://partner.example/COL903?wsdl")
