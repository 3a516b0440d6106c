"""What changed in the messages: from the elements that the operations carry down to their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ccms_ws.contract.diff.changes import Change, Effect, Sides
from ccms_ws.contract.diff.model import UNBOUNDED, Particle, Type, Types, Values
from ccms_ws.contract.namespaces import XSD
from ccms_ws.contract.qnames import readable

_UPPER = frozenset({"maxLength", "maxInclusive", "maxExclusive", "totalDigits", "fractionDigits"})
_LOWER = frozenset({"minLength", "minInclusive", "minExclusive"})


@dataclass(frozen=True, slots=True)
class Message:
    """An element that both contracts carry, with its type in each, and which way it travels."""

    element: str
    old: str
    new: str
    sides: Sides


@dataclass(slots=True)
class MessageChanges:
    """Compares types; `named_as_before` gives a name of the new contract as the old one spells it."""

    old: Types
    new: Types
    named_as_before: Callable[[str], str]

    def of(self, messages: list[Message]) -> Iterator[Change]:
        """The changes of all messages, each once, for all the ways in which the changed part travels."""
        reached: dict[tuple[str, str], Sides] = {}
        labels: dict[tuple[str, str], str] = {}
        for message in messages:
            self._reach((message.old, message.new), readable(message.element), message.sides, reached, labels)
        for pair, sides in reached.items():
            yield from self._types(labels[pair], self.old.get(pair[0]), self.new.get(pair[1]), sides)

    def _reach(
        self,
        pair: tuple[str, str],
        label: str,
        sides: Sides,
        reached: dict[tuple[str, str], Sides],
        labels: dict[tuple[str, str], str],
    ) -> None:
        before = reached.get(pair, Sides(False, False))
        now = Sides(before.sent or sides.sent, before.received or sides.received)
        if now == before:
            return
        reached[pair] = now
        labels.setdefault(pair, label)
        old = {particle.name: particle for particle in self.old.get(pair[0]).particles}
        for particle in self.new.get(pair[1]).particles:
            name = self.named_as_before(particle.name)
            if name in old and not old[name].type.startswith(f"{{{XSD}}}"):
                self._reach((old[name].type, particle.type), readable(name), sides, reached, labels)

    # -- one type ------------------------------------------------------------------------------------------------------
    def _types(self, where: str, old: Type, new: Type, sides: Sides) -> Iterator[Change]:
        if (old.values is None) is not (new.values is None) and (old.particles or new.particles):
            yield Change(
                Effect.BREAKING, where, "text became elements" if new.values is None else "elements became text"
            )
            return
        yield from self._elements(where, old, new, sides)
        yield from self._attributes(where, old, new, sides)
        if old.values is not None and new.values is not None:
            yield from self._values(where, old.values, new.values, sides)

    def _elements(self, where: str, old: Type, new: Type, sides: Sides) -> Iterator[Change]:
        before = {particle.name: particle for particle in old.particles}
        after = {self.named_as_before(particle.name): particle for particle in new.particles}
        for name, particle in before.items():
            if name not in after:
                lost = Effect.COMPATIBLE if particle.least == 0 or old.wildcard else Effect.BREAKING
                effect = sides.effect(if_sent=Effect.COMPATIBLE if new.wildcard else Effect.BREAKING, if_received=lost)
                yield Change(effect, where, f"{readable(name)} was removed", "a client that sends it is refused")
        for name, particle in after.items():
            if name not in before:
                kind = "required" if particle.least else "optional"
                demanded = Effect.BREAKING if particle.least else Effect.COMPATIBLE
                effect = sides.effect(if_sent=demanded, if_received=Effect.COMPATIBLE)
                yield Change(effect, where, f"{readable(name)} was added ({kind})", "a client does not send it")
            else:
                yield from self._occurrence(where, before[name], particle, sides)
        common = [name for name in before if name in after]
        if common != [name for name in after if name in before]:
            yield Change(Effect.BREAKING, where, "the order of its elements changed", "the schema demands the order")
        if old.wildcard is not new.wildcard:
            effect = sides.looser() if new.wildcard else sides.stricter()
            yield Change(effect, where, f"other elements are {'now' if new.wildcard else 'no longer'} allowed")

    def _occurrence(self, where: str, old: Particle, new: Particle, sides: Sides) -> Iterator[Change]:
        name = readable(old.name)
        if old.alternative is not new.alternative:
            words = "became one of several alternatives" if new.alternative else "is no alternative any more"
            yield Change(Effect.BREAKING, where, f"{name} {words}")
            return
        if old.least != new.least:
            effect = sides.stricter() if new.least > old.least else sides.looser()
            words = (
                "became required"
                if not old.least
                else "became optional"
                if not new.least
                else f"occurs at least {new.least} times"
            )
            yield Change(effect, where, f"{name} {words}")
        if old.most != new.most:
            effect = sides.looser() if new.most > old.most else sides.stricter()
            count = "without limit" if new.most >= UNBOUNDED else f"at most {new.most} times"
            yield Change(effect, where, f"{name} may occur {count}")
        if old.type != new.type and (old.type.startswith(f"{{{XSD}}}") or new.type.startswith(f"{{{XSD}}}")):
            yield from self._types(name, self.old.get(old.type), self.new.get(new.type), sides)

    def _attributes(self, where: str, old: Type, new: Type, sides: Sides) -> Iterator[Change]:
        before = {attribute.name: attribute for attribute in old.attributes}
        after = {self.named_as_before(attribute.name): attribute for attribute in new.attributes}
        for name in before.keys() - after.keys():
            yield Change(sides.stricter(), where, f"the attribute {readable(name)} was removed")
        for name, attribute in after.items():
            if name not in before:
                effect = sides.stricter() if attribute.required else Effect.COMPATIBLE
                kind = "required" if attribute.required else "optional"
                yield Change(effect, where, f"the attribute {readable(name)} was added ({kind})")
                continue
            if attribute.required is not before[name].required:
                effect = sides.stricter() if attribute.required else sides.looser()
                words = "required" if attribute.required else "optional"
                yield Change(effect, where, f"the attribute {readable(name)} became {words}")
            yield from self._types(
                f"{where}/@{readable(name)}", self.old.get(before[name].type), self.new.get(attribute.type), sides
            )

    def _values(self, where: str, old: Values, new: Values, sides: Sides) -> Iterator[Change]:
        if self.named_as_before(new.base) != old.base:
            yield Change(Effect.BREAKING, where, f"its values are {readable(new.base)}, they were {readable(old.base)}")
            return
        if old.enumeration != new.enumeration:
            yield from _enumeration(where, old.enumeration, new.enumeration, sides)
        if old.patterns != new.patterns:
            if not new.patterns or not old.patterns:
                effect = sides.stricter() if new.patterns else sides.looser()
                yield Change(effect, where, f"its pattern was {'added' if new.patterns else 'removed'}")
            else:
                yield Change(Effect.BREAKING, where, f"its pattern is {new.patterns[-1]}, it was {old.patterns[-1]}")
        for bound in sorted(old.bounds.keys() | new.bounds.keys()):
            was, now = old.bounds.get(bound), new.bounds.get(bound)
            if was != now:
                effect = _bound_effect(bound, was, now, sides)
                yield Change(effect, where, f"its {bound} is {now or 'gone'}, it was {was or 'not given'}")


def _enumeration(where: str, old: frozenset[str] | None, new: frozenset[str] | None, sides: Sides) -> Iterator[Change]:
    if old is None or new is None:
        closed = new is not None
        yield Change(
            sides.stricter() if closed else sides.looser(),
            where,
            f"its list of codes was {'closed' if closed else 'opened'}",
        )
        return
    for code in sorted(old - new):
        yield Change(sides.stricter(), where, f"the code {code} was removed")
    for code in sorted(new - old):
        yield Change(sides.looser(), where, f"the code {code} was added")


def _bound_effect(bound: str, was: str | None, now: str | None, sides: Sides) -> Effect:
    if was is None or now is None:
        return sides.stricter() if was is None else sides.looser()
    try:
        grew = float(now) > float(was)
    except ValueError:
        return Effect.BREAKING
    if bound in _UPPER:
        return sides.looser() if grew else sides.stricter()
    if bound in _LOWER:
        return sides.stricter() if grew else sides.looser()
    return Effect.BREAKING
