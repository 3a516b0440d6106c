from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ccms_ws.simulator.state import Answer, PartnerState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ANSWER = Answer("a-1", "m-1", "DMV907", is_error=False, body=b"<a/>")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def memory(path: Path) -> Iterator[PartnerState]:
    made = PartnerState(path)
    yield made
    made.close()


def test_a_message_is_remembered_with_its_answer_after_a_restart(path: Path, memory: PartnerState) -> None:
    with memory.changes():
        memory.remember("m-1", b"digest", "DMV907", "ACCEPTED", ANSWER)
        memory.set_known("license", present=True)
    memory.close()
    again = PartnerState(path)
    known = again.recall("m-1")
    assert known is not None
    assert (known.digest, known.outcome, known.answer) == (b"digest", "ACCEPTED", ANSWER)
    assert again.knows("license")
    assert again.tally() == [("m-1", "DMV907", "ACCEPTED", 2)]
    again.close()


def test_what_fails_halfway_leaves_nothing(memory: PartnerState) -> None:
    def fail() -> None:
        with memory.changes():
            memory.remember("m-1", b"digest", "DMV907", "ACCEPTED", ANSWER)
            memory.send_later(ANSWER, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert memory.recall("m-1") is None
    assert memory.open_errands() == 0


def test_errands_run_when_due_in_their_order(memory: PartnerState) -> None:
    other = Answer("a-2", "m-2", "DMV907", is_error=True, body=b"<b/>")
    memory.keep(ANSWER)
    memory.keep(other)
    memory.send_later(ANSWER, NOW + timedelta(seconds=2))
    memory.send_later(other, NOW + timedelta(seconds=1), "expired")
    assert memory.next_errand(NOW) is None
    errand = memory.next_errand(NOW + timedelta(seconds=5))
    assert errand is not None
    assert (errand.answer, errand.first_try, errand.attempts) == (other, "expired", 0)
    memory.put_off(errand, NOW + timedelta(seconds=3))
    following = memory.next_errand(NOW + timedelta(seconds=5))
    assert following is not None
    assert following.answer == ANSWER
    memory.finish(following, "taken")
    last = memory.next_errand(NOW + timedelta(seconds=5))
    assert last is not None
    assert (last.answer, last.attempts, memory.open_errands()) == (other, 1, 1)
    memory.finish(last, "taken")
    assert memory.next_errand(NOW + timedelta(days=1)) is None


def test_a_released_hold_is_gone(memory: PartnerState) -> None:
    memory.set_known("license", present=True)
    memory.set_known("license", present=True)
    memory.set_known("license", present=False)
    assert not memory.knows("license")


def test_what_cannot_be_committed_stands_in_the_way_of_nothing_else(memory: PartnerState) -> None:
    connection = memory._connection
    connection.execute("PRAGMA foreign_keys = ON")

    def fail() -> None:
        with memory.changes():
            connection.execute("PRAGMA defer_foreign_keys = ON")
            memory.send_later(ANSWER, NOW)  # nobody keeps that answer: found out at the end, as a full disk may be

    with pytest.raises(sqlite3.IntegrityError):
        fail()
    with memory.changes():
        memory.remember("m-1", b"digest", "DMV907", "ACCEPTED", ANSWER)
    assert memory.recall("m-1") is not None
