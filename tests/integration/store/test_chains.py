"""Whatever is done to the message log behind its back is seen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.messages import AnswerKind, StoredAnswer
from ccms_ws.store.chains import Break, Fault, Head, heads, verify
from tests.support.databases import Units
from tests.support.records import incoming


def write(units: Units, count: int) -> None:
    for _ in range(count):
        with units() as uow:
            uow.inbox.keep(incoming(), StoredAnswer(AnswerKind.REPLY, uuid4(), b"<sealed/>", "urn:reply"))
            uow.commit()


def faults(engine: Engine, *written_down: Head) -> list[Break]:
    with engine.connect().execution_options(read_only=True) as connection:
        return [found for found in verify(connection, written_down) if isinstance(found, Break)]


def tamper(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_log_that_nobody_touched_has_no_fault(units: Units, engine: Engine) -> None:
    assert faults(engine) == []
    write(units, 5)
    assert faults(engine) == []
    with engine.connect() as connection:
        assert sum(head.length for head in heads(connection)) == 5


@pytest.mark.parametrize(
    "change",
    [
        "raw = 'x'",
        "answer_raw = 'x'",
        "partner_id = 'SOMEBODY'",
        "answer_error_reason = 'other'",
        "received_at = '2020-01-01 00:00:00.000000'",
        "relates_to = 'urn:uuid:x'",
        "entry_hash = content_digest",
    ],
)
def test_changed_entry_is_seen(units: Units, engine: Engine, change: str) -> None:
    write(units, 5)
    tamper(engine, f"UPDATE inbox_message SET {change} WHERE number = 3")
    found = faults(engine)
    assert found[0] == Break(1, 3, 3, Fault.CHANGED)


def test_missing_entries_are_seen(units: Units, engine: Engine) -> None:
    write(units, 6)
    tamper(engine, "DELETE FROM inbox_message WHERE number IN (3, 4)")
    assert faults(engine) == [Break(1, 3, 4, Fault.MISSING)]


def test_entries_that_changed_places_are_seen(units: Units, engine: Engine) -> None:
    write(units, 5)
    swap = "UPDATE inbox_message SET number = {} WHERE number = {}"
    tamper(engine, swap.format(99, 2), swap.format(2, 4), swap.format(4, 99))
    assert {found.fault for found in faults(engine)} == {Fault.CHANGED}


def test_end_that_was_cut_off_is_seen(units: Units, engine: Engine) -> None:
    write(units, 5)
    tamper(engine, "DELETE FROM inbox_message WHERE number > 3")
    assert faults(engine) == [Break(1, 4, 5, Fault.CUT_OFF)]


def test_whole_chain_computed_anew_is_seen_against_a_head_that_was_written_down(units: Units, engine: Engine) -> None:
    write(units, 3)
    with engine.connect() as connection:
        (before,) = heads(connection)
    assert faults(engine, before) == []
    zeros = "zeroblob(32)" if engine.dialect.name == "sqlite" else "decode(repeat('00', 32), 'hex')"
    tamper(engine, "DELETE FROM inbox_message", f"UPDATE message_chain SET length = 0, head = {zeros}")
    write(units, 4)
    assert faults(engine) == []
    assert faults(engine, before) == [Break(1, 3, 3, Fault.REWRITTEN)]


def test_many_writers_leave_no_gap(units: Units, engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(units, 5), range(8)))
    assert faults(engine) == []
    with engine.connect() as connection:
        assert sum(head.length for head in heads(connection)) == 40


def test_chain_that_another_is_writing_to_is_passed_over(units: Units, engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # one writer at a time
    with units() as one, units() as other:
        one.inbox.keep(incoming())
        other.inbox.keep(replace(incoming(), partner_id="FTB"))
        other.commit()
        one.commit()
    assert faults(engine) == []
    with engine.connect() as connection:
        assert [(head.chain, head.length) for head in heads(connection)] == [(1, 1), (2, 1)]
