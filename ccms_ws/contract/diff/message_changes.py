"""What changed in the messages: from the elements that the operations carry down to their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from ccms_ws.contract.diff.changes import (
    BREAKS_BOTH,
    FITS_BOTH,
    LOOSER,
    STRICTER,
    Change,
    Effect,
    Effects,
    Sides,
)
from ccms_ws.contract.diff.content_changes import group_changes, occurrence_changes, wildcard_changes
from ccms_ws.contract.diff.model import Declaration, Particle, Type
from ccms_ws.contract.diff.schema_reader import Types
from ccms_ws.contract.diff.value_changes import value_changes
from ccms_ws.contract.namespaces import XSD
from ccms_ws.contract.qnames import readable
from ccms_ws.contract.schema_set import Key

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """An element or type that both contracts carry, with its type in each, and which way it travels.

    `new_element` is its name in the new contract.
    """

    element: str
    new_element: str
    old: str
    new: str
    sides: Sides


@dataclass(slots=True)
class MessageChanges:
    """Compares types; `named_as_before` gives a name of the new contract as the old one spells it.

    After `of`, `reached` are the components of the old contract that messages are made of, and `explained` those whose
    changes were reported.
    """

    old: Types
    new: Types
    named_as_before: Callable[[str], str]
    reached: set[Key] = field(default_factory=set)
    explained: set[Key] = field(default_factory=set)

    def of(self, messages: list[Message]) -> Iterator[Change]:
        """The changes of all messages, each once, for all the ways in which the changed part travels."""
        reached: dict[Pair, Sides] = {}
        labels: dict[Pair, str] = {}
        for message in messages:
            self._reach((message.old, message.new), readable(message.element), message.sides, reached, labels)
            yield from self._root(message, reached, labels)
        for pair, sides in reached.items():
            found = list(self._types(labels[pair], self.old.get(pair[0]), self.new.get(pair[1]), sides))
            self._note(pair, bool(found))
            yield from found

    def _note(self, pair: Pair, changed: bool) -> None:
        sources = set(self.old.sources[pair[0]])
        sources |= {(kind, self.named_as_before(name)) for kind, name in self.new.sources[pair[1]]}
        self.reached |= sources
        if changed:
            self.explained |= sources

    def _root(self, message: Message, reached: dict[Pair, Sides], labels: dict[Pair, str]) -> Iterator[Change]:
        """The changes of a message's own declaration."""
        name = message.element
        if ("element", name) not in self.old.set.components:
            return
        self.reached.add(("element", name))
        before, after = self.old.declaration(name), self.new.declaration(message.new_element)
        found = list(self._declarations(readable(name), readable(name), before, after, message.sides))
        if found:
            self.explained.add(("element", name))
        self._reach_members(name, (before, after), message.sides, reached, labels)
        yield from found

    def _reach(self, pair: Pair, label: str, sides: Sides, reached: dict[Pair, Sides], labels: dict[Pair, str]) -> None:
        before = reached.get(pair, Sides(False, False))
        now = Sides(before.sent or sides.sent, before.received or sides.received)
        if now == before:
            return
        reached[pair] = now
        labels.setdefault(pair, label)
        old = {particle.name: particle for particle in self.old.get(pair[0]).particles}
        for particle in self.new.get(pair[1]).particles:
            name = self.named_as_before(particle.name)
            if name not in old:
                continue
            self._reach_members(name, (old[name].declaration, particle.declaration), sides, reached, labels)
            if not old[name].type.startswith(f"{{{XSD}}}"):
                self._reach((old[name].type, particle.type), readable(name), sides, reached, labels)

    def _reach_members(
        self,
        own: str,
        declarations: tuple[Declaration, Declaration],
        sides: Sides,
        reached: dict[Pair, Sides],
        labels: dict[Pair, str],
    ) -> None:
        """The elements that may stand in the place of the element `own`."""
        old, new = declarations
        after = {self.named_as_before(name): name for name in new.accepts}
        for name in (old.accepts & after.keys()) - {own}:
            before, now = self.old.element_type(name), self.new.element_type(after[name])
            if before is not None and now is not None:
                self.reached.add(("element", name))
                self._reach((before, now), readable(name), sides, reached, labels)

    # -- one type ------------------------------------------------------------------------------------------------------
    def _types(self, where: str, old: Type, new: Type, sides: Sides) -> Iterator[Change]:
        if (old.values is None) is not (new.values is None) and (old.particles or new.particles):
            words = "text became elements" if new.values is None else "elements became text"
            yield sides.change(BREAKS_BOTH, where, words)
            return
        yield from self._elements(where, old, new, sides)
        yield from group_changes(where, old, new, sides, self.named_as_before)
        yield from wildcard_changes(where, old, new, sides)
        yield from self._attributes(where, old, new, sides)
        if old.mixed is not new.mixed:
            words = f"text between its elements is {'now' if new.mixed else 'no longer'} allowed"
            yield sides.change(LOOSER if new.mixed else STRICTER, where, words)
        if old.abstract is not new.abstract:
            words = "became abstract: xsi:type has to name another one" if new.abstract else "is no longer abstract"
            yield sides.change(STRICTER if new.abstract else LOOSER, where, f"its type {words}")
        yield from _blocks(where, "its type", old.block, new.block, sides)
        if old.values is not None and new.values is not None:
            yield from value_changes(where, old.values, new.values, sides, self.named_as_before)
        elif (old.values is None) is not (new.values is None):
            words = "text is no longer allowed" if new.values is None else "it has text now"
            yield sides.change(BREAKS_BOTH, where, words)

    def _elements(self, where: str, old: Type, new: Type, sides: Sides) -> Iterator[Change]:
        before = {particle.name: particle for particle in old.particles}
        after = {self.named_as_before(particle.name): particle for particle in new.particles}
        gone, come = before.keys() - after.keys(), after.keys() - before.keys()
        moved = {_local(name) for name in gone} & {_local(name) for name in come}
        for name in sorted(moved):
            to = next(each for each in after if _local(each) == name and each not in before)
            namespace = to[1:].partition("}")[0]
            words = f"{name} is now {f'in the namespace {namespace}' if namespace else 'in no namespace'}"
            yield sides.change(BREAKS_BOTH, where, words, "its qualified name is another one")
        for name, particle in before.items():
            if name not in after and _local(name) not in moved:
                admitted = any(each.admits(particle.name) for each in new.wildcards)
                lost = Effect.COMPATIBLE if particle.least == 0 else Effect.BREAKING
                effects = Effect.COMPATIBLE if admitted else Effect.BREAKING, lost
                yield sides.change(effects, where, f"{readable(name)} was removed", "who sends it is refused")
        for name, particle in after.items():
            if name in before:
                yield from self._particle(where, before[name], particle, sides)
            elif _local(name) not in moved:
                kind = "required" if particle.least else "optional"
                effects = STRICTER if particle.least else FITS_BOTH
                yield sides.change(
                    effects,
                    where,
                    f"{readable(name)} was added ({kind})",
                    "who keeps to the old contract does not send it",
                )
        common = [name for name in before if name in after]
        if common != [name for name in after if name in before] and {each.kind for each in old.groups} != {"all"}:
            yield sides.change(BREAKS_BOTH, where, "the order of its elements changed", "the schema demands the order")

    def _particle(self, where: str, old: Particle, new: Particle, sides: Sides) -> Iterator[Change]:
        name = readable(old.name)
        if old.alternative is not new.alternative:
            words = "became one of several alternatives" if new.alternative else "is no alternative any more"
            yield sides.change(BREAKS_BOTH, where, f"{name} {words}")
            return
        least = (old.inner, new.inner) if old.alternative else (old.least, new.least)
        what = f"{name}, where it is chosen," if old.alternative and least[0] != least[1] else name
        yield from occurrence_changes(where, what, (least[0], old.most), (least[1], new.most), sides)
        yield from self._declarations(where, name, old.declaration, new.declaration, sides)
        if old.type != new.type and (old.type.startswith(f"{{{XSD}}}") or new.type.startswith(f"{{{XSD}}}")):
            yield from self._types(name, self.old.get(old.type), self.new.get(new.type), sides)

    def _declarations(
        self, where: str, name: str, old: Declaration, new: Declaration, sides: Sides
    ) -> Iterator[Change]:
        if old.nillable is not new.nillable:
            words = f"{name} may {'now' if new.nillable else 'no longer'} be nil (xsi:nil)"
            yield sides.change(LOOSER if new.nillable else STRICTER, where, words)
        yield from _preset(where, name, (old.default, old.fixed), (new.default, new.fixed), sides)
        accepts = {self.named_as_before(each) for each in new.accepts}
        for other in sorted(old.accepts - accepts) if len(old.accepts | accepts) > 1 or not accepts else ():
            yield sides.change(
                STRICTER, where, f"{readable(other)} may no longer stand for {name}", "substitution group"
            )
        for other in sorted(accepts - old.accepts) if len(old.accepts | accepts) > 1 or not old.accepts else ():
            yield sides.change(LOOSER, where, f"{readable(other)} may now stand for {name}", "substitution group")
        yield from _blocks(where, name, old.block, new.block, sides)
        for key in sorted(old.constraints.keys() | new.constraints.keys()):
            was, now = old.constraints.get(key), new.constraints.get(key)
            if was == now:
                continue
            words = f"{name}: the constraint {key} is {now or 'gone'}, it was {was or 'not there'}"
            effects = STRICTER if was is None else LOOSER if now is None else BREAKS_BOTH
            yield sides.change(effects, where, words, "values have to be unique, or to be found")

    def _attributes(self, where: str, old: Type, new: Type, sides: Sides) -> Iterator[Change]:
        before = {attribute.name: attribute for attribute in old.attributes}
        after = {self.named_as_before(attribute.name): attribute for attribute in new.attributes}
        for name in sorted(before.keys() - after.keys()):
            effects: Effects = BREAKS_BOTH if before[name].required else STRICTER
            yield sides.change(effects, where, f"the attribute {readable(name)} was removed")
        for name, attribute in after.items():
            if name not in before:
                kind = "required" if attribute.required else "optional"
                effects = STRICTER if attribute.required else FITS_BOTH
                yield sides.change(effects, where, f"the attribute {readable(name)} was added ({kind})")
                continue
            was = before[name]
            if attribute.required is not was.required:
                words = f"the attribute {readable(name)} became {'required' if attribute.required else 'optional'}"
                yield sides.change(STRICTER if attribute.required else LOOSER, where, words)
            preset = (was.default, was.fixed), (attribute.default, attribute.fixed)
            yield from _preset(where, f"the attribute {readable(name)}", *preset, sides)
            pair = (was.type, attribute.type)
            found = list(self._types(f"{where}/@{readable(name)}", self.old.get(pair[0]), self.new.get(pair[1]), sides))
            self._note(pair, bool(found))
            yield from found


def _preset(
    where: str, what: str, old: tuple[str | None, str | None], new: tuple[str | None, str | None], sides: Sides
) -> Iterator[Change]:
    """The changes of a default and of a fixed value."""
    why = "a value that is left out means something else"
    if old[0] != new[0]:
        words = f"{what}: its default is {_value(new[0])}, it was {_value(old[0])}"
        yield sides.change(BREAKS_BOTH, where, words, why)
    if old[1] != new[1]:
        effects = STRICTER if old[1] is None else LOOSER if new[1] is None else BREAKS_BOTH
        words = f"{what}: its fixed value is {_value(new[1])}, it was {_value(old[1])}"
        yield sides.change(effects, where, words, "no other value is allowed" if new[1] is not None else why)


def _value(value: str | None) -> str:
    return "none" if value is None else f'"{value}"'


def _blocks(where: str, what: str, old: frozenset[str], new: frozenset[str], sides: Sides) -> Iterator[Change]:
    for kind in sorted(new - old):
        yield sides.change(STRICTER, where, f"{what} no longer allows a derived one in its place ({kind})")
    for kind in sorted(old - new):
        yield sides.change(LOOSER, where, f"{what} now allows a derived one in its place ({kind})")


def _local(name: str) -> str:
    return name.rpartition("}")[2]
