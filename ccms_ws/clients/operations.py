"""The operations of a WSDL on each SOAP version, found by the message that is to be sent. Read once, shared by all.

zeep gets a reduced WSDL: the operations that the court can use, each at its port, with the elements of their messages
declared without content. zeep refuses a whole WSDL for any part that it cannot read, used or not; and a message was
composed and validated before a client gets it, so that no client needs the types.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lxml import etree
from lxml.etree import _Element
from zeep import Settings
from zeep.exceptions import Error as ZeepError
from zeep.wsdl import Document

from ccms_ws.clients.stored_payload import StoredElement
from ccms_ws.clients.transport import PartnerTransport, TransportSettings
from ccms_ws.contract.namespaces import SOAP_HTTP_TRANSPORT, WSDL, WSDL_SOAP11, WSDL_SOAP12, XSD, q
from ccms_ws.contract.pins import check_pins
from ccms_ws.contract.wsdl import BoundOperation, load_wsdl, version_of
from ccms_ws.contract.wsdl_check import bound_for
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import ContractError

_VERSIONS = {"1.1": SoapVersion.SOAP11, "1.2": SoapVersion.SOAP12}
_NUMBER = {version: number for number, version in _VERSIONS.items()}
_SOAP = {"1.1": WSDL_SOAP11, "1.2": WSDL_SOAP12}
_REDUCED = "urn:ccms-ws:reduced"


@dataclass(frozen=True, slots=True)
class Operation:
    """How one message is sent, and what may come back: `answers` maps each declared element to its wsa:Action.

    `binding` and `name`: by which zeep finds it in `read_document`. `one_way`: no reply is declared; what is answered
    by HTTP alone is all that there is.
    """

    action: str
    soap_action: str
    answers: Mapping[str, str]
    one_way: bool
    binding: str
    name: str


def read_operations(wsdl: Path) -> Mapping[tuple[SoapVersion, str], Operation]:
    """The operations of the WSDL at `wsdl`, by SOAP version and root element of their input.

    Where several operations take one message in one version, the one at the first port counts. Raises ContractMissing
    for a file that is not there, ContractError for what is no usable WSDL. Nothing is fetched from the network.
    """
    return _read_operations(wsdl.resolve(), version_of(wsdl.resolve()))


@cache
def _read_operations(wsdl: Path, _version: tuple[int, ...]) -> Mapping[tuple[SoapVersion, str], Operation]:
    bindings: Mapping[str, Any] = _read_document(wsdl, _version).bindings
    operations: dict[tuple[SoapVersion, str], Operation] = {}
    for number, each in enumerate(load_wsdl(wsdl).bound):
        binding = q(_REDUCED, f"Binding{number}")
        found = bindings[binding].all()[each.operation.name]
        operations.setdefault(
            (_VERSIONS[each.port.soap_version], each.operation.input), _operation(each, found.soapaction, binding)
        )
    if not operations:
        raise ContractError(f"{wsdl} has no operation that can be used at a SOAP port")
    return MappingProxyType(operations)


def operation_for(wsdl: Path, root: str, soap: SoapVersion) -> Operation:
    """The operation of the WSDL that takes the message `root` (in Clark notation) in that SOAP version.

    Raises ContractError if there is none, with the reason and what to do, and as `read_operations` and `check_pins`.
    """
    check_pins(wsdl)
    bound_for(load_wsdl(wsdl.resolve()), root, _NUMBER[soap], wsdl.name)
    return read_operations(wsdl)[soap, root]


def read_document(wsdl: Path) -> Document:
    """The WSDL at `wsdl` for `zeep.Client`, with operations that take a `StoredPayload`. Errors: `read_operations`."""
    return _read_document(wsdl.resolve(), version_of(wsdl.resolve()))


@cache
def _read_document(wsdl: Path, _version: tuple[int, ...]) -> Document:
    document = _read_with_zeep(load_wsdl(wsdl).bound, wsdl)
    bindings: Mapping[str, Any] = document.bindings
    for binding in bindings.values():
        for operation in binding.all().values():
            element = operation.input.body
            if element is not None:  # else its message is an empty Body, which the court never sends
                operation.input.body = StoredElement(  # type: ignore[no-untyped-call]
                    element.qname, element.type
                )
    return document


def _operation(bound: BoundOperation, soap_action: str | None, binding: str) -> Operation:
    declared = bound.operation
    answers = {fault.element: fault.action for fault in declared.faults.values()}
    if declared.output:
        answers[declared.output] = declared.output_action
    return Operation(
        declared.input_action,
        soap_action or declared.input_action,
        MappingProxyType(answers),
        one_way=not declared.output,
        binding=binding,
        name=declared.name,
    )


def _read_with_zeep(bound: tuple[BoundOperation, ...], wsdl: Path) -> Document:
    offline = PartnerTransport(TransportSettings())
    try:
        return Document(
            io.BytesIO(etree.tostring(_reduced(bound))),
            offline,  # type: ignore[arg-type]  # zeep's hint names the class
            settings=Settings(forbid_dtd=True, forbid_external=True),
        )
    except (ZeepError, LookupError, NotImplementedError) as error:
        raise ContractError(
            f"zeep cannot use the operations of {wsdl.name}: {error}", hint="ask the partner for a plainer WSDL"
        ) from error
    finally:
        offline.close()


# -- the reduced WSDL --------------------------------------------------------------------------------------------------
def _reduced(bound: tuple[BoundOperation, ...]) -> _Element:
    """A WSDL in one document with these operations alone."""
    elements = sorted({name for each in bound for name in _elements(each)})
    prefixes = {
        namespace: f"n{number}" for number, namespace in enumerate(sorted({_split(name)[0] for name in elements}))
    }
    nsmap = {prefix: namespace for namespace, prefix in prefixes.items() if namespace}
    root = etree.Element(q(WSDL, "definitions"), {"targetNamespace": _REDUCED}, {**nsmap, "r": _REDUCED, "xs": XSD})
    types = etree.SubElement(root, q(WSDL, "types"))
    for namespace in prefixes:
        schema = etree.SubElement(types, q(XSD, "schema"), {"targetNamespace": namespace} if namespace else {})
        for name in elements:
            if _split(name)[0] == namespace:
                etree.SubElement(schema, q(XSD, "element"), {"name": _split(name)[1], "type": "xs:anyType"})
    for number, name in enumerate(["", *elements]):
        message = etree.SubElement(root, q(WSDL, "message"), {"name": f"Message{number}"})
        if name:
            namespace, local = _split(name)
            etree.SubElement(
                message,
                q(WSDL, "part"),
                {"name": "body", "element": f"{prefixes[namespace]}:{local}" if namespace else local},
            )
    messages = {name: f"r:Message{number}" for number, name in enumerate(["", *elements])}
    for number, each in enumerate(bound):
        _add_port_type(root, number, each, messages)
    for number, each in enumerate(bound):
        _add_binding(root, number, each)
    return root


def _add_port_type(root: _Element, number: int, bound: BoundOperation, messages: Mapping[str, str]) -> None:
    port_type = etree.SubElement(root, q(WSDL, "portType"), {"name": f"PortType{number}"})
    operation = etree.SubElement(port_type, q(WSDL, "operation"), {"name": bound.operation.name})
    etree.SubElement(operation, q(WSDL, "input"), {"message": messages[bound.operation.input]})
    if bound.operation.output is not None:
        etree.SubElement(operation, q(WSDL, "output"), {"message": messages[bound.operation.output]})
    for name, fault in bound.operation.faults.items():
        etree.SubElement(operation, q(WSDL, "fault"), {"name": name, "message": messages[fault.element]})


def _add_binding(root: _Element, number: int, bound: BoundOperation) -> None:
    soap = _SOAP[bound.port.soap_version]
    binding = etree.SubElement(root, q(WSDL, "binding"), {"name": f"Binding{number}", "type": f"r:PortType{number}"})
    etree.SubElement(binding, q(soap, "binding"), {"style": "document", "transport": SOAP_HTTP_TRANSPORT})
    operation = etree.SubElement(binding, q(WSDL, "operation"), {"name": bound.operation.name})
    etree.SubElement(operation, q(soap, "operation"), {"soapAction": bound.soap_action or bound.operation.input_action})
    for role in ("input", "output") if bound.operation.output is not None else ("input",):
        etree.SubElement(etree.SubElement(operation, q(WSDL, role)), q(soap, "body"), {"use": "literal"})
    for name in bound.operation.faults:
        fault = etree.SubElement(operation, q(WSDL, "fault"), {"name": name})
        etree.SubElement(fault, q(soap, "fault"), {"name": name, "use": "literal"})


def _elements(bound: BoundOperation) -> set[str]:
    operation = bound.operation
    return {operation.input, operation.output or "", *(each.element for each in operation.faults.values())} - {""}


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.removeprefix("{").rpartition("}")
    return namespace, local
