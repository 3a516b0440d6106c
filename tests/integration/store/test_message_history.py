"""What an operator looks up in the message log, and that it is found without reading all of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, text

from ccms_ws.domain.messages import AnswerKind, StoredAnswer
from ccms_ws.errors import NotStored
from ccms_ws.store.message_history import Traffic, Way, open_traffic
from tests.support.databases import Units
from tests.support.records import NOW, incoming


def keep(units: Units, relates_to: str = "", partner_id: str = "DMV") -> tuple[UUID, UUID]:
    """A message that came in: its id and that of the court's answer."""
    message_id, answer_id = uuid4(), uuid4()
    with units() as uow:
        message = replace(incoming(message_id, partner_id=partner_id), relates_to=relates_to)
        uow.inbox.keep(message, StoredAnswer(AnswerKind.REPLY, answer_id, b"<reply/>", "urn:reply"))
        uow.commit()
    return message_id, answer_id


def outgoing(message_id: UUID) -> Traffic:
    return Traffic(
        way=Way.OUT,
        at=NOW,
        message_id=message_id,
        exchange="DMV907",
        partner_id="DMV",
        root="{urn:q}q",
        outcome="delivered",
    )


def test_a_message_is_found_by_its_id_and_by_that_of_its_answer(units: Units, engine: Engine) -> None:
    message_id, answer_id = keep(units)
    keep(units)
    with open_traffic(engine) as log:
        assert [each.message_id for each in log.find(message_id)] == [message_id]
        assert [each.message_id for each in log.find(answer_id)] == [message_id]
        with pytest.raises(NotStored):
            log.find(uuid4())


def test_two_partners_may_have_used_one_id(units: Units, engine: Engine) -> None:
    message_id = uuid4()
    with units() as uow:
        for partner in ("DMV", "FTB"):
            uow.inbox.keep(incoming(message_id, partner_id=partner))
        uow.commit()
    with open_traffic(engine) as log:
        assert {each.partner_id for each in log.find(message_id)} == {"DMV", "FTB"}


def test_the_answers_to_a_message_are_those_of_its_partner(units: Units, engine: Engine) -> None:
    asked = uuid4()
    first, _ = keep(units, f"urn:uuid:{asked}")
    second, _ = keep(units, str(asked))
    keep(units, f"urn:uuid:{asked}", partner_id="FTB")
    keep(units)
    with open_traffic(engine) as log:
        assert [each.message_id for each in log.answers_to(outgoing(asked))] == [first, second]


def test_answers_are_found_through_the_index(units: Units, engine: Engine) -> None:
    """Of three hundred messages a few answer something."""
    for number in range(300):
        keep(units, f"urn:uuid:{uuid4()}" if number % 30 == 0 else "")
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        asked.append((statement, given))

    event.listen(engine, "before_cursor_execute", note)
    with open_traffic(engine) as log:
        log.answers_to(outgoing(uuid4()))
    statement, given = asked[-1]
    explain = "EXPLAIN QUERY PLAN" if engine.dialect.name == "sqlite" else "EXPLAIN"
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("ANALYZE inbox_message"))
            connection.execute(text("SET LOCAL seq_page_cost = 100"))  # so few rows are read faster without an index
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", given))
    assert "ix_inbox_message_relates_to" in plan
    assert "Seq Scan on inbox_message" not in plan
