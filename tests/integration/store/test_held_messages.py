"""An operator holds a message back before it is sent: it and those behind it wait, all others go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.messages import Hold, OperatorAction, OutboxState, OutgoingMessage
from ccms_ws.errors import MessageNotWaiting, NotStored, StoreError
from tests.support.databases import Units
from tests.support.outbox import LEASE, add
from tests.support.records import NOW, attempted, outgoing

ORDER = OperatorAction("clerk", "the judge looks at it again", NOW)
LATER = OperatorAction("deputy", "it is right", NOW + timedelta(hours=1))


def deliver(units: Units) -> list[OutgoingMessage]:
    """Send all that may go, and say what went."""
    sent = []
    with units() as uow:
        while leased := uow.outbox.claim(worker="w", now=NOW, lease=LEASE, limit=100):
            for one in leased:
                uow.outbox.settle_delivered(one, attempted(one))
            sent += [one.message for one in leased]
        uow.commit()
    return sent


def hold(units: Units, message: OutgoingMessage, order: OperatorAction = ORDER) -> None:
    with units() as uow:
        uow.held_messages.hold(message.message_id, order)
        uow.commit()


def let_go(units: Units, message: OutgoingMessage, order: OperatorAction = LATER) -> None:
    with units() as uow:
        uow.held_messages.let_go(message.message_id, order)
        uow.commit()


def test_held_message_and_those_behind_it_wait_and_others_go_on(units: Units) -> None:
    before, held, behind, beside = outgoing("a"), outgoing("a", "b"), outgoing("b"), outgoing("c")
    add(units, before, held, behind, beside)
    hold(units, held)
    assert deliver(units) == [before, beside]
    with units() as uow:
        (entry,) = uow.outbox.list_entries(held=True)
        assert (entry.message_id, entry.state, entry.held, entry.holds_up) == (
            held.message_id,
            OutboxState.PENDING,
            True,
            1,
        )
        assert not uow.outbox.idle()
    let_go(units, held)
    assert deliver(units) == [held, behind]
    with units() as uow:
        assert uow.outbox.idle()
        assert uow.outbox.list_entries(held=True) == []


def test_message_that_is_added_to_a_held_subject_waits_as_well(units: Units) -> None:
    held, later = outgoing("a"), outgoing("a")
    add(units, held)
    hold(units, held)
    add(units, later)
    assert deliver(units) == []
    let_go(units, held)
    assert deliver(units) == [held, later]


def test_message_is_held_and_let_go_as_often_as_need_be_and_each_time_is_kept(units: Units) -> None:
    message = outgoing("a")
    add(units, message)
    for _ in range(2):
        hold(units, message)
        let_go(units, message)
    hold(units, message)
    with units() as uow:
        assert uow.held_messages.history(message.message_id) == [Hold(ORDER, LATER), Hold(ORDER, LATER), Hold(ORDER)]


def test_only_what_waits_is_held_and_only_what_is_held_is_let_go(units: Units) -> None:
    sent, sending, held = outgoing("a"), outgoing("b"), outgoing("c")
    add(units, sent)
    deliver(units)
    add(units, sending)
    with units() as uow:
        uow.outbox.claim(worker="w", now=NOW, lease=LEASE)
        uow.commit()
    add(units, held)
    hold(units, held)
    for message, why in ((sent, "delivered"), (sending, "sending"), (held, "is held")):
        with pytest.raises(MessageNotWaiting, match=why):
            hold(units, message)
    for message in (sent, sending):
        with pytest.raises(MessageNotWaiting):
            let_go(units, message)
    with pytest.raises(NotStored):
        hold(units, outgoing("d"))
    let_go(units, held)
    with pytest.raises(MessageNotWaiting, match="not held"):
        let_go(units, held)
    assert deliver(units) == [held]


def test_database_lets_nobody_send_a_held_message(units: Units, engine: Engine) -> None:
    message = outgoing("a")
    add(units, message)
    hold(units, message)
    claim = "UPDATE outbox_message SET state = 'sending', worker = 'w', claimed_at = created_at, attempts = 1"
    with engine.connect() as connection, pytest.raises(StoreError):
        connection.execute(text(claim))


def test_first_message_of_a_subject_that_waits_is_found(units: Units) -> None:
    under_way, first, second = outgoing("a"), outgoing("a"), outgoing("a")
    add(units, under_way)
    with units() as uow:
        uow.outbox.claim(worker="w", now=NOW, lease=LEASE)
        uow.commit()
    add(units, first, second)
    with units() as uow:
        assert uow.held_messages.first_waiting("DMV", "a") == first.message_id
        with pytest.raises(NotStored):
            uow.held_messages.first_waiting("DMV", "b")
        with pytest.raises(NotStored):
            uow.held_messages.first_waiting("FTB", "a")
