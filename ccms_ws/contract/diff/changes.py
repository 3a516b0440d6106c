"""A change between two contracts: where, what in words, and whether it breaks a client of the old one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Effect(IntEnum):
    """What a change does to a client that keeps to the old contract."""

    NONE = 0
    """It need not know of it."""

    COMPATIBLE = 1
    """It goes on working; there is something new to use."""

    BREAKING = 2
    """It sends what is refused, or gets what it does not expect."""

    @property
    def words(self) -> str:
        return ("no effect", "does not break", "breaks")[self]


@dataclass(frozen=True, slots=True)
class Change:
    """One change; `why` says what happens to a client."""

    effect: Effect
    where: str
    what: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sides:
    """Which ways the changed part travels: a client sends it, gets it, or both."""

    sent: bool
    received: bool

    def effect(self, *, if_sent: Effect, if_received: Effect) -> Effect:
        effects = [if_sent] * self.sent + [if_received] * self.received
        return max(effects, default=Effect.NONE)

    def stricter(self) -> Effect:
        """Less is allowed than before: only what a client sends can be refused."""
        return self.effect(if_sent=Effect.BREAKING, if_received=Effect.COMPATIBLE)

    def looser(self) -> Effect:
        """More is allowed than before: only what a client gets can surprise it."""
        return self.effect(if_sent=Effect.COMPATIBLE, if_received=Effect.BREAKING)


def worst(changes: Iterable[Change]) -> Effect:
    """The gravest effect of all."""
    return max((change.effect for change in changes), default=Effect.NONE)
