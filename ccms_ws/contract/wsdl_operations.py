"""The operations of a WSDL 1.1: usable ones with their SOAP bindings, and unusable ones with the reason.

The court sends and receives document/literal messages of one element over HTTP. Any other
operation is kept with the reason: it matters only to a caller that needs that operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import (
    SOAP_HTTP_TRANSPORT,
    WSAM,
    WSAW,
    WSDL,
    WSDL_SOAP11,
    WSDL_SOAP12,
    q,
)
from ccms_ws.contract.qnames import qualified
from ccms_ws.errors import ContractError

Q_ADDRESSES: Final = {q(WSDL_SOAP11, "address"): "1.1", q(WSDL_SOAP12, "address"): "1.2"}
HTTP_TRANSPORTS: Final = (SOAP_HTTP_TRANSPORT, "http://www.w3.org/2003/05/soap/bindings/HTTP/")
_W: Final = {"w": WSDL}
_SOAP: Final = {"1.1": WSDL_SOAP11, "1.2": WSDL_SOAP12}


@dataclass(frozen=True, slots=True)
class WsdlFault:
    """A declared fault: the element of its detail, in Clark notation, and its action."""

    element: str
    action: str


@dataclass(frozen=True, slots=True)
class WsdlOperation:
    """An operation, its elements in Clark notation.

    `output` is None for a one-way operation and "" for a reply with an empty Body. `port_type` is its port type in
    Clark notation. The actions are those of WS-Addressing 1.0 Metadata 4.4: `wsam:Action` (or its forerunner
    `wsaw:Action`); for an input without one the SOAPAction, if that is not empty; else what 4.4.4 makes of the names.
    """

    name: str
    input: str
    output: str | None
    faults: Mapping[str, WsdlFault]
    input_action: str
    output_action: str
    documentation: str = ""
    port_type: str = ""

    @property
    def one_way(self) -> bool:
        """True if no message answers it in the HTTP response."""
        return self.output is None and not self.faults


@dataclass(frozen=True, slots=True)
class WsdlPort:
    """A port of a service: its address and SOAP version ("1.1" or "1.2")."""

    service: str
    name: str
    soap_version: str
    address: str


@dataclass(frozen=True, slots=True)
class BoundOperation:
    """An operation at a port. `headers`: the elements of the SOAP headers that its input declares."""

    port: WsdlPort
    operation: WsdlOperation
    soap_action: str
    headers: tuple[str, ...] = ()

    def same_operation(self, other: BoundOperation) -> bool:
        """True for one operation of one port type, whatever the SOAP version."""
        mine, theirs = self.operation, other.operation
        return (mine.port_type, mine.name, mine.input) == (theirs.port_type, theirs.name, theirs.input)


@dataclass(frozen=True, slots=True)
class UnusableOperation:
    """An operation that the court cannot use, and why. `elements`: of its input, as far as they can be read."""

    name: str
    elements: tuple[str, ...]
    why: str
    rule: str


@dataclass(slots=True)
class Operations:
    """The operations that a WSDL defines. `usable` are by name; `bound` are in the order of the ports."""

    usable: dict[str, WsdlOperation] = field(default_factory=dict)
    bound: list[BoundOperation] = field(default_factory=list)
    unusable: list[UnusableOperation] = field(default_factory=list)
    ports: list[WsdlPort] = field(default_factory=list)


def read_operations(definitions: list[_Element]) -> Operations:
    """The operations of all these wsdl:definitions, those at a SOAP port first. Never raises."""
    return _Reader(definitions).read()


@dataclass(frozen=True, slots=True)
class _Binding:
    """A SOAP binding: its style and transport where the whole of it is concerned."""

    element: _Element
    version: str

    @property
    def port_type(self) -> str:
        return qualified(self.element, "type")

    @property
    def soap(self) -> _Element:
        (found,) = self.element.iterchildren(q(_SOAP[self.version], "binding"))
        return found

    def of(self, bound: _Element | None, name: str) -> list[_Element]:
        """The SOAP extension elements of that name below wsdl:input or another one."""
        return [] if bound is None else list(bound.iterchildren(q(_SOAP[self.version], name)))


class _Reader:
    def __init__(self, definitions: list[_Element]) -> None:
        self._definitions = definitions
        self._found = Operations()
        self._at_ports: set[tuple[str, str, str]] = set()
        self._messages, self._port_types, self._bindings = (
            self._declared(kind) for kind in ("message", "portType", "binding")
        )

    def _declared(self, kind: str) -> dict[str, _Element]:
        found: dict[str, _Element] = {}
        for root in self._definitions:
            for element in root.iterfind(f"w:{kind}", _W):
                found.setdefault(q(root.get("targetNamespace", ""), element.get("name", "")), element)
        return found

    def read(self) -> Operations:
        for port, binding in self._ports():
            self._found.ports.append(port)
            if binding is not None:
                for operation in self._operations_of(binding.port_type):
                    bound = _bound(binding, operation)
                    if bound is not None:
                        self._at_ports.add((binding.port_type, operation.get("name", ""), _input_name(operation)))
                        self._read_bound(port, binding, operation, bound)
        for port_type in self._port_types:
            if self._may_be_soap(port_type):
                self._read_abstract(port_type)
        return self._found

    def _operations_of(self, port_type: str) -> list[_Element]:
        element = self._port_types.get(port_type)
        return [] if element is None else element.findall("w:operation", _W)

    def _ports(self) -> Iterator[tuple[WsdlPort, _Binding | None]]:
        for root in self._definitions:
            for service in root.iterfind("w:service", _W):
                for port in service.iterfind("w:port", _W):
                    for address in port.iterchildren(*Q_ADDRESSES):
                        version = Q_ADDRESSES[str(address.tag)]
                        made = WsdlPort(
                            service.get("name", ""), port.get("name", ""), version, address.get("location", "")
                        )
                        yield made, _soap_binding(self._bindings.get(qualified(port, "binding")), version)

    def _may_be_soap(self, port_type: str) -> bool:
        """True for a port type with a SOAP binding, or with none at all: its service is described elsewhere."""
        bindings = [each for each in self._bindings.values() if qualified(each, "type") == port_type]
        return not bindings or any(_soap_binding(each, version) for each in bindings for version in _SOAP)

    def _read_bound(self, port: WsdlPort, binding: _Binding, operation: _Element, bound: _Element) -> None:
        try:
            _check_binding(binding, bound)
            read = self._operation(binding.port_type, operation, binding, bound)
        except ContractError as error:
            self._fail(f"{operation.get('name', '')} at the port {port.name}", operation, error)
            return
        _add(self._found.usable, read)
        headers = tuple(
            element
            for header in binding.of(bound.find("w:input", _W), "header")
            if (element := self._header_element(header))
        )
        self._found.bound.append(BoundOperation(port, read, _soap_action(binding, bound), headers))

    def _read_abstract(self, port_type: str) -> None:
        """Read the operations of a port type that are at no port."""
        for operation in self._operations_of(port_type):
            if (port_type, operation.get("name", ""), _input_name(operation)) in self._at_ports:
                continue
            try:
                _add(self._found.usable, self._operation(port_type, operation, None, None))
            except ContractError as error:
                self._fail(operation.get("name", ""), operation, error)

    def _fail(self, where: str, operation: _Element, error: ContractError) -> None:
        failed = UnusableOperation(where, self._inputs(operation), error.detail, error.rule)
        if failed not in self._found.unusable:
            self._found.unusable.append(failed)

    # -- one operation -------------------------------------------------------------------------------------------------
    def _operation(
        self, port_type: str, operation: _Element, binding: _Binding | None, bound: _Element | None
    ) -> WsdlOperation:
        name = operation.get("name", "")

        def action(element: _Element, soap_action: str = "") -> str:
            stated = element.get(q(WSAM, "Action")) or element.get(q(WSAW, "Action"))
            return stated or soap_action or default_action(port_type, operation, element)

        given, output = operation.find("w:input", _W), operation.find("w:output", _W)
        first = next(operation.iterchildren(q(WSDL, "input"), q(WSDL, "output")), None)
        if given is None or first is not given:
            raise ContractError(f"the operation {name} does not begin with an input", rule="BP R2303")
        soap_action = "" if binding is None or bound is None else _soap_action(binding, bound)
        return WsdlOperation(
            name=name,
            input=self._body(operation, given, binding, bound),
            output=None if output is None else self._body(operation, output, binding, bound),
            faults=MappingProxyType(dict(self._faults(operation, action))),
            input_action=action(given, soap_action),
            output_action="" if output is None else action(output),
            documentation=documentation_of(operation),
            port_type=port_type,
        )

    def _faults(self, operation: _Element, action: Callable[[_Element], str]) -> Iterator[tuple[str, WsdlFault]]:
        """The declared faults that are an element. Another one is left out: it comes as a fault without meaning."""
        for fault in operation.iterfind("w:fault", _W):
            message, name = self._messages.get(qualified(fault, "message")), fault.get("name", "")
            parts = [] if message is None else message.findall("w:part", _W)
            if len(parts) == 1 and parts[0].get("element"):
                yield name, WsdlFault(qualified(parts[0], "element"), action(fault))

    def _body(self, operation: _Element, carried: _Element, binding: _Binding | None, bound: _Element | None) -> str:
        """The element of the Body; "" for an empty one."""
        name, message = operation.get("name", ""), self._messages.get(qualified(carried, "message"))
        if message is None:
            raise ContractError(
                f"the operation {name} uses the message {carried.get('message')}, which is not declared",
                rule="BP R2101",
            )
        parts = message.findall("w:part", _W)
        if binding is not None and bound is not None:
            role = bound.find(f"w:{carried.tag.rpartition('}')[2]}", _W)
            parts = [part for part in parts if part.get("name") in _body_parts(binding, role, parts, carried)]
        if len(parts) > 1:
            raise ContractError(
                f"the message {message.get('name')} is not document/literal: its Body has {len(parts)} parts",
                rule="BP R2210",
            )
        if parts and not parts[0].get("element"):
            raise ContractError(
                f"the message {message.get('name')} is not document/literal: its part {parts[0].get('name')} "
                "is defined by a type, not by an element",
                rule="BP R2204",
            )
        return qualified(parts[0], "element") if parts else ""

    def _inputs(self, operation: _Element) -> tuple[str, ...]:
        given = operation.find("w:input", _W)
        message = None if given is None else self._messages.get(qualified(given, "message"))
        parts = [] if message is None else message.findall("w:part", _W)
        return tuple(qualified(part, "element") for part in parts if part.get("element"))

    def _header_element(self, header: _Element) -> str:
        message = self._messages.get(qualified(header, "message"))
        parts: Iterable[_Element] = [] if message is None else message.iterfind("w:part", _W)
        named = (part for part in parts if part.get("name") == header.get("part") and part.get("element"))
        return next((qualified(part, "element") for part in named), "")


def default_action(port_type: str, operation: _Element, carried: _Element) -> str:
    """The action of an operation's input, output or fault by its names (WS-Addressing 1.0 Metadata 4.4.4)."""
    namespace, _, local = port_type[1:].partition("}")
    delimiter = ":" if namespace.startswith("urn:") else "/"
    name, kind = operation.get("name", ""), carried.tag.rpartition("}")[2]
    names = [carried.get("name", "")]
    if kind == "fault":
        names = [name, "Fault", carried.get("name", "")]
    elif not carried.get("name"):
        one_way = operation.find("w:output", _W) is None
        names = [name + ("" if one_way else "Request" if kind == "input" else "Response")]
    return delimiter.join((namespace.removesuffix(delimiter), local, *names))


def documentation_of(element: _Element) -> str:
    """The text of wsdl:documentation, its whitespace collapsed."""
    return " ".join((element.findtext("w:documentation", "", _W)).split())


def _add(usable: dict[str, WsdlOperation], read: WsdlOperation) -> None:
    """Enter an operation under its name, or a longer one if another operation has that name."""
    if read in usable.values():
        return
    longer, number = f"{read.port_type.rpartition('}')[2]}/{read.name}", 2
    name = read.name if read.name not in usable else longer
    while name in usable:
        name, number = f"{longer}-{number}", number + 1
    usable[name] = read


def _soap_binding(element: _Element | None, version: str) -> _Binding | None:
    """The binding as one of that SOAP version; None if it is none."""
    found = element is not None and len(list(element.iterchildren(q(_SOAP[version], "binding")))) == 1
    return _Binding(element, version) if found and element is not None else None


def _bound(binding: _Binding, operation: _Element) -> _Element | None:
    """The wsdl:operation of a binding for one of its port type: by name, and among overloads by the input's name."""
    named = [each for each in binding.element.iterfind("w:operation", _W) if each.get("name") == operation.get("name")]
    parent = operation.getparent()
    overloads = [] if parent is None else [
        each for each in parent.iterfind("w:operation", _W) if each.get("name") == operation.get("name")
    ]  # fmt: skip
    if len(overloads) < 2:
        return next(iter(named), None)
    inputs = [_input_name(each) for each in named]
    if _input_name(operation) in inputs and len(set(inputs)) == len(inputs):
        return named[inputs.index(_input_name(operation))]
    number = overloads.index(operation)
    return named[number] if len(named) == len(overloads) else None


def _input_name(operation: _Element) -> str:
    given = operation.find("w:input", _W)
    return "" if given is None else given.get("name", "")


def _soap_action(binding: _Binding, bound: _Element) -> str:
    return next((each.get("soapAction", "") for each in binding.of(bound, "operation")), "")


def _check_binding(binding: _Binding, bound: _Element) -> None:
    transport = binding.soap.get("transport", SOAP_HTTP_TRANSPORT)
    if transport not in HTTP_TRANSPORTS:
        raise ContractError(f"its transport is {transport}, not HTTP", rule="BP R2702")
    styles = [each.get("style") for each in binding.of(bound, "operation") if each.get("style")]
    style = styles[0] if styles else binding.soap.get("style", "document")
    if style != "document":
        raise ContractError(f"its style is {style}, not document", rule="BP R2705")
    for role in bound.iterchildren(q(WSDL, "input"), q(WSDL, "output")):
        for body in binding.of(role, "body"):
            if body.get("use", "literal") != "literal":
                raise ContractError(f"its use is {body.get('use')}, not literal", rule="BP R2706")


def _body_parts(binding: _Binding, role: _Element | None, parts: list[_Element], carried: _Element) -> set[str | None]:
    """The names of the parts that go into the Body: those that soap:body names, else those that are no header."""
    named = [each.get("parts") for each in binding.of(role, "body") if each.get("parts") is not None]
    if named:
        return set((named[0] or "").split())
    message = qualified(carried, "message")
    headers = {each.get("part") for each in binding.of(role, "header") if qualified(each, "message") == message}
    return {part.get("name") for part in parts} - headers
