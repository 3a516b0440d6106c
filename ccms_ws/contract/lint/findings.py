"""What a rule is, and what it finds: which rule is broken, in which file and line, how, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import APPINFO, STRUCTURES, WSAM, WSDL, WSDL_SOAP11, WSDL_SOAP12, WSP, XSD

NAMESPACES = {
    "xs": XSD, "i": APPINFO, "s": STRUCTURES, "wsdl": WSDL, "soap": WSDL_SOAP11, "soap12": WSDL_SOAP12, "wsp": WSP,
    "wsam": WSAM,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flaw:
    """One place that breaks a rule: what is wrong there. `file` only where it is not the file under the rule."""

    line: int
    problem: str
    file: str = ""


class Subject(Protocol):
    """What rules are applied to: it knows the name under which findings show it."""

    @property
    def file(self) -> str: ...


S = TypeVar("S", bound=Subject)
Check = Callable[[S], Iterator[Flaw]]


@dataclass(frozen=True, slots=True)
class Rule(Generic[S]):
    """A rule: the clause of the standard, a name of its own (a group of clauses may have several rules), what to do."""

    clause: str
    name: str
    says: str
    advice: str
    check: Check[S]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A rule that is broken."""

    file: str
    line: int
    clause: str
    rule: str
    problem: str
    advice: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.clause} ({self.rule}): {self.problem}. {self.advice}."


class RuleBook(Generic[S]):
    """Rules about one kind of subject, in the order in which they were written down."""

    def __init__(self) -> None:
        self.rules: list[Rule[S]] = []

    def rule(self, clause: str, says: str, advice: str) -> Callable[[Check[S]], Check[S]]:
        """Enter the decorated check; its name, with hyphens, is the rule's."""

        def enter(check: Check[S]) -> Check[S]:
            self.rules.append(Rule(clause, check.__name__.strip("_").replace("_", "-"), says, advice, check))
            return check

        return enter

    def findings(self, subject: S) -> Iterator[Finding]:
        for rule in self.rules:
            for flaw in rule.check(subject):
                yield Finding(flaw.file or subject.file, flaw.line, rule.clause, rule.name, flaw.problem, rule.advice)


def flaw(element: _Element, problem: str, file: str = "") -> Flaw:
    """A flaw at an element."""
    return Flaw(cast("int", element.sourceline), problem, file)


def select(root: _Element, path: str) -> list[_Element]:
    """The elements at an XPath, with the prefixes of `NAMESPACES`."""
    return cast("list[_Element]", etree.XPath(path, namespaces=NAMESPACES)(root))


def named(element: _Element) -> str:
    """An element of a schema or WSDL as a reader knows it: its kind, and its name if it has one."""
    name = element.get("name") or element.get("ref") or element.get("value")
    kind = etree.QName(element).localname
    return f"{kind} {name}" if name else f"a {kind}" if kind[0] not in "aeiou" else f"an {kind}"
