"""The text that the published schemas allow in an element, so that a value can be checked before a message is made.

Read from the schema files: longest values, patterns, lists of codes. A test compares the verdicts with a validator's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import XSD, q
from ccms_ws.contract.qnames import qualified
from ccms_ws.errors import ContractError
from ccms_ws.plain_values import why_unreadable

_CONTENT: Final = tuple(q(XSD, name) for name in ("restriction", "extension"))
# The parts of XML Schema's regular expressions that the published patterns use and Python's does not know.
_PYTHON: Final = {r"\p{Cc}": r"\x00-\x1f\x7f-\x9f", r"\s": r" \t\r\n"}
_ARTICLE: Final = re.compile(r"^A data type for ")


@dataclass(frozen=True, slots=True)
class _Pattern:
    form: re.Pattern[str]
    words: str


@dataclass(frozen=True, slots=True)
class Facets:
    """The rules of one element's text. Empty text is allowed by none."""

    longest: int | None
    patterns: tuple[_Pattern, ...]
    codes: frozenset[str] | None

    def why_not(self, value: str) -> str:
        """Why the schema does not allow `value`, without the value; empty if it does."""
        return why_unreadable(value) or self._why_not_as_text(value)

    def _why_not_as_text(self, value: str) -> str:
        if not value:
            return "is empty"
        if self.longest is not None and len(value) > self.longest:
            return f"is longer than {self.longest} characters"
        if self.codes is not None and value not in self.codes:
            return "is not in the list of codes"
        if value != value.strip(" \t\r\n"):
            return "begins or ends with a blank"
        return next((f"is not {each.words}" for each in self.patterns if each.form.fullmatch(value) is None), "")


def facets_of(name: str) -> Facets:
    """The rules of the element or type of that qualified name, in Clark notation. Raises ContractError."""
    return _facets(catalog.folder("xsd"), name)


@cache
def _facets(_: Path, name: str) -> Facets:
    longest, patterns, codes = None, [], None
    for restriction, words in _restrictions(name):
        values = {
            facet: [child.get("value", "") for child in restriction.findall(q(XSD, facet))]
            for facet in ("maxLength", "pattern", "enumeration")
        }
        lengths = [int(value) for value in values["maxLength"]]
        longest = min([*lengths, *([] if longest is None else [longest])], default=None)
        if values["enumeration"]:
            listed = frozenset(values["enumeration"])
            codes = listed if codes is None else codes & listed
        if values["pattern"]:  # one of those of a step, and of every step
            patterns.append(_Pattern(re.compile("|".join(map(_to_python, values["pattern"]))), words))
    return Facets(longest, tuple(patterns), codes)


def _restrictions(name: str) -> Iterator[tuple[_Element, str]]:
    """Each restriction step of an element's type, with a description of the type."""
    declared = _declarations(catalog.folder("xsd"))
    found = declared.get(name)
    if found is None:
        raise ContractError(f"no schema declares {name}")
    while found is not None:
        if found.tag == q(XSD, "element"):
            found = declared.get(qualified(found, "type"))
            continue
        content = list(found.iter(*_CONTENT))
        if len(content) != 1:
            raise ContractError(f"{name} has no simple content")
        (step,) = content
        if step.tag == q(XSD, "restriction"):
            yield step, _words(found)
        found = declared.get(qualified(step, "base"))


@cache
def _declarations(xsd: Path) -> dict[str, _Element]:
    roots = [catalog.parse(path) for path in sorted(xsd.rglob("*.xsd"))]
    kinds = [q(XSD, kind) for kind in ("element", "complexType", "simpleType")]
    return {
        q(root.get("targetNamespace", ""), child.get("name", "")): child
        for root in roots
        for child in root.iterchildren(*kinds)
    }


def _words(declared: _Element) -> str:
    said = " ".join((declared.findtext(f".//{q(XSD, 'documentation')}") or "").split())
    return _ARTICLE.sub("", said).rstrip(".") or "of the required form"


def _to_python(pattern: str) -> str:
    for theirs, ours in _PYTHON.items():
        pattern = pattern.replace(theirs, ours)
    return f"(?:{pattern})"
