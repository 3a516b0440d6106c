"""What changed in the services: operations, their messages, actions and faults, ports, addresses, policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.diff.changes import Change, Effect, Sides
from ccms_ws.contract.diff.message_changes import Message
from ccms_ws.contract.diff.model import Types
from ccms_ws.contract.lint.description import Description
from ccms_ws.contract.lint.findings import select
from ccms_ws.contract.namespaces import WSAM, WSP, q
from ccms_ws.contract.qnames import qualified, readable

_VERSION = re.compile(r"[:/#.\-]?v?\d+(\.\d+)*/?$")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation: the element and the action of each message that it carries, by its role ("input", "fault X")."""

    messages: Mapping[str, tuple[str, str]]


class Service:
    """A contract: one WSDL or several, with all that they import."""

    def __init__(self, wsdls: list[Path]) -> None:
        self._descriptions = [Description(path, path.name) for path in wsdls]
        self.types = Types([schema for each in self._descriptions for _, schema in each.schemas])

    @cached_property
    def namespaces(self) -> set[str]:
        roots = [root for each in self._descriptions for _, root in (*each.wsdls, *each.schemas)]
        return {namespace for root in roots if (namespace := root.get("targetNamespace"))}

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """Every operation by the name of its port type and its own: `{namespace}PortType/Operation`."""
        return {
            f"{port_type}/{operation.get('name')}": _operation(each, operation)
            for each in self._descriptions
            for port_type, declared in each.port_types.items()
            for operation in select(declared, "wsdl:operation")
        }

    @cached_property
    def ports(self) -> dict[str, str]:
        """The address of each port by port type and SOAP version: `{namespace}PortType over SOAP 1.1`."""
        found: dict[str, str] = {}
        for each in self._descriptions:
            for _, port in each.everywhere("wsdl:service/wsdl:port"):
                binding = each.bindings.get(qualified(port, "binding"))
                for address in select(port, "soap:address | soap12:address"):
                    version = "1.2" if "soap12" in str(address.tag) else "1.1"
                    port_type = "" if binding is None else qualified(binding, "type")
                    found[f"{port_type}/SOAP {version}"] = address.get("location", "")
        return found

    @cached_property
    def policies(self) -> dict[str, set[str]]:
        """For each WSDL (by its target namespace) the assertions of its policies: "AsymmetricBinding/Layout/Strict"."""
        found: dict[str, set[str]] = {}
        for each in self._descriptions:
            for _, root in each.wsdls:
                assertions = {path for policy in select(root, "wsp:Policy") for path in _assertions(policy, "")}
                found.setdefault(root.get("targetNamespace", ""), set()).update(assertions)
        return found


def _operation(description: Description, operation: _Element) -> Operation:
    messages = {}
    for carried in select(operation, "wsdl:input | wsdl:output | wsdl:fault"):
        kind = etree.QName(carried).localname
        message = description.messages.get(qualified(carried, "message"))
        parts = [] if message is None else select(message, "wsdl:part[@element]")
        role = f"fault {carried.get('name')}" if kind == "fault" else kind
        messages[role] = (qualified(parts[0], "element") if parts else "", carried.get(q(WSAM, "Action"), ""))
    return Operation(messages)


def _assertions(policy: _Element, where: str) -> Iterator[str]:
    for child in policy.iterchildren("*"):
        if child.tag == q(WSP, "Policy"):
            yield from _assertions(child, where)
            continue
        values = " ".join(str(value) for name, value in sorted(child.items()) if not str(name).endswith("}Id"))
        path = f"{where}/{etree.QName(child).localname} {values}".strip("/ ")
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
        yield from self._policy()

    def messages(self) -> list[Message]:
        """The messages that both contracts carry, in the same role."""
        after = {self.named_as_before(key): each for key, each in self.new.operations.items()}
        found = []
        for key, operation in self.old.operations.items():
            roles = after[key].messages if key in after else {}
            for role, (element, _) in operation.messages.items():
                other = roles.get(role, ("", ""))[0]
                old, new = self.old.types.element_type(element), self.new.types.element_type(other)
                if old is not None and new is not None and self.named_as_before(other) == element:
                    found.append(Message(element, old, new, Sides(role == "input", role != "input")))
        return found

    def _operations(self) -> Iterator[Change]:
        before = self.old.operations
        after = {self.named_as_before(key): each for key, each in self.new.operations.items()}
        for key in before.keys() - after.keys():
            yield Change(
                Effect.BREAKING, _shown(key), "the operation was removed", "a client that calls it gets a fault"
            )
        for key in after.keys() - before.keys():
            yield Change(Effect.COMPATIBLE, _shown(key), "the operation was added")
        for key in before.keys() & after.keys():
            yield from self._roles(_shown(key), before[key].messages, after[key].messages)

    def _roles(
        self, where: str, before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]]
    ) -> Iterator[Change]:
        for role in before.keys() - after.keys():
            effect = Effect.COMPATIBLE if role.startswith("fault") else Effect.BREAKING
            yield Change(effect, where, f"it has no {role} any more")
        for role in after.keys() - before.keys():
            effect = Effect.COMPATIBLE if role.startswith("fault") else Effect.BREAKING
            yield Change(effect, where, f"it has a new {role}", "a client gets it like any fault" if effect < 2 else "")
        for role in before.keys() & after.keys():
            (element, action), (other, later) = before[role], after[role]
            if self.named_as_before(other) != element:
                words = f"its {role} is {readable(other)}, it was {readable(element)}"
                yield Change(Effect.BREAKING, where, words)
            if self.named_as_before(later) != action:
                yield Change(
                    Effect.BREAKING, where, f"the action of its {role} is {later or 'not given'}, it was {action}"
                )

    def _ports(self) -> Iterator[Change]:
        after = {self.named_as_before(key): address for key, address in self.new.ports.items()}
        for key, address in self.old.ports.items():
            if key not in after:
                yield Change(Effect.BREAKING, _shown(key), "the port was removed", "a client of it reaches nobody")
            elif after[key] != address:
                yield Change(
                    Effect.NONE, _shown(key), f"its address is {after[key]}, it was {address}", "settings hold it"
                )
        for key in after.keys() - self.old.ports.keys():
            yield Change(Effect.COMPATIBLE, _shown(key), "the port was added")

    def _policy(self) -> Iterator[Change]:
        after = {self.named_as_before(key): each for key, each in self.new.policies.items()}
        for key, assertions in self.old.policies.items():
            if key in after:
                yield from _policy_changes(f"security policy of {key}", assertions, after[key])


def _policy_changes(where: str, before: set[str], after: set[str]) -> Iterator[Change]:
    for assertion in sorted(after - before):
        offered = "/MustSupport" in assertion
        effect = Effect.COMPATIBLE if offered else Effect.BREAKING
        yield Change(effect, where, f"{assertion} was added", "" if offered else "a client does not do it")
    for assertion in sorted(before - after):
        offered = "/MustSupport" in assertion
        effect = Effect.BREAKING if offered else Effect.COMPATIBLE
        why = "a client may use it" if offered else "what is signed beyond need does no harm"
        yield Change(effect, where, f"{assertion} was removed", why)


def _shown(key: str) -> str:
    """`{namespace}PortType/Operation` as people say it."""
    return key.rpartition("}")[2].replace("/", ", ", 1)
