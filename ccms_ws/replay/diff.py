"""Two messages compared as canonical trees: each difference as a path, what was expected and what is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from fnmatch import fnmatchcase

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.replay.case import Tolerance
from ccms_ws.replay.normalize import Roles

_PREFIX_OF = {namespace: prefix for prefix, namespace in reversed(list(catalog.prefixes().items()))}
_NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    """`tolerated`: why the case allows it; empty if it does not."""

    path: str
    expected: str
    actual: str
    why: str = ""
    tolerated: str = ""


def differences(expected: _Element, actual: _Element, roles: Roles) -> list[Difference]:
    """Every difference between two trees: names, attributes, texts, children in their order.

    As in the canonical form, prefixes, declarations, comments and the order of attributes mean nothing; white space
    between elements does not either, so that a payload may be kept indented.
    """
    return list(_elements(expected, actual, f"/{readable(expected)}", roles))


def tolerate(found: Sequence[Difference], tolerances: Sequence[Tolerance]) -> list[Difference]:
    """The same differences, those that the case allows marked with its reason."""
    return [_tolerated(difference, tolerances) for difference in found]


def _tolerated(difference: Difference, tolerances: Sequence[Tolerance]) -> Difference:
    reason = next((each.why for each in tolerances if fnmatchcase(difference.path, each.path)), "")
    return replace(difference, tolerated=reason) if reason else difference


def readable(element: _Element) -> str:
    """The element's name with the prefix that we use for its namespace."""
    name = etree.QName(element)
    return _with_prefix(name.namespace, name.localname)


def _with_prefix(namespace: str | None, local_name: str) -> str:
    if not namespace:
        return local_name
    return f"{_PREFIX_OF.get(namespace, f'{{{namespace}}}')}{':' if namespace in _PREFIX_OF else ''}{local_name}"


def _elements(expected: _Element, actual: _Element, path: str, roles: Roles) -> Iterator[Difference]:
    if expected.tag != actual.tag:
        yield Difference(path, readable(expected), readable(actual), "another element")
        return
    yield from _attributes(expected, actual, path, roles)
    if not len(expected) and not len(actual):
        yield from _text(expected, actual, path, roles)
        return
    yield from _mixed(expected, actual, path)
    yield from _children(expected, actual, path, roles)


def _text(expected: _Element, actual: _Element, path: str, roles: Roles) -> Iterator[Difference]:
    then, now = expected.text or "", actual.text or ""
    why = roles.disagreement(str(expected.tag), then, now, (_meant(expected, then), _meant(actual, now)))
    if why:
        yield Difference(path, then, now, why)


def _meant(element: _Element, text: str) -> str:
    """A qualified name in Clark notation; anything else stays different from everything."""
    prefix, colon, name = text.strip().partition(":")
    namespace = element.nsmap.get(prefix) if colon else None
    return f"{{{namespace}}}{name}" if namespace else text


def _attributes(expected: _Element, actual: _Element, path: str, roles: Roles) -> Iterator[Difference]:
    for key in sorted({*map(str, expected.attrib), *map(str, actual.attrib)}):
        then, now = expected.get(key), actual.get(key)
        name = etree.QName(key)
        place = f"{path}/@{_with_prefix(name.namespace, name.localname)}"
        if then is None or now is None:
            why = "an attribute is missing" if now is None else "an attribute too many"
            yield Difference(place, _NOTHING if then is None else then, _NOTHING if now is None else now, why)
        elif why := roles.disagreement(key, then, now, (then, now)):
            yield Difference(place, then, now, why)


def _mixed(expected: _Element, actual: _Element, path: str) -> Iterator[Difference]:
    """Text beside elements: none is expected in these messages, and none may appear."""
    then, now = _own_text(expected), _own_text(actual)
    if then != now:
        yield Difference(f"{path}/text()", then, now, "text beside elements")


def _own_text(element: _Element) -> str:
    return "".join((element.text or "", *(child.tail or "" for child in element))).strip()


def _children(expected: _Element, actual: _Element, path: str, roles: Roles) -> Iterator[Difference]:
    then, now = _named(expected, path), _named(actual, path)
    tags, new_tags = [str(child.tag) for child, _ in then], [str(child.tag) for child, _ in now]
    if tags == new_tags:
        for (child, place), (other, _) in zip(then, now, strict=True):
            yield from _elements(child, other, place, roles)
        return
    for what, start, end, new_start, new_end in SequenceMatcher(None, tags, new_tags, autojunk=False).get_opcodes():
        if what == "equal":
            for (child, place), (other, _) in zip(then[start:end], now[new_start:new_end], strict=True):
                yield from _elements(child, other, place, roles)
            continue
        for child, place in then[start:end]:
            yield Difference(place, _shown(child), _NOTHING, "an element is missing")
        for child, place in now[new_start:new_end]:
            yield Difference(place, _NOTHING, _shown(child), "an element too many")


def _named(parent: _Element, path: str) -> list[tuple[_Element, str]]:
    """The children with their paths; those that have namesakes are counted."""
    children = list(parent)
    counts = Counter(child.tag for child in children)
    seen: dict[object, int] = {}
    named = []
    for child in children:
        seen[child.tag] = number = seen.get(child.tag, 0) + 1
        place = f"[{number}]" if counts[child.tag] > 1 else ""
        named.append((child, f"{path}/{readable(child)}{place}"))
    return named


def _shown(element: _Element) -> str:
    text = " ".join("".join(map(str, element.itertext())).split())
    return text[:100] or f"<{readable(element)}/>"
