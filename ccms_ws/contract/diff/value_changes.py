"""What changed in the values of texts and attributes: base types, codes, patterns and bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from ccms_ws.contract.diff.changes import BREAKS_BOTH, LOOSER, STRICTER, Change, Effects, Sides
from ccms_ws.contract.diff.model import Values
from ccms_ws.contract.namespaces import XSD
from ccms_ws.contract.qnames import readable

_UPPER = frozenset({"maxLength", "maxInclusive", "maxExclusive", "totalDigits", "fractionDigits"})
_LOWER = frozenset({"minLength", "minInclusive", "minExclusive"})
_PARENTS: Final = {
    "integer": "decimal", "nonPositiveInteger": "integer", "negativeInteger": "nonPositiveInteger", "long": "integer",
    "int": "long", "short": "int", "byte": "short", "nonNegativeInteger": "integer", "positiveInteger":
    "nonNegativeInteger", "unsignedLong": "nonNegativeInteger", "unsignedInt": "unsignedLong", "unsignedShort":
    "unsignedInt", "unsignedByte": "unsignedShort", "normalizedString": "string", "token": "normalizedString",
    "language": "token", "NMTOKEN": "token", "Name": "token", "NCName": "Name", "ID": "NCName", "IDREF": "NCName",
}  # fmt: skip
"""The type that each of XML Schema's own types narrows (XML Schema 1.0 part 2, 3)."""


def value_changes(
    where: str, old: Values, new: Values, sides: Sides, named_as_before: Callable[[str], str]
) -> Iterator[Change]:
    """The changes from one set of values to another."""
    if named_as_before(new.base) != old.base:
        words = f"its values are {_shown(new)}, they were {_shown(old)}"
        yield sides.change(_base_effects(old.base, new.base), where, words)
        return
    if len(old.members) != len(new.members):
        yield sides.change(BREAKS_BOTH, where, f"its values are {_shown(new)}, they were {_shown(old)}")
    for before, after in zip(old.members, new.members, strict=False):
        yield from value_changes(f"{where}, {old.base}", before, after, sides, named_as_before)
    if old.enumeration != new.enumeration:
        yield from _enumeration(where, old.enumeration, new.enumeration, sides)
    if old.patterns != new.patterns:
        if not new.patterns or not old.patterns:
            words = f"its pattern was {'added' if new.patterns else 'removed'}"
            yield sides.change(STRICTER if new.patterns else LOOSER, where, words)
        else:
            words = f"its pattern is {' and '.join(new.patterns)}, it was {' and '.join(old.patterns)}"
            yield sides.change(BREAKS_BOTH, where, words)
    for bound in sorted(old.bounds.keys() | new.bounds.keys()):
        was, now = old.bounds.get(bound), new.bounds.get(bound)
        if was != now:
            words = f"its {bound} is {now or 'gone'}, it was {was or 'not given'}"
            yield sides.change(_bound_effects(bound, was, now), where, words)


def _shown(values: Values) -> str:
    if values.members:
        return f"a {values.base} of {', '.join(_shown(each) for each in values.members)}"
    return readable(values.base) if values.base else "of no type"


def _base_effects(old: str, new: str) -> Effects:
    if new in _ancestors(old):
        return LOOSER
    return STRICTER if old in _ancestors(new) else BREAKS_BOTH


def _ancestors(name: str) -> set[str]:
    found: set[str] = set()
    prefix = f"{{{XSD}}}"
    parent = _PARENTS.get(name.removeprefix(prefix)) if name.startswith(prefix) else None
    while parent is not None:
        found.add(prefix + parent)
        parent = _PARENTS.get(parent)
    return found


def _enumeration(where: str, old: frozenset[str] | None, new: frozenset[str] | None, sides: Sides) -> Iterator[Change]:
    if old is None or new is None:
        closed = new is not None
        words = f"its list of codes was {'closed' if closed else 'opened'}"
        yield sides.change(STRICTER if closed else LOOSER, where, words)
        return
    for code in sorted(old - new):
        yield sides.change(STRICTER, where, f"the code {code} was removed")
    for code in sorted(new - old):
        yield sides.change(LOOSER, where, f"the code {code} was added")


def _bound_effects(bound: str, was: str | None, now: str | None) -> Effects:
    if bound == "whiteSpace" or bound not in _UPPER | _LOWER | {"length"}:
        return BREAKS_BOTH
    if was is None or now is None:
        return STRICTER if was is None else LOOSER
    try:
        grew = float(now) > float(was)
    except ValueError:
        return BREAKS_BOTH
    if bound == "length":
        return BREAKS_BOTH
    return LOOSER if grew is (bound in _UPPER) else STRICTER
