"""What the court has on file after a step, in the words that a case expects."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.errors import ConfigError
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.replay.court import ReplayCourt
from ccms_ws.replay.normalize import Ids


def expected_records(court: ReplayCourt, thing: str, ids: Ids) -> str:
    """The state of "batch ID", "abstract ID" or "message ID" (an outgoing one), or the newest reason of "quarantine".

    Ids are those of the recording. Raises ConfigError for anything else.
    """
    kind, _, recorded = thing.partition(" ")
    with court.application.reading() as uow:
        if kind == "quarantine":
            return next((answer.reason for answer in reversed(uow.inbox.quarantined())), "nothing")
        return _state(kind, ids.now(recorded), uow)


def _state(kind: str, number: str, uow: UnitOfWork) -> str:
    state = _STATES.get(kind)
    if state is None:
        raise ConfigError("what must be on file is named as: batch ID, abstract ID, message ID, quarantine")
    return state(UUID(number), uow)


def _batch(number: UUID, uow: UnitOfWork) -> str:
    batch = uow.of(Batches).find_batch(number)
    return "nothing" if batch is None else _words(batch.state, batch.error_code)


def _abstract(number: UUID, uow: UnitOfWork) -> str:
    abstract = uow.of(Abstracts).find(number)
    return "nothing" if abstract is None else _words(abstract.state, abstract.answer_code)


def _message(number: UUID, uow: UnitOfWork) -> str:
    return uow.outbox.get(number).state.value


_STATES: Final = {"batch": _batch, "abstract": _abstract, "message": _message}


def _words(*words: str) -> str:
    return ": ".join(filter(None, words))
