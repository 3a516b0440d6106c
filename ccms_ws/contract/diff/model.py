"""The types of a contract's messages as facts that can be compared, flattened. Names are in Clark notation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNBOUNDED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Declaration:
    """What an element declaration says beside name and type.

    `accepts` are the elements that may stand in its place: itself, if it is not abstract, and the members of its
    substitution group. `constraints` are its keys and references by name.
    """

    accepts: frozenset[str]
    nillable: bool = False
    default: str | None = None
    fixed: str | None = None
    block: frozenset[str] = frozenset()
    constraints: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Particle:
    """An element in a type: how often it occurs. Alternatives of a choice occur at least zero times.

    `inner` is its own minOccurs, which an alternative has all the same.
    """

    name: str
    type: str
    least: int
    most: int
    alternative: bool
    inner: int
    declaration: Declaration


@dataclass(frozen=True, slots=True)
class Wildcard:
    """xs:any or xs:anyAttribute. `target` is the target namespace, which "##other" leaves out."""

    namespace: str
    process: str
    least: int = 0
    most: int = 1
    target: str = ""

    def admits(self, name: str) -> bool:
        """True if an element or attribute of that name may stand here."""
        namespace = name[1:].partition("}")[0]
        if self.namespace == "##other":
            return namespace not in ("", self.target)
        return self.namespace == "##any" or (namespace or "##local") in self.namespace.split()


@dataclass(frozen=True, slots=True)
class Group:
    """A sequence, choice or all with its children: the names of elements, and groups."""

    kind: str
    least: int
    most: int
    children: tuple[str | Group, ...]


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    type: str
    required: bool
    default: str | None = None
    fixed: str | None = None


@dataclass(frozen=True, slots=True)
class Values:
    """What a simple value may be: the XML Schema type that it goes back to, and what narrows it.

    `base` is "list" or "union" where it is one, with its `members`.
    """

    base: str
    enumeration: frozenset[str] | None = None
    patterns: tuple[str, ...] = ()
    bounds: Mapping[str, str] = field(default_factory=dict)
    members: tuple[Values, ...] = ()


@dataclass(frozen=True, slots=True)
class Type:
    """A type: elements in their order, attributes, and the values of its text (None: it has none)."""

    particles: tuple[Particle, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    values: Values | None = None
    wildcards: tuple[Wildcard, ...] = ()
    any_attribute: Wildcard | None = None
    groups: tuple[Group, ...] = ()
    mixed: bool = False
    abstract: bool = False
    block: frozenset[str] = frozenset()
