"""The project's own files are clean, and each rule finds what breaks it: in our files, after one small edit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccms_ws.contract import catalog
from ccms_ws.contract.lint import Finding
from ccms_ws.contract.lint.description import Description
from ccms_ws.errors import ContractError, ContractMissing
from tools.lint_contract import EXEMPTIONS, RULES, lint_contract, lint_file
from tools.lint_contract.project_rules import PROJECT_PUBLISHED, PROJECT_RULES, PROJECT_SCHEMAS
from tools.lint_contract.schema_file import SchemaFile

ROOT = Path(__file__).parents[2]
Edit = tuple[str, str, str]
"""A file, what stands in it, and what shall stand there instead."""

DMV, EXT = "xsd/exchange/DMV907-1.0.xsd", "xsd/extension.xsd"
FCC, SERVICE, ANSWERS = "wsdl/FCC807-1.0.wsdl", "wsdl/FCC807-1.0-service.wsdl", "wsdl/DMV907-answers-1.0.wsdl"
ENTRY = {FCC: SERVICE, ANSWERS: "wsdl/DMV907-answers-1.0-service.wsdl"}

TOP = '<xs:simpleType name="ReleaseReasonCodeSimpleType">'
HOLD_TYPE = '<xs:complexType name="AbstractHoldType">'
HOLD = '<xs:element name="AbstractHold" type="dmv907:AbstractHoldType">'
IN_HOLD = '<xs:element ref="dmv907:NonComplianceDate"/>'
END_OF_HOLD = IN_HOLD + "\n        </xs:sequence>"
VERSION = ' version="1.0" elementFormDefault'
DOCUMENTED = "<xs:annotation><xs:documentation>A thing.</xs:documentation></xs:annotation>"


def dmv(old: str, new: str) -> Edit:
    return (DMV, old, new)


def top(xml: str) -> Edit:
    """Another component at the top of the schema of DMV907."""
    return (DMV, TOP, xml + TOP)


def service(old: str, new: str) -> Edit:
    return (SERVICE, old, new)


def fcc(old: str, new: str) -> Edit:
    return (FCC, old, new)


NDR: dict[str, Edit] = {
    "no-mixed-type": dmv(HOLD_TYPE, HOLD_TYPE.replace(">", ' mixed="true">')),
    "no-mixed-content": dmv("<xs:complexContent>", '<xs:complexContent mixed="true">'),
    "no-notation": top('<xs:notation name="n" public="p"/>'),
    "no-include": top('<xs:include schemaLocation="other.xsd"/>'),
    "no-redefine": top('<xs:redefine schemaLocation="other.xsd"/>'),
    "no-any-type": dmv(HOLD, '<xs:element name="AbstractHold" type="xs:anyType">'),
    "no-any-simple-type": dmv(HOLD, '<xs:element name="AbstractHold" type="xs:anySimpleType">'),
    "untyped-element-is-abstract": dmv(HOLD, '<xs:element name="AbstractHold">'),
    "attribute-has-type": top(f'<xs:attribute name="thing">{DOCUMENTED}</xs:attribute>'),
    "no-any-attribute": dmv(END_OF_HOLD, END_OF_HOLD + "<xs:anyAttribute/>"),
    "types-at-top": top(f'<xs:element name="Thing">{DOCUMENTED}<xs:complexType/></xs:element>'),
    "elements-at-top": dmv(IN_HOLD, '<xs:element name="Thing" type="ext:IdentifierType"/>'),
    "attributes-at-top": dmv(END_OF_HOLD, END_OF_HOLD + '<xs:attribute name="thing" type="xs:string"/>'),
    "no-identity-constraints": top(
        f'<xs:element name="Thing" type="ext:PartyType">{DOCUMENTED}<xs:unique name="u"><xs:selector xpath="."/>'
        '<xs:field xpath="."/></xs:unique></xs:element>'
    ),
    "no-all": dmv(IN_HOLD, f"<xs:all>{IN_HOLD}</xs:all>"),
    "sequence-children": dmv(IN_HOLD, f"<xs:sequence>{IN_HOLD}</xs:sequence>"),
    "choice-children": dmv(
        '<xs:element ref="dmv907:AbstractHold"/>', '<xs:sequence><xs:element ref="dmv907:AbstractHold"/></xs:sequence>'
    ),
    "no-group": top(f'<xs:group name="Things"><xs:sequence>{IN_HOLD}</xs:sequence></xs:group>'),
    "sequence-min-occurs": dmv("<xs:sequence>", '<xs:sequence minOccurs="0">'),
    "sequence-max-occurs": dmv("<xs:sequence>", '<xs:sequence maxOccurs="unbounded">'),
    "no-block": dmv(HOLD_TYPE, HOLD_TYPE.replace(">", ' block="extension">')),
    "no-final": dmv(VERSION, ' finalDefault="#all"' + VERSION),
    "no-element-default": dmv(
        'type="dmv907:ReleaseReasonCodeType"', 'type="dmv907:ReleaseReasonCodeType" default="Error"'
    ),
    "no-attribute-default": top(f'<xs:attribute name="thing" type="xs:string" default="x">{DOCUMENTED}</xs:attribute>'),
    "has-target-namespace": dmv('targetNamespace="urn:ccms-ws:exchange:DMV907:1.0" ', ""),
    "target-namespace-is-absolute": dmv(
        'targetNamespace="urn:ccms-ws:exchange:DMV907:1.0"', 'targetNamespace="DMV907"'
    ),
    "has-version": dmv(VERSION, " elementFormDefault"),
    "version-is-not-empty": dmv(VERSION, ' version=" " elementFormDefault'),
    "import-has-namespace": dmv('<xs:import namespace="urn:ccms-ws:extension:1.0"', "<xs:import"),
    "import-has-location": dmv(' schemaLocation="../extension.xsd"', ""),
    "import-leads-to-schema": dmv('"../extension.xsd"', '"../missing.xsd"'),
    "used-namespaces-are-imported": dmv(
        '<xs:import namespace="http://niem.gov/niem/structures/2.0" schemaLocation="../niem/structures.xsd"/>', ""
    ),
    "type-has-content": top(f'<xs:complexType name="ThingType">{DOCUMENTED}</xs:complexType>'),
    "simple-content-has-attributes": dmv('<xs:attributeGroup ref="s:SimpleObjectAttributeGroup"/>', ""),
    "no-other-attribute-groups": top(f'<xs:attributeGroup name="Things">{DOCUMENTED}</xs:attributeGroup>'),
    "complex-content-has-niem-base": top(
        '<xs:import namespace="urn:ccms-ws:fault:1.0" schemaLocation="../fault.xsd"/><xs:complexType name="ThingType"'
        ' xmlns:f="urn:ccms-ws:fault:1.0"><xs:complexContent><xs:extension base="f:FaultDetailType"/>'
        "</xs:complexContent></xs:complexType>"
    ),
    "element-introduced-once": (
        EXT,
        '<xs:element ref="ext:CourtORIID"/>',
        '<xs:element ref="j:CourtName"/><xs:element ref="ext:CourtORIID"/>',
    ),
    "appinfo-is-imported": dmv(
        '<xs:import namespace="http://niem.gov/niem/appinfo/2.0" schemaLocation="../niem/appinfo.xsd"/>', ""
    ),
    "says-that-it-conforms": dmv("<i:ConformantIndicator>true", "<i:ConformantIndicator>false"),
    "says-its-base": (EXT, 'i:name="TextType"', 'i:name="string"'),
    "schema-is-documented": dmv("DMV907, Court Sends", "</xs:documentation><xs:documentation>DMV907, Court Sends"),
    "types-are-documented": dmv(
        "<xs:documentation>A data type for the reason a hold is released.</xs:documentation>", ""
    ),
    "elements-are-documented": dmv("<xs:documentation>A person whom an abstract is about.</xs:documentation>", ""),
    "attributes-are-documented": top('<xs:attribute name="thing" type="xs:string"/>'),
    "codes-are-documented": dmv("<xs:documentation>The person has died.</xs:documentation>", ""),
    "types-open-as-data-types": dmv("A data type for the reason a hold", "The reason a hold"),
    "elements-open-as-their-terms": dmv("An identifier of an abstract", "A number of an abstract"),
    "names-begin-with-capital": top(f'<xs:element name="a_Thing" type="ext:PartyType">{DOCUMENTED}</xs:element>'),
    "attribute-names-begin-small": top(f'<xs:attribute name="Thing" type="xs:string">{DOCUMENTED}</xs:attribute>'),
    "complex-types-end-in-type": dmv(HOLD_TYPE, '<xs:complexType name="AbstractHoldData">'),
    "simple-types-end-in-simple-type": dmv(TOP, '<xs:simpleType name="ReleaseReasonCodeKind">'),
    "code-types-end-in-code-type": dmv(TOP, '<xs:simpleType name="ReleaseReasonSimpleType">'),
    "simple-elements-end-in-term": dmv('<xs:element name="CitationID"', '<xs:element name="CitationThing"'),
    "code-elements-have-lists": dmv('<xs:element name="MessageCodeText"', '<xs:element name="MessageCode"'),
    "elements-are-of-complex-types": dmv(
        '"ReleaseReasonCode" type="dmv907:ReleaseReasonCodeType"',
        '"ReleaseReasonCode" type="dmv907:ReleaseReasonCodeSimpleType"',
    ),
    "references-end-in-reference": dmv('<xs:element name="AbstractHold"', '<xs:element name="AbstractHoldReference"'),
    "augmentations-end-in-augmentation": dmv('<xs:element name="AbstractHold"', '<xs:element name="HoldAugmentation"'),
}

IMPORT = '<wsdl:import namespace="urn:ccms-ws:service:FCC807:1.0" location="FCC807-1.0.wsdl"/>'
TYPES = "<wsdl:types>"
PART = '<wsdl:part name="payload" element="fcc807:CaseParticipantBalanceQuery"/>'
TYPED_PART = '<wsdl:part name="payload" type="xs:string"/>'
BODY = '<soap:body use="literal"/>'
HEADER = '<soap:header message="service:CaseParticipantBalanceQuery" part="payload" use="literal"/>'
FAULT = '<soap:fault name="CaseParticipantBalanceQueryError" use="literal"/>'
OPERATION = '<wsdl:operation name="QueryCaseParticipantBalance">'
STYLE = '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>'

BP: dict[str, Edit] = {
    "wsdl-import-leads-to-wsdl": service('location="FCC807-1.0.wsdl"', 'location="../xsd/README.md"'),
    "schema-is-not-imported-by-wsdl-import": service('location="FCC807-1.0.wsdl"', 'location="../xsd/fault.xsd"'),
    "xs-import-stands-in-types": fcc(TYPES, '<xs:import namespace="urn:x"/>' + TYPES),
    "xs-import-leads-to-schema": fcc('schemaLocation="../xsd/fault.xsd"', 'schemaLocation="FCC807-1.0-service.wsdl"'),
    "wsdl-import-names-target-namespace": service(IMPORT, IMPORT.replace("service:FCC807", "service:FCC808")),
    "wsdl-import-has-location": service(' location="FCC807-1.0.wsdl"', ' location=""'),
    "references-resolve": service('location="FCC807-1.0.wsdl"', 'location="http://partner.example/FCC807.wsdl"'),
    "wsdl-import-namespace-is-absolute": service(IMPORT, IMPORT.replace("urn:ccms-ws:service:FCC807:1.0", "FCC807")),
    "imports-come-first": service(IMPORT, "<wsdl:types/>" + IMPORT),
    "types-come-next": fcc(TYPES, '<wsdl:message name="Early"/>' + TYPES),
    "wsdl-references-lead-somewhere": fcc('message="tns:CaseParticipantBalanceQuery"', 'message="tns:Missing"'),
    "schema-references-are-imported": fcc(
        '<xs:import namespace="urn:ccms-ws:exchange:FCC807:1.0"', '<xs:import namespace="urn:x"'
    ),
    "schemas-have-target-namespace": fcc("<xs:schema>", '<xs:schema><xs:element name="E"/>'),
    "types-are-xml-schema": fcc("<xs:schema>", '<grammar xmlns="http://relaxng.org/ns/structure/1.0"/><xs:schema>'),
    "wsdl-is-utf": fcc('encoding="UTF-8"', 'encoding="ISO-8859-1"'),
    "wsdl-is-xml-1-0": fcc('<?xml version="1.0"', '<?xml version="1.1"'),
    "schema-is-utf": ("xsd/fault.xsd", 'encoding="UTF-8"', 'encoding="US-ASCII"'),
    "schema-is-xml-1-0": ("xsd/fault.xsd", '<?xml version="1.0"', '<?xml version="1.1"'),
    "body-names-one-part": service(BODY, '<soap:body use="literal" parts="payload other"/>'),
    "body-parts-are-elements": fcc(PART, TYPED_PART),
    "header-and-fault-parts-are-elements": fcc(PART.replace("Query", "QueryError"), TYPED_PART),
    "part-elements-are-declared": fcc(PART, PART.replace("Query", "Question")),
    "every-part-is-bound": service(BODY, '<soap:body use="literal" parts=""/>'),
    "message-has-one-part": fcc(PART, PART + PART.replace("payload", "more")),
    "operations-begin-with-input": fcc(
        OPERATION, OPERATION + '<wsdl:output message="tns:CaseParticipantBalanceQuery"/>'
    ),
    "operation-names-differ": fcc(OPERATION, '<wsdl:operation name="QueryCaseParticipantBalance"/>' + OPERATION),
    "part-has-element-or-type": fcc(PART, PART.replace("/>", ' type="xs:string"/>')),
    "binding-is-soap": service(STYLE, ""),
    "binding-names-transport": service(STYLE, '<soap:binding style="document"/>'),
    "transport-is-http": service(STYLE, STYLE.replace("soap/http", "soap/smtp")),
    "style-is-document": service(STYLE, STYLE.replace("document", "rpc")),
    "use-is-literal": service(BODY, '<soap:body use="encoded"/>'),
    "fault-use-is-literal": service(FAULT, FAULT.replace("literal", "encoded")),
    "bodies-differ": (ANSWERS, 'FailureToComplyAbstractError"/>', 'FailureToComplyAbstractResponse"/>'),
    "no-namespace-attribute": service(BODY, '<soap:body use="literal" namespace="urn:x"/>'),
    "operations-agree": service(OPERATION, '<wsdl:operation name="AskForSomething">'),
    "headers-name-part": service(BODY, BODY + HEADER.replace(' part="payload"', "")),
    "headers-name-no-parts": service(BODY, BODY + HEADER.replace("part=", "parts=")),
    "soap-faults-have-names": service(FAULT, '<soap:fault use="literal"/>'),
    "soap-fault-names-agree": service(FAULT, FAULT.replace("QueryError", "QueryTrouble")),
}

OURS: dict[str, Edit] = {
    "elements-are-qualified": dmv(' elementFormDefault="qualified"', ""),
    "messages-have-actions": fcc(
        'wsam:Action="urn:ccms-ws:service:FCC807:1.0:CaseParticipantBalance:CaseParticipantBalanceQuery"', ""
    ),
    "actions-are-default-actions": fcc(
        'FCC807:1.0:CaseParticipantBalance:CaseParticipantBalanceQuery"', 'FCC807:1.0:Query"'
    ),
    "soap-action-is-action": service('CaseParticipantBalanceQuery" style', 'Query" style'),
    "faults-are-bound": service(FAULT, ""),
    "both-soap-versions": service("soap12:address", "soap:address"),
    "abstract-and-concrete-lie-apart": service(
        '<wsdl:service name="FCC807">', '<wsdl:message name="M"/><wsdl:service name="FCC807">'
    ),
    "bindings-have-policy": service('<wsp:PolicyReference URI="#EnvelopePolicy"/>', ""),
}
BROKEN = {**NDR, **BP, **OURS}


def lint(path: Path) -> Iterator[Finding]:
    yield from lint_file(path)
    if path.suffix == ".xsd":
        yield from PROJECT_SCHEMAS.findings(SchemaFile(path, path.name))
    else:
        for book in (PROJECT_RULES, PROJECT_PUBLISHED):
            yield from book.findings(Description(path, path.name))


def edited(folder: Path, edit: Edit) -> tuple[Path, int]:
    """A copy of the contract with the edit; what to lint in it, and the line of the edit."""
    for kind in ("xsd", "wsdl"):
        shutil.copytree(catalog.folder(kind), folder / kind)
    file, old, new = edit
    text = (folder / file).read_text("utf-8")
    assert old in text, f"{old!r} is not in {file} any more"
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    entry = SERVICE if file == "xsd/fault.xsd" else ENTRY.get(file, file)
    return folder / entry, text[: text.index(old)].count("\n") + 1


def test_our_own_files_are_clean() -> None:
    assert [str(finding) for finding in lint_contract()] == []


@pytest.mark.parametrize("name", BROKEN)
def test_the_rule_finds_what_breaks_it(name: str, tmp_path: Path) -> None:
    path, line = edited(tmp_path, BROKEN[name])
    findings = [finding for finding in lint(path) if finding.rule == name]
    assert findings, f"{name} does not find {BROKEN[name]}"
    assert all(finding.file and finding.line > 0 and finding.problem and finding.advice for finding in findings)
    if name.startswith(("no-", "has-", "names-")):
        assert min(abs(finding.line - line) for finding in findings) <= 8  # a start tag counts at its end


def test_every_rule_has_a_name_of_its_own_and_a_file_that_breaks_it() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert set(BROKEN) == set(names)


BP_IDS = (
    "R2001 R2002 R2003 R2004 R2005 R2006 R2007 R2008 R2009 R2010 R2011 R2022 R2023 R2101 R2102 R2105 R2201 R2204 R2205 "
    "R2206 R2207 R2208 R2209 R2210 R2301 R2303 R2304 R2306 R2401 R2701 R2702 R2705 R2706 R2710 R2712 R2716 R2718 R2720 "
    "R2721 R2722 R2723 R2738 R2749 R2754 R2801 R2803 R4003 R4004"
)


def test_every_requirement_of_the_list_is_checked_or_says_why_not() -> None:
    checked = {rule.clause for rule in RULES}
    ids = {f"BP {number}" for number in BP_IDS.split()}
    assert not checked & set(EXEMPTIONS)
    assert ids <= checked | set(EXEMPTIONS)
    assert {clause for clause in checked | set(EXEMPTIONS) if clause.startswith("BP")} == ids | {"BP R2740"}


def test_a_partners_wsdl_is_held_to_the_basic_profile_alone(tmp_path: Path) -> None:
    path, _ = edited(tmp_path, OURS["messages-have-actions"])
    assert lint_file(path) == []


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_text("<x/>", encoding="utf-8")
    with pytest.raises(ContractError, match="not a WSDL"):
        lint_file(other)
    with pytest.raises(ContractMissing):
        lint_file(tmp_path / "missing.wsdl")


# -- the command -------------------------------------------------------------------------------------------------------
def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    run = [sys.executable, str(ROOT / "tools/lint-contract"), *map(str, arguments)]
    return subprocess.run(run, capture_output=True, text=True, check=False)


def test_the_command_ends_with_0_without_findings_and_with_1_for_any(tmp_path: Path) -> None:
    clean = command()
    assert (clean.returncode, clean.stdout) == (0, "no findings\n")
    path, _ = edited(tmp_path, NDR["no-mixed-type"])
    found = command(path)
    assert found.returncode == 1
    assert f"{path}:" in found.stdout
    assert "(no-mixed-type)" in found.stdout


def test_the_command_ends_with_2_for_a_file_that_it_cannot_check(tmp_path: Path) -> None:
    ran = command(tmp_path / "missing.xsd")
    assert (ran.returncode, ran.stdout, "there is no file" in ran.stderr) == (2, "", True)


def test_the_command_shows_its_rules_and_what_it_does_not_check() -> None:
    lines = command("--rules").stdout.splitlines()
    assert len(lines) == len(RULES) + len(EXEMPTIONS)
    assert any("not checked" in line for line in lines)
