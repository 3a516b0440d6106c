"""Answered questions are kept in groups: none is lost, none waits for more than it must, none fails with another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select

from ccms_ws.domain.messages import AnswerKind, IncomingMessage, StoredAnswer
from ccms_ws.errors import ConcurrentChange, StoreError, StoreUnavailable
from ccms_ws.store.hash_chain_verification import verify
from ccms_ws.store.message_log import GroupCommitLog
from ccms_ws.store.message_tables import inbox_message
from ccms_ws.store.unit_of_work import SqlUnitOfWork, unit_of_work
from tests.support.records import incoming

ANSWER = StoredAnswer(AnswerKind.REPLY, uuid4(), b"<reply/>", "urn:reply")


class Gate:
    """Units of work of which the first waits until it is told to go on, so that others gather behind it."""

    def __init__(self, engine: Engine) -> None:
        self._units = unit_of_work(engine)
        self.made = 0
        self.first_is_there, self.go_on = threading.Event(), threading.Event()

    def __call__(self) -> SqlUnitOfWork:
        self.made += 1
        if self.made == 1:
            self.first_is_there.set()
            assert self.go_on.wait(5)
        return self._units()


def keep_behind_another(gate: Gate, messages: list[IncomingMessage]) -> list[BaseException | None]:
    """Keep one message, and the others while it is being written; what came of each of the others."""
    log = GroupCommitLog(gate)
    with ThreadPoolExecutor(len(messages) + 1) as pool:
        first = pool.submit(log.keep, incoming(), ANSWER)
        assert gate.first_is_there.wait(5)
        others = [pool.submit(log.keep, message, ANSWER) for message in messages]
        while len(log._waiting) < len(messages):
            threading.Event().wait(0.005)
        gate.go_on.set()
        assert first.exception(5) is None
        return [other.exception(5) for other in others]


def kept(engine: Engine) -> int:
    with engine.connect() as connection:
        assert [found for found in verify(connection) if not isinstance(found, int)] == []
        return connection.scalar(select(func.count()).select_from(inbox_message)) or 0


def test_those_who_come_while_another_writes_are_written_together(engine: Engine) -> None:
    gate = Gate(engine)
    assert keep_behind_another(gate, [incoming() for _ in range(6)]) == [None] * 6
    assert (gate.made, kept(engine)) == (2, 7)


def test_what_is_kept_is_known_when_keep_returns(engine: Engine) -> None:
    log, message = GroupCommitLog(unit_of_work(engine)), incoming()
    log.keep(message, ANSWER)
    with unit_of_work(engine)() as uow:
        assert uow.inbox.find_answer(message) == ANSWER


def test_of_the_same_message_twice_in_a_group_one_is_kept(engine: Engine) -> None:
    message = incoming()
    errors = keep_behind_another(Gate(engine), [message, incoming(), message])
    assert [type(error) for error in errors if error] == [ConcurrentChange]
    assert kept(engine) == 3


def test_what_cannot_be_stored_fails_alone(engine: Engine) -> None:
    bad = replace(incoming(), content_digest=b"short")
    errors = keep_behind_another(Gate(engine), [incoming(), bad, incoming()])
    assert [type(error) for error in errors] == [type(None), StoreError, type(None)]
    assert kept(engine) == 3


def test_when_the_database_is_away_each_hears_it_once_and_nothing_is_kept(engine: Engine) -> None:
    class Away(Gate):
        def __call__(self) -> SqlUnitOfWork:
            unit = super().__call__()
            if self.made > 1:
                raise StoreUnavailable("away")
            return unit

    gate = Away(engine)
    errors = keep_behind_another(gate, [incoming() for _ in range(3)])
    assert [type(error) for error in errors] == [StoreUnavailable] * 3
    assert len({id(error) for error in errors}) == 3
    assert (gate.made, kept(engine)) == (2, 1)


def test_after_a_defect_the_next_one_is_written(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    log = GroupCommitLog(unit_of_work(engine))
    with monkeypatch.context() as patch:
        patch.setattr(SqlUnitOfWork, "commit", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            log.keep(incoming(), ANSWER)
    log.keep(incoming(), ANSWER)
    assert kept(engine) == 1


def test_under_a_storm_every_entry_is_kept_once_and_chained(engine: Engine) -> None:
    log, messages = GroupCommitLog(unit_of_work(engine)), [incoming() for _ in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda message: log.keep(message, ANSWER), messages))
    assert kept(engine) == 200
