"""A change between two contracts: where, what in words, and whom it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Effect(IntEnum):
    """What a change does to a program that keeps to the old contract."""

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
    """One change; `why` says what happens.

    `effect` is that on a client of the old contract: who calls the operations. `sender` and `receiver` are those on
    who sends and who receives the changed part by the old contract, whichever side that is.
    """

    effect: Effect
    where: str
    what: str
    why: str = ""
    sender: Effect = Effect.NONE
    receiver: Effect = Effect.NONE


BREAKS_BOTH = (Effect.BREAKING, Effect.BREAKING)
STRICTER = (Effect.BREAKING, Effect.COMPATIBLE)
"""Less is allowed than before: what a sender sends by the old contract may be refused."""
LOOSER = (Effect.COMPATIBLE, Effect.BREAKING)
"""More is allowed than before: a receiver by the old contract may get what it does not expect."""
FITS_BOTH = (Effect.COMPATIBLE, Effect.COMPATIBLE)

Effects = tuple[Effect, Effect]
"""On the sender, and on the receiver."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Which ways the changed part travels: a client sends it, gets it, or both."""

    sent: bool
    received: bool

    def change(self, effects: Effects, where: str, what: str, why: str = "") -> Change:
        """The change, with its effect on a client."""
        sender, receiver = effects
        own = max([sender] * self.sent + [receiver] * self.received, default=Effect.NONE)
        return Change(own, where, what, why, sender, receiver)


def worst(changes: Iterable[Change]) -> Effect:
    """The gravest effect of all."""
    return max((change.effect for change in changes), default=Effect.NONE)
