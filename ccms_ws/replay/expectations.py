"""What the court has on file after a step, in the words that a case expects."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ConfigError
from ccms_ws.registry import EXCHANGES, part
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.normalize import Ids


def expected_records(court: ReplayCourt, thing: str, ids: Ids) -> str:
    """The state of "message ID" (an outgoing one), or the newest reason of "quarantine", or what an exchange names.

    The `STATES` of an exchange's part `replay` say how its own records stand: "batch ID". Ids are those of the
    recording. Raises ConfigError for anything else.
    """
    kind, _, recorded = thing.partition(" ")
    with court.application.reading() as uow:
        if kind == "quarantine":
            return next((answer.reason for answer in reversed(uow.inbox.quarantined())), "nothing")
        return _state(kind, ids.now(recorded), uow)


def _state(kind: str, number: str, uow: UnitOfWork) -> str:
    states: dict[str, Callable[[UUID, UnitOfWork], str]] = {"message": _message}
    for exchange in EXCHANGES:
        states |= getattr(part(exchange, "replay"), "STATES", {})
    state = states.get(kind)
    if state is None:
        names = ", ".join(f"{name} ID" for name in sorted(states))
        raise ConfigError(f"what must be on file is named as: {names}, quarantine")
    return state(UUID(number), uow)


def _message(number: UUID, uow: UnitOfWork) -> str:
    return uow.outbox.get(number).state.value


def in_words(*words: str) -> str:
    """A state, and a code if there is one: "rejected: SystemUnavailable"."""
    return ": ".join(filter(None, words))
