"""WSDLs as partners write them: one with COL903's batch operation, to which a test adds what else stands there."""

from __future__ import annotations

from pathlib import Path

from ccms_ws.contract import catalog

_START = """<?xml version="1.0" encoding="UTF-8"?>
<wsdl:definitions xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:http="http://schemas.xmlsoap.org/wsdl/http/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:agency" xmlns:c="urn:ccms-ws:exchange:COL903:1.0"
    targetNamespace="urn:agency">
"""
IMPORT = (
    '<xs:schema><xs:import namespace="urn:ccms-ws:exchange:COL903:1.0" schemaLocation="COL903-1.0.xsd"/></xs:schema>'
)
MESSAGE = '<wsdl:message name="In"><wsdl:part name="body" element="c:CollectionBalanceUpdateBatch"/></wsdl:message>'
OPERATION = '<wsdl:operation name="Submit"><wsdl:input message="t:In"/></wsdl:operation>'
BODY = '<soap:body use="literal"/>'
HTTP = 'transport="http://schemas.xmlsoap.org/soap/http"'


def bound(soap: str = "soap", body: str = BODY, style: str = "document", more: str = "") -> str:
    """The binding of the port type Cod."""
    body = body.replace("soap:", f"{soap}:")
    return (
        f'<wsdl:binding name="Cod-{soap}" type="t:Cod"><{soap}:binding style="{style}" {HTTP}/>{more}'
        f'<wsdl:operation name="Submit"><{soap}:operation soapAction="urn:agency:Submit"/>'
        f"<wsdl:input>{body}</wsdl:input></wsdl:operation></wsdl:binding>"
    )


def port(soap: str = "soap") -> str:
    return f'<wsdl:port name="{soap}" binding="t:Cod-{soap}"><{soap}:address location="https://agency.example/cod"/></wsdl:port>'


def wsdl(
    *, before: str = "", types: str = "", schema: str = IMPORT, messages: str = MESSAGE, operations: str = OPERATION,
    more: str = "", bindings: str = "", ports: str = "", services: str = "",
) -> str:  # fmt: skip
    """A WSDL: each argument adds to that part, `schema`, `messages` and `operations` replace it."""
    return (
        f"{_START}{before}<wsdl:types>{types}{schema}</wsdl:types>{messages}"
        f'<wsdl:portType name="Cod">{operations}</wsdl:portType>{more}{bindings or bound()}'
        f'<wsdl:service name="S">{ports or port()}</wsdl:service>{services}</wsdl:definitions>'
    )


def written(folder: Path, text: str, name: str = "s.wsdl") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def own_schemas(folder: Path) -> Path:
    """The court's schemas as a partner has saved them; returns the one of COL903."""
    for path in (*catalog.folder("xsd").rglob("*.xsd"),):
        target = folder / path.relative_to(catalog.folder("xsd"))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return folder / "exchange" / "COL903-1.0.xsd"
