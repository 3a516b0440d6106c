"""A partner's WSDL is judged by the operation that carries the message, and by nothing else that stands in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ccms_ws.clients.operations import Operation, operation_for
from ccms_ws.contract.namespaces import q
from ccms_ws.contract.pins import check_pins
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.contract.wsdl_check import Shortcoming, check_wsdl
from ccms_ws.contract.wsdl_import import gather
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import ContractError
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from tests.support.partner_wsdls import BODY, HTTP, IMPORT, MESSAGE, OPERATION, bound, own_schemas, port, written, wsdl

BATCH = q(COL903, "CollectionBalanceUpdateBatch")
HEADER = (
    '<xs:schema targetNamespace="urn:h" elementFormDefault="qualified"><xs:element name="Session" type="xs:string"/>'
    '<xs:element name="Agency" type="xs:string"/></xs:schema>'
)
HEADER_PARTS = (
    '<wsdl:part name="sess" element="h:Session" xmlns:h="urn:h"/>'
    '<wsdl:part name="ag" element="h:Agency" xmlns:h="urn:h"/>'
)
HEADERS = (
    '<soap:header message="t:{0}" part="sess" use="literal"/><soap:header message="t:{0}" part="ag" use="literal"/>'
)
PLAIN = '<wsdl:message name="Get"><wsdl:part name="n" type="xs:string"/></wsdl:message>'
PING = (
    '<wsdl:message name="PIn"><wsdl:part name="a" type="xs:string"/><wsdl:part name="b" type="xs:int"/></wsdl:message>'
    '<wsdl:portType name="Ping"><wsdl:operation name="Ping"><wsdl:input message="t:PIn"/></wsdl:operation>'
    "</wsdl:portType>"
)
PING_BINDING = (
    f'<wsdl:binding name="PingB" type="t:Ping"><soap:binding style="rpc" {HTTP}/><wsdl:operation name="Ping">'
    '<soap:operation soapAction=""/><wsdl:input><soap:body use="encoded" namespace="urn:x"/></wsdl:input>'
    "</wsdl:operation></wsdl:binding>"
)
OLD = (
    '<wsdl:message name="InOld"><wsdl:part name="body" element="o:Batch" xmlns:o="urn:old"/></wsdl:message>'
    '<wsdl:portType name="CodOld"><wsdl:operation name="Submit"><wsdl:input message="t:InOld"/></wsdl:operation>'
    "</wsdl:portType>"
)
OLD_BINDING = bound().replace("Cod-soap", "Old").replace("t:Cod", "t:CodOld").replace("agency:Submit", "agency:Old")
HTTP_GET = (
    '<wsdl:binding name="Get" type="t:CodGet"><http:binding verb="GET"/><wsdl:operation name="Submit">'
    '<http:operation location="/Submit"/><wsdl:input><http:urlEncoded/></wsdl:input></wsdl:operation></wsdl:binding>'
)

USABLE: dict[str, str] = {
    "HttpGet port types of .NET": wsdl(
        messages=MESSAGE + PLAIN,
        more='<wsdl:portType name="CodGet"><wsdl:operation name="Submit"><wsdl:input message="t:Get"/></wsdl:operation>'
        "</wsdl:portType>",
        bindings=bound() + HTTP_GET,
        ports=port() + '<wsdl:port name="G" binding="t:Get"><http:address location="https://agency.example/"/></wsdl:port>',
    ),
    "an rpc ping of two parts": wsdl(
        more=PING, bindings=bound() + PING_BINDING,
        ports=port() + '<wsdl:port name="Ping" binding="t:PingB"><soap:address location="https://x/"/></wsdl:port>',
    ),
    "a header message of two parts": wsdl(
        types=HEADER, messages=f'{MESSAGE}<wsdl:message name="H">{HEADER_PARTS}</wsdl:message>',
        bindings=bound(body=HEADERS.format("H") + BODY),
    ),
    "headers in the message itself": wsdl(
        types=HEADER, messages=MESSAGE.replace("</wsdl:message>", HEADER_PARTS + "</wsdl:message>"),
        bindings=bound(body=HEADERS.format("In") + '<soap:body use="literal" parts="body"/>'),
    ),
    "headers in the message itself, the body without parts": wsdl(
        types=HEADER, messages=MESSAGE.replace("</wsdl:message>", HEADER_PARTS + "</wsdl:message>"),
        bindings=bound(body=HEADERS.format("In") + BODY),
    ),
    "an unused message of two parts": wsdl(
        messages=MESSAGE + PLAIN.replace("/></", '/><wsdl:part name="m" type="xs:int"/></'),
    ),
    "an older port type with the same operation": wsdl(
        types='<xs:schema targetNamespace="urn:old"><xs:element name="Batch" type="xs:string"/></xs:schema>',
        more=OLD, bindings=OLD_BINDING + bound(),
        ports=port() + '<wsdl:port name="Old" binding="t:Old"><soap:address location="https://a/old"/></wsdl:port>',
    ),
    "an older port type that is no longer bound": wsdl(more=OLD),
    "overloaded operations": wsdl(
        messages=MESSAGE + '<wsdl:message name="St"/><wsdl:message name="St2"/>',
        operations=OPERATION
        + '<wsdl:operation name="Status"><wsdl:input message="t:St"/></wsdl:operation>'
        + '<wsdl:operation name="Status"><wsdl:input message="t:St2"/></wsdl:operation>',
    ),
    "an overload of the operation itself": wsdl(
        messages=MESSAGE + PLAIN,
        operations='<wsdl:operation name="Submit"><wsdl:input name="Plain" message="t:Get"/></wsdl:operation>'
        + OPERATION.replace("<wsdl:input", '<wsdl:input name="Batch"'),
        bindings=bound().replace("<wsdl:input>", '<wsdl:input name="Batch">'),
    ),
    "an operation that begins with its output": wsdl(
        operations=OPERATION + '<wsdl:operation name="Notify"><wsdl:output message="t:In"/></wsdl:operation>',
    ),
    "an operation whose message is missing": wsdl(
        operations=OPERATION + '<wsdl:operation name="Lost"><wsdl:input message="t:Gone"/></wsdl:operation>',
    ),
    "an operation whose element is missing": wsdl(
        messages=MESSAGE + '<wsdl:message name="X"><wsdl:part name="p" element="x:Y" xmlns:x="urn:y"/></wsdl:message>',
        operations=OPERATION + '<wsdl:operation name="Lost"><wsdl:input message="t:X"/></wsdl:operation>',
    ),
    "both SOAP versions in two services": wsdl(
        bindings=bound() + bound("soap12"), services=f'<wsdl:service name="S2">{port("soap12")}</wsdl:service>',
    ),
    "a port without binding and one with JMS": wsdl(
        bindings=bound() + bound("soap12").replace("schemas.xmlsoap.org/soap/http", "www.w3.org/2010/soapjms/"),
        ports=port("soap12") + port() + '<wsdl:port name="Nowhere" binding="t:Gone"/>',
    ),
    "policy and extensions that the court does not know": wsdl(
        before='<wsp:Policy xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy"><x xmlns="urn:m"/></wsp:Policy>'
        '<wsp:UsingPolicy xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy" wsdl:required="true"/>',
        bindings=bound(more='<m:transport xmlns:m="urn:msft" wsdl:required="true"><m:deep/></m:transport>'),
    ),
    "an import that leads nowhere": wsdl(
        types='<xs:schema><xs:import namespace="urn:unused" schemaLocation="http://agency.example/s.asmx?xsd=xsd0"/></xs:schema>',
    ),
    "an include that leads nowhere": wsdl(
        types='<xs:schema targetNamespace="urn:unused"><xs:include schemaLocation="gone.xsd"/></xs:schema>',
    ),
    "a WSDL import that leads nowhere": wsdl(before='<wsdl:import namespace="urn:gone" location="gone.wsdl"/>'),
    "types of an unused schema that are not declared": wsdl(
        types='<xs:schema targetNamespace="urn:u" xmlns:u="urn:u"><xs:element name="E" type="u:Gone"/></xs:schema>',
    ),
    "an import without a location": wsdl(schema=IMPORT.replace(' schemaLocation="COL903-1.0.xsd"', "")),
    "a fault that is no element": wsdl(
        messages=MESSAGE + PLAIN + '<wsdl:message name="Out"/>',
        operations='<wsdl:operation name="Submit"><wsdl:input message="t:In"/><wsdl:output message="t:Out"/>'
        '<wsdl:fault name="F" message="t:Get"/></wsdl:operation>',
    ),
}  # fmt: skip


def judged(path: Path, folder: Path) -> tuple[list[Shortcoming], Callable[[SoapVersion], Operation]]:
    """What the import says, and how the court's client finds the operation in what was imported."""
    gathering = gather(str(path))
    found = check_wsdl(gathering, BATCH)
    assert gathering.missing == []
    gathering.write(folder)
    return found, lambda soap: operation_for(folder / gathering.entry, BATCH, soap)


@pytest.mark.parametrize("name", USABLE)
def test_what_the_exchange_does_not_use_is_no_reason_to_refuse(name: str, tmp_path: Path) -> None:
    found, operation = judged(written(tmp_path / "given", USABLE[name]), tmp_path / "imported")
    assert [each for each in found if each.fatal] == []
    assert operation(SoapVersion.SOAP11).action == "urn:agency:Submit"
    assert operation(SoapVersion.SOAP11).soap_action == "urn:agency:Submit"


def test_unused_parts_are_not_linted(tmp_path: Path) -> None:
    found, _ = judged(written(tmp_path / "given", USABLE["an rpc ping of two parts"]), tmp_path / "imported")
    assert not [each for each in found if "BP R" in each.what]


def test_headers_that_the_court_does_not_send_are_named(tmp_path: Path) -> None:
    found, _ = judged(written(tmp_path / "given", USABLE["a header message of two parts"]), tmp_path / "imported")
    said = [each.what for each in found if "SOAP header" in each.what]
    assert said == [
        f"Submit declares the SOAP header {name}, which the court does not send" for name in ("Session", "Agency")
    ]


REFUSED: dict[str, tuple[str, str]] = {
    "rpc": (wsdl(bindings=bound(style="rpc")), "Submit at the port soap: its style is rpc, not document [BP R2705]"),
    "encoded": (wsdl(bindings=bound(body=BODY.replace("literal", "encoded"))), "its use is encoded, not literal"),
    "two parts in the Body": (
        wsdl(messages=MESSAGE.replace("</wsdl:message>", '<wsdl:part name="n" type="xs:int"/></wsdl:message>')),
        "its Body has 2 parts [BP R2210]",
    ),
    "another message": (
        wsdl(messages=MESSAGE.replace("UpdateBatch", "UpdateError")),
        "no operation takes col903:CollectionBalanceUpdateBatch; they take col903:CollectionBalanceUpdateError",
    ),
    "an operation that is not bound": (
        wsdl(
            messages=MESSAGE + '<wsdl:message name="E"/>',
            operations=OPERATION.replace("Submit", "Send") + OPERATION.replace("t:In", "t:E"),
        ),
        "binds col903:CollectionBalanceUpdateBatch to no SOAP port",
    ),
    "no port": (wsdl(ports=" "), "has no port with a SOAP address"),
    "an element that the partner's schema lacks": (
        wsdl(schema=f'<xs:schema targetNamespace="{COL903}"><xs:element name="Other"/></xs:schema>'),
        "Submit carries col903:CollectionBalanceUpdateBatch, which its schema does not declare [BP R2206]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_court_cannot_send_is_refused_in_words(name: str, tmp_path: Path) -> None:
    text, words = REFUSED[name]
    fatal = [each for each in check_wsdl(gather(str(written(tmp_path, text))), BATCH) if each.fatal]
    assert any(words in each.what for each in fatal), fatal
    assert all(each.advice for each in fatal)


def test_another_soap_version_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, wsdl(schema="<xs:schema/>"))
    with pytest.raises(ContractError, match=r"takes col903:CollectionBalanceUpdateBatch in SOAP 1\.1 only") as error:
        operation_for(path, BATCH, SoapVersion.SOAP12)
    assert 'soap = "1.1"' in error.value.hint


def test_two_operations_for_one_message_are_named_and_the_first_is_used(tmp_path: Path) -> None:
    text = wsdl(
        more=OLD.replace("o:Batch", "c:CollectionBalanceUpdateBatch").replace('name="Submit"', 'name="Send"'),
        bindings=bound() + OLD_BINDING.replace('name="Submit"', 'name="Send"'),
        ports=port() + '<wsdl:port name="Old" binding="t:Old"><soap:address location="https://agency.example/old"/></wsdl:port>',
    )  # fmt: skip
    found, operation = judged(written(tmp_path / "given", text), tmp_path / "imported")
    assert any(
        "by Submit at the port soap and by Send at the port Old; the court uses the first" in each.what
        for each in found
    )
    assert operation(SoapVersion.SOAP11).action == "urn:agency:Submit"


def test_a_missing_schema_that_the_message_needs_is_missing(tmp_path: Path) -> None:
    schema = (
        '<xs:schema targetNamespace="urn:ccms-ws:exchange:COL903:1.0" xmlns:p="urn:types">'
        '<xs:import namespace="urn:types" schemaLocation="types.xsd"/>'
        '<xs:element name="CollectionBalanceUpdateBatch" type="p:Batch"/></xs:schema>'
    )
    gathering = gather(str(written(tmp_path, wsdl(schema=schema))))
    check_wsdl(gathering, BATCH)
    assert [each.reference for each in gathering.missing] == ["types.xsd"]


# -- actions -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("attribute", "action"),
    [
        ('wsam:Action="urn:am" xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata"', "urn:am"),
        ('wsaw:Action="urn:aw" xmlns:wsaw="http://www.w3.org/2006/05/addressing/wsdl"', "urn:aw"),
        ("", "urn:agency:Submit"),  # the SOAPAction: Metadata 4.4.1
    ],
)
def test_the_action_is_the_stated_one_else_the_soap_action(tmp_path: Path, attribute: str, action: str) -> None:
    text = wsdl(operations=OPERATION.replace("<wsdl:input", f"<wsdl:input {attribute}"), schema="<xs:schema/>")
    assert load_wsdl(written(tmp_path, text)).operations["Submit"].input_action == action
    empty = text.replace('soapAction="urn:agency:Submit"', 'soapAction=""') if not attribute else text
    assert load_wsdl(written(tmp_path, empty, "empty.wsdl")).operations["Submit"].input_action in (
        action,
        "urn:agency:Cod:Submit",
    )


# -- files -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "location",
    [
        r"schemas\exchange\COL903-1.0.xsd",
        "schemas/exchange/col903-1.0.XSD",
        "./schemas/exchange/../exchange/COL903-1.0.xsd#top",
        r".\schemas\\exchange\COL903-1.0.xsd",
    ],
)
def test_references_are_read_as_windows_writes_them(tmp_path: Path, location: str) -> None:
    own_schemas(tmp_path / "given" / "schemas")
    text = wsdl(schema=IMPORT.replace("COL903-1.0.xsd", location))
    path = written(tmp_path / "given", text)
    gathering = gather(str(path))
    assert str(tmp_path / "given" / "schemas" / "exchange" / "COL903-1.0.xsd") in {
        source.location for source in gathering.sources.values()
    }
    found, operation = judged(path, tmp_path / "imported")
    assert not any(each.fatal for each in found)
    assert operation(SoapVersion.SOAP11)


@pytest.mark.parametrize(
    "location", [r"C:\agency\wsdl\my types.xsd", "file:///C:/agency/my%20types.xsd", "my types.xsd", "my%20types.xsd"]
)
def test_a_file_of_the_partners_machine_is_looked_for_beside_the_wsdl(tmp_path: Path, location: str) -> None:
    written(
        tmp_path / "a folder",
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:p"/>',
        "my types.xsd",
    )
    types = f'<xs:schema><xs:import namespace="urn:p" schemaLocation="{location}"/></xs:schema>'
    gathering = gather(str(written(tmp_path / "a folder", wsdl(types=types), "my service.wsdl")))
    assert gathering.missing == []
    assert {"my-service.wsdl", "my-types.xsd"} <= gathering.files.keys()


def test_a_chain_of_includes_without_a_namespace_of_their_own_is_read(tmp_path: Path) -> None:
    include = '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" {1}>{0}</xs:schema>'
    written(tmp_path / "g", include.format('<xs:include schemaLocation="b.xsd"/>', 'targetNamespace="urn:p"'), "a.xsd")
    written(
        tmp_path / "g",
        include.format('<xs:include schemaLocation="c.xsd"/><xs:element name="Z" type="T"/>', ""),
        "b.xsd",
    )
    written(
        tmp_path / "g",
        include.format('<xs:simpleType name="T"><xs:restriction base="xs:string"/></xs:simpleType>', ""),
        "c.xsd",
    )
    schema = (
        '<xs:schema targetNamespace="urn:ccms-ws:exchange:COL903:1.0" xmlns:p="urn:p"><xs:import namespace="urn:p" '
        'schemaLocation="a.xsd"/><xs:element name="CollectionBalanceUpdateBatch"><xs:complexType><xs:sequence>'
        '<xs:element ref="p:Z"/></xs:sequence></xs:complexType></xs:element></xs:schema>'
    )
    found, operation = judged(written(tmp_path / "g", wsdl(schema=schema)), tmp_path / "imported")
    assert not any(each.fatal for each in found)
    assert operation(SoapVersion.SOAP11)
    (tmp_path / "g" / "c.xsd").unlink()
    gathering = gather(str(tmp_path / "g" / "s.wsdl"))
    check_wsdl(gathering, BATCH)
    assert [each.reference for each in gathering.missing] == ["c.xsd"]


def test_a_wsdl_in_parts_over_folders_is_one(tmp_path: Path) -> None:
    whole = wsdl(messages="", operations="", bindings=" ")
    start, service = whole.split("<wsdl:types>", maxsplit=1)[0], whole[whole.index("<wsdl:service") :]
    abstract = f"{start}<wsdl:types>{IMPORT.replace('COL903', '../../schemas/exchange/COL903')}</wsdl:types>{MESSAGE}"
    own_schemas(tmp_path / "given" / "schemas")
    written(
        tmp_path / "given/parts/abstract",
        f'{abstract}<wsdl:portType name="Cod">{OPERATION}</wsdl:portType></wsdl:definitions>',
        "a.wsdl",
    )
    written(
        tmp_path / "given/parts",
        f'{start}<wsdl:import namespace="urn:agency" location="abstract/a.wsdl"/>{bound()}</wsdl:definitions>',
        "b.wsdl",
    )
    entry = written(
        tmp_path / "given", f'{start}<wsdl:import namespace="urn:agency" location="parts\\b.wsdl"/>{service}'
    )
    found, operation = judged(entry, tmp_path / "imported")
    assert not any(each.fatal for each in found), found
    assert operation(SoapVersion.SOAP11).action == "urn:agency:Submit"


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.replace("UTF-8", "utf-16").encode("utf-16"),
        lambda text: text.replace("UTF-8", "utf-16").encode("utf-16-be"),
        lambda text: text.replace("UTF-8", "utf-16").encode(),
        lambda text: text.replace("UTF-8", "UTF-16").encode("utf-8-sig"),
        lambda text: b"\r\n  " + text.encode(),
        lambda text: text.replace("UTF-8", "windows-1252").encode("cp1252"),
    ],
    ids=["UTF-8 with a mark", "UTF-16 with a mark", "UTF-16 without", "UTF-8 said to be UTF-16", "the same with a mark",
         "blank lines first", "Windows-1252"],
)  # fmt: skip
def test_files_are_read_as_tools_on_windows_save_them(tmp_path: Path, encode: Callable[[str], bytes]) -> None:
    path = tmp_path / "given" / "s.wsdl"
    path.parent.mkdir()
    path.write_bytes(encode(wsdl()))
    found, operation = judged(path, tmp_path / "imported")
    assert not any(each.fatal for each in found)
    assert operation(SoapVersion.SOAP11)
    check_pins(tmp_path / "imported" / "s.wsdl")
