"""Whatever is done to the records of messages behind the court's back is found, in both directions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, Table, delete, select, text, update

from ccms_ws.domain.messages import (
    AnswerKind,
    Intervention,
    OperatorAction,
    OutboxState,
    QuarantinedAnswer,
    SentEnvelope,
    StoredAnswer,
)
from ccms_ws.store.chain_tables import EntryKind, message_chain, message_chain_entry
from ccms_ws.store.hash_chain import COVERED, Head, heads
from ccms_ws.store.hash_chain_verification import Violation, ViolationKind, snapshot, verify
from ccms_ws.store.message_tables import inbox_message, quarantined_answer
from ccms_ws.store.outbox_tables import (
    delivery_attempt,
    outbox_hold,
    outbox_intervention,
    outbox_message,
)
from ccms_ws.store.unit_of_work import unit_of_work
from tests.support.databases import Units
from tests.support.outbox import add, claim
from tests.support.records import NOW, attempted, incoming, outgoing

ORDER = OperatorAction("m.lee", "the partner is ready again", NOW)
TABLES: dict[EntryKind, Table] = {
    EntryKind.INCOMING: inbox_message,
    EntryKind.QUARANTINED: quarantined_answer,
    EntryKind.OUTGOING: outbox_message,
    EntryKind.ATTEMPT: delivery_attempt,
    EntryKind.INTERVENTION: outbox_intervention,
    EntryKind.HOLD: outbox_hold,
    EntryKind.HOLD_END: outbox_hold,
}
COLUMNS = sorted(
    {(TABLES[kind].name, name) for kind, names in COVERED.items() for name in names if name != "body_digest"}
    | {("outbox_body", "content"), ("outbox_body", "part"), ("outbox_body", "outbox_id")}
    | {("delivery_attempt", "number"), ("outbox_intervention", "after_attempt"), ("outbox_hold", "number")}
    | {(table.name, next(iter(table.c)).name) for table in TABLES.values()}
    | {("message_chain_entry", "entry_hash"), ("message_chain_entry", "row_id"), ("message_chain_entry", "kind")}
    | {("message_chain", "length"), ("message_chain", "head")}
)
"""Every column that the chains protect, and those of the chains themselves."""
ROWS = sorted({*(table.name for table in TABLES.values()), "outbox_body", "message_chain_entry", "message_chain"})


def write(units: Units, count: int) -> None:
    for _ in range(count):
        with units() as uow:
            uow.inbox.keep(incoming(), StoredAnswer(AnswerKind.REPLY, uuid4(), b"<sealed/>", "urn:reply"))
            uow.commit()


@pytest.fixture
def traffic(units: Units) -> Units:
    """At least two records of every kind, in which every column that can say something does."""
    write(units, 2)
    for number in range(2):
        with units() as uow:
            uow.inbox.keep(replace(incoming(), relates_to="urn:uuid:0"))
            uow.inbox.quarantine(QuarantinedAnswer(uuid4(), "DMV", "DMV907", "unknown", NOW))
            uow.commit()
        late = replace(outgoing("a", partner_id="FTB"), further=[b"<more/>"] * 3)
        dead = outgoing(f"{number}", partner_id="DMV")
        add(units, late, dead, replace(outgoing("a", partner_id="DMV"), created_at=NOW + timedelta(days=1)))
        for leased in claim(units, now=timedelta(seconds=1)):
            with units() as uow:
                failed = replace(
                    attempted(leased, "failed", error="fault"),
                    http_status=500,
                    detail="they say no",
                    envelope=SentEnvelope(b"head", b"tail"),
                )
                uow.outbox.settle_failed(leased, failed, None if leased.message.partner_id == "DMV" else NOW)
                uow.commit()
        for leased in claim(units, now=timedelta(seconds=2)):
            with units() as uow:
                uow.outbox.settle_delivered(leased, attempted(leased))
                uow.commit()
        with units() as uow:
            uow.dead_letters.replace(dead.message_id, ORDER, outgoing(f"{number}", partner_id="DMV"))
            uow.commit()
        with units() as uow:
            held = uow.held_messages.first_waiting("DMV", "a")
            uow.held_messages.hold(held, ORDER)
            uow.held_messages.let_go(held, replace(ORDER, operator="r.ortiz"))
            uow.commit()
    return units


def faults(engine: Engine, *written_down: Head) -> list[Violation]:
    with snapshot(engine) as connection:
        return [found for found in verify(connection, written_down) if isinstance(found, Violation)]


def tamper(engine: Engine, *statements: Any) -> None:
    """Run the statements as one who minds no foreign key."""
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        if engine.dialect.name == "sqlite":
            driver.execute("PRAGMA foreign_keys = OFF")
            for (trigger,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                driver.execute(f"DROP TRIGGER {trigger}")
        with connection.begin():
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for statement in statements:
                assert connection.execute(statement).rowcount != 0
        if engine.dialect.name == "sqlite":
            driver.execute("PRAGMA foreign_keys = ON")


def other(value: Any) -> Any:
    """A value of the same kind that says something else."""
    match value:
        case bytes():
            return value[:-1] + bytes([value[-1] ^ 1])
        case UUID():
            return uuid4()
        case datetime():
            return value + timedelta(microseconds=1)
        case Intervention():
            return Intervention.WITHDRAWN
        case AnswerKind() | EntryKind() as code:
            return next(each for each in type(code) if each is not code)
        case int():
            return value + 1000
    return f"{value} "


def table_of(name: str) -> Table:
    return inbox_message.metadata.tables[name]


def test_log_that_was_not_touched_has_no_fault(traffic: Units, engine: Engine) -> None:
    assert faults(engine) == []
    with engine.connect() as connection:
        assert set(connection.execute(select(message_chain_entry.c.kind)).scalars()) == set(EntryKind)
        ends = heads(connection)
        assert sum(head.length for head in ends) == len(connection.execute(select(message_chain_entry)).all())
    assert faults(engine, *ends) == []


@pytest.mark.parametrize(("table_name", "column"), COLUMNS)
def test_a_change_of_any_column_is_found(traffic: Units, engine: Engine, table_name: str, column: str) -> None:
    table, changed = table_of(table_name), table_of(table_name).c[column]
    key = list(table.primary_key.columns)
    with engine.connect() as connection:
        said = select(*key, changed.label("said")).where(changed.is_not(None))
        row = connection.execute(said.order_by(*key).limit(1)).mappings().one()
    where = [column == row[column.name] for column in key]
    value = other(row["said"])
    change = update(table).where(*where).values({column: value})
    if (table_name, column) == ("outbox_intervention", "kind"):
        change = change.values(replaced_by=None)
    if (table_name, column) == ("outbox_hold", "let_go_at"):
        tamper(engine, update(table).where(*where).values(let_go_at=None, let_go_by="", let_go_reason=""))
        assert faults(engine)
        tamper(engine, update(table).where(*where).values(let_go_at=value, let_go_by="r.ortiz", let_go_reason="x"))
        assert faults(engine)
        return
    tamper(engine, change)
    assert faults(engine)


@pytest.mark.parametrize("table_name", ROWS)
@pytest.mark.parametrize("last", [False, True])
def test_a_row_that_was_deleted_is_found(traffic: Units, engine: Engine, table_name: str, last: bool) -> None:
    table = table_of(table_name)
    key = list(table.primary_key.columns)
    order = [column.desc() for column in key] if last and table is not message_chain else key
    with engine.connect() as connection:
        row = connection.execute(select(*key).order_by(*order).limit(1)).mappings().one()
    tamper(engine, delete(table).where(*(column == row[column.name] for column in key)))
    assert faults(engine)


@pytest.mark.parametrize("table_name", [name for name in ROWS if not name.startswith("message_chain")])
def test_a_row_that_was_added_is_found(traffic: Units, engine: Engine, table_name: str) -> None:
    table = table_of(table_name)
    key = list(table.primary_key.columns)
    with engine.connect() as connection:
        row = dict(connection.execute(select(table).order_by(*key).limit(1)).mappings().one())
    row |= {key[-1].name: 1000}
    row |= {name: uuid4() for name in ("message_id",) if name in row}
    row |= {name: 2000 for name in ("replaced_by",) if row.get(name)}
    tamper(engine, table.insert().values(row))
    assert faults(engine)


@pytest.mark.parametrize("table_name", [name for name in ROWS if name != "message_chain"])
def test_a_table_that_was_emptied_is_found(traffic: Units, engine: Engine, table_name: str) -> None:
    tamper(engine, delete(table_of(table_name)))
    assert faults(engine)


def test_rows_that_changed_places_are_found(traffic: Units, engine: Engine) -> None:
    number = message_chain_entry.c.number
    for one, two in ((1, 2), (4, 6)):
        swap = [(one, 999), (two, one), (999, two)]
        tamper(engine, *(update(message_chain_entry).where(number == a).values(number=b) for a, b in swap))
        assert {found.fault for found in faults(engine)} >= {ViolationKind.CHANGED}
        tamper(engine, *(update(message_chain_entry).where(number == a).values(number=b) for a, b in swap))
        assert faults(engine) == []


@pytest.mark.parametrize(
    "values",
    [
        {"state": OutboxState.DELIVERED, "delivered_at": NOW, "due_at": None, "blocked_subjects": 0, "attempts": 1},
        {"delivered_at": NOW + timedelta(days=9)},
        {"state": OutboxState.DEAD, "delivered_at": None, "attempts": 1},
    ],
    ids=["never sent", "at another time", "sent"],
)
def test_a_message_that_was_made_delivered_or_undelivered_is_found(
    traffic: Units, engine: Engine, values: dict[str, Any]
) -> None:
    state = outbox_message.c.state
    which = state == OutboxState.PENDING if values.get("state") is OutboxState.DELIVERED else state == "delivered"
    tamper(engine, update(outbox_message).where(which).values(values))
    assert {found.fault for found in faults(engine)} == {ViolationKind.CONTRADICTED}


@pytest.mark.parametrize(
    ("table", "column"), [("inbox_message", "received_at"), ("inbox_message", "raw"), ("outbox_body", "content")]
)
def test_what_cannot_even_be_read_is_found(traffic: Units, engine: Engine, table: str, column: str) -> None:
    if engine.dialect.name != "sqlite":
        return  # columns hold values of their own type alone
    tamper(engine, text(f"UPDATE {table} SET {column} = 'what?' WHERE rowid = 1"))
    assert ViolationKind.CHANGED in {found.fault for found in faults(engine)}
    assert len(faults(engine)) == 1


def test_the_record_is_named(units: Units, engine: Engine) -> None:
    write(units, 6)
    i = inbox_message.c.inbox_id
    with engine.connect() as connection:
        ids = connection.execute(select(i).order_by(i)).scalars().all()
    tamper(engine, update(inbox_message).where(i == ids[2]).values(raw=b"x"))
    (found,) = faults(engine)
    assert (found, found.what) == (Violation(1, 3, 3, ViolationKind.CHANGED), f"incoming {ids[2]}")
    tamper(engine, delete(inbox_message).where(i == ids[2]))
    assert faults(engine) == [Violation(1, 3, 3, ViolationKind.DELETED)]
    tamper(engine, delete(message_chain_entry).where(message_chain_entry.c.number.in_([3, 4])))
    assert faults(engine) == [Violation(1, 3, 4, ViolationKind.MISSING), Violation(0, 0, 0, ViolationKind.ADDED)]
    tamper(engine, delete(inbox_message).where(i.in_(ids[3:])))
    tamper(engine, delete(message_chain_entry).where(message_chain_entry.c.number > 2))
    assert faults(engine) == [Violation(1, 3, 6, ViolationKind.CUT_OFF)]


def test_whole_chain_computed_again_is_seen_against_a_head_that_was_written_down(units: Units, engine: Engine) -> None:
    write(units, 3)
    with engine.connect() as connection:
        (before,) = heads(connection)
    assert faults(engine, before) == []
    empty = update(message_chain).values(length=0, head=bytes(32))
    tamper(engine, delete(inbox_message), delete(message_chain_entry), empty)
    assert faults(engine) == []
    assert faults(engine, before) == [Violation(1, 3, 3, ViolationKind.CUT_OFF)]
    write(units, 4)
    assert faults(engine) == []
    assert faults(engine, before) == [Violation(1, 3, 3, ViolationKind.REWRITTEN)]


def test_many_writers_leave_no_gap(units: Units, engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(units, 5), range(8)))
    assert faults(engine) == []
    with engine.connect() as connection:
        assert sum(head.length for head in heads(connection)) == 40


def test_what_is_written_meanwhile_is_no_fault(units: Units, engine: Engine) -> None:
    """The chains' ends, their entries and the rows are read as of one moment."""
    write(units, 5)
    with snapshot(engine) as connection:
        found = verify(connection)
        assert next(found) == 5
        write(units, 3)
        assert list(found) == []


def test_what_was_rolled_back_is_no_entry(units: Units, engine: Engine) -> None:
    with units() as uow:
        uow.outbox.add(outgoing("a"))
        uow.rollback()
        uow.outbox.add(outgoing("b"))
        uow.commit()
    with units() as uow:
        uow.outbox.add(outgoing("c"))
    write(units, 1)
    assert faults(engine) == []
    with engine.connect() as connection:
        assert sum(head.length for head in heads(connection)) == 2


def test_commits_behind_are_chained(units: Units, engine: Engine) -> None:
    with units() as uow:
        for _ in range(5):
            uow.outbox.add(outgoing("a"))
            uow.commit_async()
    assert faults(engine) == []
    with engine.connect() as connection:
        assert sum(head.length for head in heads(connection)) == 5


def test_chain_that_another_is_writing_to_is_passed_over(
    engine: Engine, opening: Callable[[str], Engine], database_url: str
) -> None:
    if engine.dialect.name == "sqlite":
        return  # one writer at a time
    units = unit_of_work(opening(database_url))
    with engine.begin() as other_writer:
        other_writer.execute(select(message_chain).where(message_chain.c.chain == 1).with_for_update())
        write(units, 1)
    write(units, 1)
    assert faults(engine) == []
    with engine.connect() as connection:
        assert [(head.chain, head.length) for head in heads(connection)] == [(1, 1), (2, 1)]
