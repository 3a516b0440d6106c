"""Dead messages hold their subjects until an operator resends, replaces or withdraws them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.messages import AuditEntry, Intervention, OperatorAction, OutboxState, OutgoingMessage
from ccms_ws.errors import MessageNotDead, NotStored, OrderingKeysDiffer, StoreError
from tests.support.databases import Units
from tests.support.outbox import LEASE, add
from tests.support.records import NOW, attempted, outgoing

ORDER = OperatorAction("clerk", "because", NOW)


def claimed(units: Units) -> list[OutgoingMessage]:
    with units() as uow:
        leased = uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=100)
        uow.commit()
    return [one.message for one in leased]


def dead(units: Units, *ordering_keys: str) -> OutgoingMessage:
    """A message with `ordering_keys` that was given up."""
    message = outgoing(*ordering_keys)
    add(units, message)
    with units() as uow:
        (leased,) = uow.outbox.claim(worker="w", now=NOW, lease=LEASE)
        uow.outbox.settle_failed(leased, attempted(leased, "given up", error="fault.client"), None)
        uow.commit()
    return message


def test_dead_message_holds_up_those_behind_it_and_no_others(units: Units) -> None:
    first = dead(units, "a", "b")
    behind, beside = outgoing("b"), outgoing("c")
    add(units, behind, outgoing("b", "a"), beside)
    assert claimed(units) == [beside]
    with units() as uow:
        (entry,) = uow.outbox.list_entries(dead=True)
        assert (entry.message_id, entry.holds_up, entry.ended) == (first.message_id, 2, None)
        assert uow.outbox.get(behind.message_id).holds_up == 0


def test_resent_message_goes_before_those_behind_it_with_all_its_tries(units: Units) -> None:
    first = dead(units, "a")
    add(units, outgoing("a"))
    with units() as uow:
        uow.dead_letters.resend(first.message_id, ORDER)
        uow.commit()
        (leased,) = uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=10)
        assert (leased.message, leased.attempt, leased.tries, leased.trying_since) == (first, 2, 1, NOW)
        assert uow.outbox.notes(first.message_id) == [AuditEntry(Intervention.RESENT, ORDER)]


def test_withdrawn_message_is_never_sent_and_lets_go_of_its_subjects(units: Units, engine: Engine) -> None:
    first = dead(units, "a", "b")
    behind = outgoing("b", "a")
    add(units, behind)
    with units() as uow:
        uow.dead_letters.withdraw(first.message_id, ORDER)
        uow.commit()
    assert claimed(units) == [behind]
    with units() as uow:
        assert uow.outbox.get(first.message_id).ended is Intervention.WITHDRAWN
        assert uow.outbox.list_entries(dead=True) == []
        with pytest.raises(MessageNotDead):
            uow.dead_letters.resend(first.message_id, ORDER)
    with engine.connect() as connection, pytest.raises(StoreError):
        connection.execute(
            text("UPDATE outbox_message SET state = 'pending', due_at = created_at WHERE state = 'dead'")
        )


def test_replacement_takes_the_place_before_those_behind(units: Units) -> None:
    first = dead(units, "a", "b")
    behind = outgoing("b")
    add(units, behind)
    better = replace(first, message_id=uuid4(), body=b"<better></better>")
    with units() as uow:
        uow.dead_letters.replace(first.message_id, ORDER, better)
        uow.commit()
    assert claimed(units) == [better]
    with units() as uow:
        (note,) = uow.outbox.notes(first.message_id)
        assert note == AuditEntry(Intervention.REPLACED, ORDER, better.message_id)
        assert uow.outbox.get(behind.message_id).state is OutboxState.PENDING


@pytest.mark.parametrize(
    "other", [{"ordering_keys": ("a",)}, {"ordering_keys": ("a", "c")}, {"partner_id": "FTB"}], ids=str
)
def test_replacement_is_about_the_same_things(units: Units, other: dict[str, object]) -> None:
    first = dead(units, "a", "b")
    with units() as uow, pytest.raises(OrderingKeysDiffer):
        uow.dead_letters.replace(first.message_id, ORDER, replace(first, message_id=uuid4(), **other))  # type: ignore[arg-type]


def test_only_dead_messages_need_an_operator(units: Units) -> None:
    waiting = outgoing("a")
    add(units, waiting)
    with units() as uow:
        for act in (uow.dead_letters.resend, uow.dead_letters.withdraw):
            with pytest.raises(MessageNotDead):
                act(waiting.message_id, ORDER)
            with pytest.raises(NotStored):
                act(UUID(int=1), ORDER)
