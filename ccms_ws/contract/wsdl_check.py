"""Checks a partner's WSDL: the operation for a message, or what the WSDL lacks and what to do about it.

Only what carries the message is checked: its operation, that operation's binding, messages and elements. Port types of
other protocols, older ones, administrative operations and unused messages, types and imports are up to the
partner.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ccms_ws.contract import catalog
from ccms_ws.contract.lint import lint_description
from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.findings import select
from ccms_ws.contract.namespaces import SOAP11, SOAP12, WSAM, WSAW, WSDL, WSP, WSP_2004, WSSE, q
from ccms_ws.contract.qnames import readable
from ccms_ws.contract.schema_set import SchemaSet, schemas_of
from ccms_ws.contract.wsdl import BoundOperation, Wsdl, load_wsdl
from ccms_ws.contract.wsdl_import import Gathering
from ccms_ws.errors import ContractError

_CONCRETE = "ask the partner for the complete WSDL, with the binding, service and port of its operation"


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """A problem of a WSDL; `fatal`: the court cannot send with it."""

    what: str
    advice: str
    fatal: bool = False


def bound_for(wsdl: Wsdl, root: str, soap_version: str = "", name: str = "the WSDL") -> BoundOperation:
    """The operation whose input is `root` (in Clark notation) in that SOAP version, or in any.

    Of several, the one at the first port. Raises ContractError with the reason and advice if there is none.
    """
    found = [each for each in wsdl.bound if each.operation.input == root]
    fitting = [each for each in found if soap_version in ("", each.port.soap_version)]
    if fitting:
        return fitting[0]
    message = readable(root)
    if found:
        (other, *_) = {each.port.soap_version for each in found}
        raise ContractError(
            f"{name} takes {message} in SOAP {other} only", hint=f'set soap = "{other}" in the partner\'s profile'
        )
    broken = [each for each in wsdl.unusable if root in each.elements]
    if broken:
        (first, *_) = broken
        raise ContractError(
            f"{name}: no operation takes {message} as the court sends it: {first.name}: {first.why}",
            rule=first.rule,
            hint="ask the partner for a document/literal operation of one element over HTTP",
        )
    if not wsdl.ports:
        raise ContractError(f"{name} has no port with a SOAP address", hint=_CONCRETE)
    if any(each.input == root for each in wsdl.operations.values()):
        raise ContractError(f"{name} binds {message} to no SOAP port", hint=_CONCRETE)
    takes = [readable(each.input) or "an empty Body" for each in wsdl.operations.values()]
    others = [f"{each.name} cannot be used ({each.why})" for each in wsdl.unusable]
    raise ContractError(
        f"{name}: no operation takes {message}; "
        + "; ".join([f"they take {', '.join(takes)}"] * bool(takes) + others or ["it has no operation"]),
        hint=f"ask the partner for the WSDL of its service for {message}",
    )


def check_wsdl(gathering: Gathering, root: str = "") -> list[Shortcoming]:
    """The problems of the gathered WSDL. `root`: the message (in Clark notation) that the court will send, if any.

    Removes missing references that are not needed from `gathering.missing`.
    """
    with tempfile.TemporaryDirectory() as folder:
        gathering.lay_out(Path(folder))
        entry = Path(folder) / gathering.entry
        try:
            wsdl = load_wsdl(entry)
        except ContractError as error:
            advice = error.hint or "ask the partner for the WSDL 1.1 of its service"
            return [Shortcoming(str(error).replace(f"{folder}/", ""), advice, fatal=True)]
        return list(_check(wsdl, entry, gathering, root))


def set_aside_unneeded(gathering: Gathering) -> None:
    """Remove the missing references that no operation needs from `gathering.missing`."""
    if gathering.missing:
        check_wsdl(gathering)


def _check(wsdl: Wsdl, entry: Path, gathering: Gathering, root: str) -> Iterator[Shortcoming]:
    first: BoundOperation | None = None
    try:
        if root:
            first = bound_for(wsdl, root, name=gathering.entry)
        elif not wsdl.bound:
            yield _nothing_usable(wsdl, gathering.entry)
    except ContractError as error:
        yield Shortcoming(str(error), error.hint, fatal=True)
    used = [each for each in wsdl.bound if each.same_operation(first)] if first else [*wsdl.bound] * (not root)
    description = Description(entry, gathering.entry)
    schemas = SchemaSet(schemas_of(description))
    elements = _elements(used)
    _, undeclared = schemas.needed_by(elements)
    for missing in list(gathering.missing):
        if first is not None if missing.namespace is None else not _needs(missing.namespace, undeclared):
            gathering.missing.remove(missing)
            yield Shortcoming(
                f"{missing.file} refers to {missing.reference}, which was left out: {missing.why}",
                "nothing: no message of the exchange needs it",
            )
    if first is not None:
        yield from _used(first, wsdl, schemas, undeclared)
    yield from _ports(used, wsdl)
    description.keep_only({(each.operation.port_type, each.operation.name) for each in used})
    yield from _metadata(description)
    for finding in lint_description(description):
        yield Shortcoming(
            f"{Path(finding.file).name}:{finding.line}: {finding.clause}: {finding.problem}", finding.advice
        )


def _nothing_usable(wsdl: Wsdl, name: str) -> Shortcoming:
    if wsdl.unusable:
        why = "; ".join(f"{each.name}: {each.why}" for each in wsdl.unusable)
        return Shortcoming(f"{name} has no operation that can be used: {why}", "ask the partner", fatal=True)
    if not wsdl.operations:
        return Shortcoming(f"{name} has no operation", "ask the partner for the WSDL of its service", fatal=True)
    return Shortcoming(f"{name} has no port with a SOAP address", _CONCRETE, fatal=True)


def _elements(used: list[BoundOperation]) -> set[str]:
    """The root elements of all messages of these operations."""
    found = set()
    for each in used:
        faults = (fault.element for fault in each.operation.faults.values())
        found |= {each.operation.input, each.operation.output or "", *faults} - {""}
    return found


def _needs(namespace: str, undeclared: set[str]) -> bool:
    return any(not namespace or name.startswith(f"{{{namespace}}}") for name in undeclared)


def _used(first: BoundOperation, wsdl: Wsdl, schemas: SchemaSet, undeclared: set[str]) -> Iterator[Shortcoming]:
    operation, message = first.operation, readable(first.operation.input)
    namespaces = {schema.get("targetNamespace", "") for schema in schemas.schemas}
    for name in sorted({operation.input, operation.output or ""} & undeclared):
        if name[1:].partition("}")[0] in namespaces:
            yield Shortcoming(
                f"{operation.name} carries {readable(name)}, which its schema does not declare [BP R2206]",
                "ask the partner for the schema that belongs to this WSDL",
                fatal=True,
            )
        elif name[1:].partition("}")[0] not in catalog.published_schemas():
            yield Shortcoming(
                f"{operation.name} carries {readable(name)}, whose schema is not there [BP R2102]",
                "ask the partner for the schema",
                fatal=name == operation.input,
            )
    others = {
        each.operation.name + f" at the port {each.port.name}"
        for each in wsdl.bound
        if each.operation.input == operation.input and not each.same_operation(first)
    }
    for other in sorted(others):
        yield Shortcoming(
            f"{message} is taken by {operation.name} at the port {first.port.name} and by {other}; "
            "the court uses the first one",
            "ask the partner which one is meant; if it is the other, ask for a WSDL without the first",
        )
    for header in first.headers:
        if header[1:].partition("}")[0] not in (WSSE, SOAP11, SOAP12):
            yield Shortcoming(
                f"{operation.name} declares the SOAP header {readable(header)}, which the court does not send",
                "ask the partner whether its service works without it",
            )
    if operation.output is None and not operation.faults:
        yield Shortcoming(
            f"{operation.name} answers nothing", "the partner's answers come to the court's own service, later"
        )


def _ports(used: list[BoundOperation], wsdl: Wsdl) -> Iterator[Shortcoming]:
    ports = dict.fromkeys(each.port for each in used)
    versions = {port.soap_version for port in ports}
    if len(versions) == 1:
        (version,) = versions
        yield Shortcoming(f"it has only a SOAP {version} port", f'set soap = "{version}" in the partner\'s profile')
    for port in ports:
        if not port.address.startswith(("http://", "https://")):
            yield Shortcoming(f"the port {port.name} has no address", "the url of the partner's profile is used")


def _metadata(description: Description) -> Iterator[Shortcoming]:
    roots = [root for _, root in description.wsdls]
    inputs = [each for root in roots for each in select(root, "wsdl:portType/wsdl:operation/wsdl:input")]
    if any(each.get(q(WSAM, "Action")) is None and each.get(q(WSAW, "Action")) is None for each in inputs):
        yield Shortcoming(
            "it gives no wsam:Action",
            "the SOAPAction is sent as the action, or the default action (WS-Addressing Metadata 4.4.1 and 4.4.4)",
        )
    if all(root.find(f".//{q(namespace, 'Policy')}") is None for root in roots for namespace in (WSP, WSP_2004)):
        yield Shortcoming(
            "it states no security policy", "the profile in the partner's settings decides what is signed"
        )
    for root in roots:
        for element in root.iter("*"):
            required = element.get(q(WSDL, "required"), "false") in ("true", "1")
            if required and not str(element.tag).startswith((f"{{{WSP}}}", f"{{{WSP_2004}}}", f"{{{WSDL}}}")):
                yield Shortcoming(
                    f"it requires the extension {element.tag.rpartition('}')[2]}, which the court does not know",
                    "ask the partner what its service requires",
                )
