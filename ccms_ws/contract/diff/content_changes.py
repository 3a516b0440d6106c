"""What changed in the grouping of elements: sequences, choices, wildcards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ccms_ws.contract.diff.changes import BREAKS_BOTH, LOOSER, STRICTER, Change, Sides
from ccms_ws.contract.diff.model import UNBOUNDED, Group, Type, Wildcard
from ccms_ws.contract.qnames import readable

_ONCE = (1, 1)


def group_changes(
    where: str, old: Type, new: Type, sides: Sides, named_as_before: Callable[[str], str]
) -> Iterator[Change]:
    """The changes of groups, with the elements that both types have."""
    names = {each.name for each in old.particles} & {named_as_before(each.name) for each in new.particles}
    before = _reduced(Group("sequence", 1, 1, old.groups), names, lambda name: name)
    after = _reduced(Group("sequence", 1, 1, new.groups), names, named_as_before)
    if before == after:
        return
    pairs = list(zip(_walk(before), _walk(after), strict=False))
    if len(list(_walk(before))) == len(list(_walk(after))) and all(_alike(one, other) for one, other in pairs):
        for one, other in pairs:
            yield from occurrence_changes(where, _named(one), (one.least, one.most), (other.least, other.most), sides)
            if one.kind != other.kind:
                effects = LOOSER if other.kind == "all" else STRICTER
                yield sides.change(effects, where, f"{_named(one)} became {_named(other)}")
        return
    yield sides.change(BREAKS_BOTH, where, f"its elements are {_shape(after)}, they were {_shape(before)}")


def occurrence_changes(
    where: str, what: str, old: tuple[int, int], new: tuple[int, int], sides: Sides
) -> Iterator[Change]:
    """The changes of minOccurs and maxOccurs."""
    if old[0] != new[0]:
        words = (
            "became required" if not old[0] else "became optional" if not new[0] else f"occurs at least {new[0]} times"
        )
        yield sides.change(STRICTER if new[0] > old[0] else LOOSER, where, f"{what} {words}")
    if old[1] != new[1]:
        count = "without limit" if new[1] >= UNBOUNDED else f"at most {new[1]} times"
        yield sides.change(LOOSER if new[1] > old[1] else STRICTER, where, f"{what} may occur {count}")


def wildcard_changes(where: str, old: Type, new: Type, sides: Sides) -> Iterator[Change]:
    """The changes of xs:any and xs:anyAttribute."""
    if bool(old.wildcards) is not bool(new.wildcards):
        words = f"other elements are {'now' if new.wildcards else 'no longer'} allowed"
        yield sides.change(LOOSER if new.wildcards else STRICTER, where, words)
    elif len(old.wildcards) != len(new.wildcards):
        more = len(new.wildcards) > len(old.wildcards)
        words = f"other elements are allowed in {len(new.wildcards)} places, it was {len(old.wildcards)}"
        yield sides.change(LOOSER if more else STRICTER, where, words)
    for one, other in zip(old.wildcards, new.wildcards, strict=False):
        yield from _wildcard(where, "other elements", one, other, sides)
        occurs = (one.least, one.most), (other.least, other.most)
        yield from occurrence_changes(where, "the place for other elements", *occurs, sides)
    if (old.any_attribute is None) is not (new.any_attribute is None):
        words = f"other attributes are {'now' if new.any_attribute else 'no longer'} allowed"
        yield sides.change(LOOSER if new.any_attribute else STRICTER, where, words)
    elif old.any_attribute is not None and new.any_attribute is not None:
        yield from _wildcard(where, "other attributes", old.any_attribute, new.any_attribute, sides)


def _wildcard(where: str, what: str, old: Wildcard, new: Wildcard, sides: Sides) -> Iterator[Change]:
    if old.namespace != new.namespace:
        before, after = set(old.namespace.split()), set(new.namespace.split())
        effects = BREAKS_BOTH
        if new.namespace == "##any" or (not _special(before | after) and before < after):
            effects = LOOSER
        elif old.namespace == "##any" or (not _special(before | after) and after < before):
            effects = STRICTER
        words = f"{what} are of the namespace {new.namespace or 'none'}, it was {old.namespace or 'none'}"
        yield sides.change(effects, where, words)
    if old.process != new.process:
        order = ("skip", "lax", "strict")
        known = old.process in order and new.process in order
        stricter = known and order.index(new.process) > order.index(old.process)
        effects = BREAKS_BOTH if not known else STRICTER if stricter else LOOSER
        yield sides.change(effects, where, f"{what} are validated: {new.process}, it was {old.process}")


def _special(namespaces: set[str]) -> bool:
    return bool(namespaces & {"##any", "##other"})


# -- groups ------------------------------------------------------------------------------------------------------------
def _reduced(group: Group, names: set[str], named: Callable[[str], str]) -> Group:
    """The group with these elements alone, without groups that change nothing."""
    children: list[str | Group] = []
    for child in group.children:
        if isinstance(child, str):
            if named(child) in names:
                children.append(named(child))
            continue
        inner = _reduced(child, names, named)
        once = (inner.least, inner.most) == _ONCE
        if once and (inner.kind == group.kind or len(inner.children) == 1):
            children += inner.children
        elif inner.children:
            children.append(inner)
    if len(children) == 1 and isinstance(children[0], Group) and (group.least, group.most) == _ONCE:
        return children[0]
    return Group(group.kind, group.least, group.most, tuple(children))


def _walk(group: Group) -> Iterator[Group]:
    yield group
    for child in group.children:
        if isinstance(child, Group):
            yield from _walk(child)


def _alike(one: Group, other: Group) -> bool:
    """True for groups with the same elements in them whose kinds differ by the order alone."""
    ordered = {"sequence", "all"}
    same_kind = one.kind == other.kind or {one.kind, other.kind} == ordered
    return same_kind and set(_leaves(one)) == set(_leaves(other))


def _leaves(group: Group) -> Iterator[str]:
    for child in group.children:
        if isinstance(child, str):
            yield child
        else:
            yield from _leaves(child)


def _named(group: Group) -> str:
    return f"the {group.kind} of {', '.join(readable(name) for name in _leaves(group))}"


def _shape(group: Group) -> str:
    inner = ", ".join(readable(child) if isinstance(child, str) else _shape(child) for child in group.children)
    most = "" if group.most == 1 else f" up to {'any number of' if group.most >= UNBOUNDED else group.most} times"
    return f"{'an optional ' if group.least == 0 else 'a '}{group.kind}{most} ({inner})"
