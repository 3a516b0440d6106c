"""What changed in the services: operations, their messages, actions and faults, ports, addresses, policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.diff.binding_changes import Place, binding_changes, bindings_of, header_element, protocol_of
from ccms_ws.contract.diff.changes import BREAKS_BOTH, FITS_BOTH, STRICTER, Change, Effect, Sides
from ccms_ws.contract.diff.message_changes import Message
from ccms_ws.contract.diff.schema_reader import Types
from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.findings import select
from ccms_ws.contract.namespaces import WSAM, WSAW, WSDL, WSP, WSP_2004, q
from ccms_ws.contract.qnames import qualified, readable
from ccms_ws.contract.schema_set import schemas_of
from ccms_ws.contract.wsdl_operations import default_action

_BOTH = Sides(sent=True, received=True)
_ROLES = tuple(q(WSDL, role) for role in ("input", "output", "fault"))
_VERSION = re.compile(r"[:/#.\-]?v?\d+(\.\d+)*/?$")


@dataclass(frozen=True, slots=True)
class Carried:
    """A message in an operation: its parts (elements or types, in Clark notation), and its action.

    `stated`: the action is written there; else it follows from names and SOAPAction.
    """

    parts: tuple[str, ...]
    action: str
    stated: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: its messages by their role ("input", "fault X"), and the order of input and output."""

    messages: Mapping[str, Carried]
    pattern: str


class Service:
    """A contract: one WSDL or several, with all that they import."""

    def __init__(self, wsdls: list[Path]) -> None:
        self.descriptions = [Description(path, path.name) for path in wsdls]
        self.types = Types([schema for each in self.descriptions for schema in schemas_of(each)])

    @cached_property
    def namespaces(self) -> set[str]:
        roots = [root for each in self.descriptions for _, root in (*each.wsdls, *each.schemas)]
        return {namespace for root in roots if (namespace := root.get("targetNamespace"))}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Every operation by the name of its port type and its own: `{namespace}PortType/Operation`."""
        found: dict[str, Operation] = {}
        for each in self.descriptions:
            for port_type, declared in each.port_types.items():
                for operation in select(declared, "wsdl:operation"):
                    key = f"{port_type}/{operation.get('name')}"
                    while key in found:
                        key += " (overloaded)"
                    found[key] = _operation(each, port_type, operation)
        return found

    @cached_property
    def ports(self) -> dict[str, list[str]]:
        """The addresses of the ports by port type and protocol: `{namespace}PortType/SOAP 1.1`."""
        found: dict[str, list[str]] = {}
        for each in self.descriptions:
            for _, port in each.everywhere("wsdl:service/wsdl:port"):
                binding = each.bindings.get(qualified(port, "binding"))
                key = "/no binding" if binding is None else f"{qualified(binding, 'type')}/{protocol_of(binding)}"
                for address in port.iterchildren("*"):
                    if etree.QName(address).localname == "address":
                        found.setdefault(key, []).append(address.get("location", ""))
        return found

    def bindings(self, named: Callable[[str], str]) -> dict[Place, dict[str, str]]:
        """What the bindings at the ports say. `named` rewrites qualified names."""
        return {place: facts for each in self.descriptions for place, facts in bindings_of(each, named).items()}

    @cached_property
    def policies(self) -> dict[str, set[str]]:
        """For each WSDL (by its target namespace) the assertions of its policies: "AsymmetricBinding/Layout/Strict"."""
        found: dict[str, set[str]] = {}
        for each in self.descriptions:
            for _, root in each.wsdls:
                policies = root.iterchildren(q(WSP, "Policy"), q(WSP_2004, "Policy"))
                assertions = {path for policy in policies for path in _assertions(policy, "")}
                found.setdefault(root.get("targetNamespace", ""), set()).update(assertions)
        return found

    @cached_property
    def headers(self) -> dict[str, Sides]:
        """The elements or types of the SOAP headers that the bindings declare, and which way they travel."""
        found: dict[str, Sides] = {}
        for each in self.descriptions:
            for _, header in each.extensions("header", "headerfault"):
                name = header_element(header, each)
                role = next((etree.QName(up).localname for up in header.iterancestors(*_ROLES)), "")
                sides = found.get(name, Sides(False, False))
                found[name] = Sides(sides.sent or role == "input", sides.received or role != "input")
        return found


def _operation(description: Description, port_type: str, operation: _Element) -> Operation:
    messages = {}
    carried = select(operation, "wsdl:input | wsdl:output | wsdl:fault")
    for each in carried:
        kind = etree.QName(each).localname
        message = description.messages.get(qualified(each, "message"))
        parts = [] if message is None else select(message, "wsdl:part")
        stated = each.get(q(WSAM, "Action")) or each.get(q(WSAW, "Action"))
        default = _soap_action(description, port_type, operation, kind) or default_action(port_type, operation, each)
        messages[f"fault {each.get('name')}" if kind == "fault" else kind] = Carried(
            tuple(qualified(part, "element" if part.get("element") else "type") for part in parts),
            stated or default,
            stated is not None,
        )
    pattern = " and ".join(etree.QName(each).localname for each in carried if etree.QName(each).localname != "fault")
    return Operation(messages, pattern)


def _soap_action(description: Description, port_type: str, operation: _Element, kind: str) -> str:
    """The SOAPAction, which is the action of an input that states none (WS-Addressing 1.0 Metadata 4.4.1)."""
    for binding in description.bindings.values() if kind == "input" else ():
        for bound in select(binding, "wsdl:operation") if qualified(binding, "type") == port_type else ():
            for soap in select(bound, "soap:operation | soap12:operation"):
                if bound.get("name") == operation.get("name") and soap.get("soapAction"):
                    return soap.get("soapAction", "")
    return ""


def _assertions(policy: _Element, where: str) -> Iterator[str]:
    for child in policy.iterchildren("*"):
        if child.tag in (q(WSP, "Policy"), q(WSP_2004, "Policy")):
            yield from _assertions(child, where)
            continue
        values = [str(value) for name, value in sorted(child.items()) if not str(name).endswith(("}Id", "}id"))]
        text = " ".join((child.text or "").split())
        path = f"{where}/{' '.join([etree.QName(child).localname, *values, text])}".strip("/ ")
        yield path
        yield from _assertions(child, path)


# -- changes -----------------------------------------------------------------------------------------------------------
def renamings(old: set[str], new: set[str]) -> dict[str, str]:
    """New namespaces that are old ones in another version, as the old contract spells them."""
    gone, come = old - new, new - old
    found = {}
    for namespace in come:
        stem = _VERSION.sub("", namespace)
        earlier = [each for each in gone if _VERSION.sub("", each) == stem]
        if len(earlier) == 1:
            found[namespace] = earlier[0]
    return found


@dataclass(slots=True)
class ServiceChanges:
    """Compares two contracts; `named_as_before` gives a name of the new contract as the old one spells it."""

    old: Service
    new: Service
    named_as_before: Callable[[str], str]

    def changes(self) -> Iterator[Change]:
        yield from self._operations()
        yield from self._ports()
        yield from binding_changes(self.old.bindings(lambda name: name), self.new.bindings(self.named_as_before))
        yield from self._policy()

    def messages(self) -> list[Message]:
        """The messages that both contracts carry, in the same role, and the headers."""
        after = {self.named_as_before(key): each for key, each in self.new.operations.items()}
        found: list[Message] = []
        for key, operation in self.old.operations.items():
            roles = after[key].messages if key in after else {}
            for role, carried in operation.messages.items():
                others = roles[role].parts if role in roles else ()
                for part, other in zip(carried.parts, others, strict=False):
                    found += self._message(part, other, _sides(role))
        headers = {self.named_as_before(name): name for name in self.new.headers}
        for name, sides in self.old.headers.items():
            if name in headers:
                found += self._message(name, headers[name], sides)
        return found

    def _message(self, part: str, other: str, sides: Sides) -> Iterator[Message]:
        if part and self.named_as_before(other) == part:
            old = self.old.types.element_type(part)
            new = self.new.types.element_type(other)
            yield Message(part, other, old or part, new or other, sides)

    def _operations(self) -> Iterator[Change]:
        before = self.old.operations
        after = {self.named_as_before(key): each for key, each in self.new.operations.items()}
        for key in before.keys() - after.keys():
            words, why = "the operation was removed", "a client that calls it gets a fault"
            yield Change(Effect.BREAKING, _shown(key), words, why, sender=Effect.BREAKING)
        for key in after.keys() - before.keys():
            yield Change(Effect.COMPATIBLE, _shown(key), "the operation was added", receiver=Effect.COMPATIBLE)
        for key in before.keys() & after.keys():
            if before[key].pattern != after[key].pattern:
                words = f"it has {after[key].pattern or 'nothing'}, it had {before[key].pattern or 'nothing'}"
                yield _BOTH.change(BREAKS_BOTH, _shown(key), words, "the messages go another way")
            yield from self._roles(_shown(key), before[key].messages, after[key].messages)

    def _roles(self, where: str, before: Mapping[str, Carried], after: Mapping[str, Carried]) -> Iterator[Change]:
        for role in sorted(before.keys() - after.keys()):
            effects = FITS_BOTH if role.startswith("fault") else BREAKS_BOTH
            yield _sides(role).change(effects, where, f"it has no {role} any more")
        for role in sorted(after.keys() - before.keys()):
            fault = role.startswith("fault")
            why = "a client gets it like any fault" if fault else ""
            yield _sides(role).change(FITS_BOTH if fault else BREAKS_BOTH, where, f"it has a new {role}", why)
        for role in sorted(before.keys() & after.keys()):
            was, now = before[role], after[role]
            if tuple(map(self.named_as_before, now.parts)) != was.parts:
                words = f"its {role} is {_parts(now)}, it was {_parts(was)}"
                yield _sides(role).change(BREAKS_BOTH, where, words)
            if self.named_as_before(now.action) != was.action:
                words = f"the action of its {role} is {now.action}, it was {was.action}"
                yield _sides(role).change(BREAKS_BOTH, where, words)
            elif now.stated is not was.stated:
                words = f"the action of its {role} is {'now' if now.stated else 'no longer'} stated"
                yield Change(Effect.NONE, where, words, "it is the same one")

    def _ports(self) -> Iterator[Change]:
        after = {self.named_as_before(key): addresses for key, addresses in self.new.ports.items()}
        for key, addresses in self.old.ports.items():
            if key not in after:
                words, why = "the port was removed", "a client of it reaches no service"
                yield Change(Effect.BREAKING, _shown(key), words, why, sender=Effect.BREAKING)
            elif after[key] != addresses:
                words = f"its address is {' and '.join(after[key])}, it was {' and '.join(addresses)}"
                yield Change(Effect.NONE, _shown(key), words, "settings hold it")
        for key in after.keys() - self.old.ports.keys():
            yield Change(Effect.COMPATIBLE, _shown(key), "the port was added", receiver=Effect.COMPATIBLE)

    def _policy(self) -> Iterator[Change]:
        after = {self.named_as_before(key): each for key, each in self.new.policies.items()}
        for key, assertions in self.old.policies.items():
            if key in after:
                yield from _policy_changes(f"security policy of {key}", assertions, after[key])


def _policy_changes(where: str, before: set[str], after: set[str]) -> Iterator[Change]:
    for assertion in sorted(after - before):
        offered = "/MustSupport" in assertion
        why = "" if offered else "who keeps to the old contract does not do it"
        yield _BOTH.change(FITS_BOTH if offered else STRICTER, where, f"{assertion} was added", why)
    for assertion in sorted(before - after):
        offered = "/MustSupport" in assertion
        why = "a client may use it" if offered else "what is signed beyond need does no harm"
        yield _BOTH.change(STRICTER if offered else FITS_BOTH, where, f"{assertion} was removed", why)


def _sides(role: str) -> Sides:
    return Sides(role == "input", role != "input")


def _parts(carried: Carried) -> str:
    return ", ".join(readable(part) for part in carried.parts) or "empty"


def _shown(key: str) -> str:
    """`{namespace}PortType/Operation` as people say it."""
    return key.rpartition("}")[2].replace("/", ", ", 1)
