"""The life of a sent message: each event in each state, and which answer belongs to which message."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import product
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from ccms_ws.tracking import Acceptance, AnswerMismatch, Event, PartnerVerdict, State, Tracking, next_state

NOW = datetime(2026, 11, 30, 18, 0, tzinfo=UTC)
ID = UUID("b7c1f0a2-4c0f-4f4f-9a53-0a3f0f9b7d10")
VERDICT = PartnerVerdict(Acceptance.REJECTED, "X-1", "not on file")

CHANGES = {
    (State.QUEUED, Event.DELIVERED): State.DELIVERED,
    (State.QUEUED, Event.GAVE_UP): State.DEAD,
    (State.DELIVERED, Event.TIMED_OUT): State.SILENT,
    (State.DEAD, Event.RESENT): State.QUEUED,
    (State.DEAD, Event.DISCARDED): State.DISCARDED,
    (State.QUEUED, Event.ANSWERED): State.ANSWERED,
    (State.DELIVERED, Event.ANSWERED): State.ANSWERED,
    (State.SILENT, Event.ANSWERED): State.ANSWERED,
    (State.DEAD, Event.ANSWERED): State.ANSWERED,
    (State.DISCARDED, Event.ANSWERED): State.ANSWERED,
}


class Records:
    """One message, in memory. `recorded`: what was stored, in order."""

    def __init__(self, state: State, partner_id: str = "DMV") -> None:
        self.state = state
        self.recorded: list[tuple[State, dict[str, object]]] = []
        self.of = lambda _kind: self
        self.outbox = SimpleNamespace(get=lambda _message_id: SimpleNamespace(partner_id=partner_id))

    def lock_state(self, message_id: UUID) -> State | None:
        return self.state if message_id == ID else None

    def past_due(self, now: datetime) -> Sequence[UUID]:
        return [ID] if now >= NOW else []

    def record(self, message_id: UUID, state: State, **given: Any) -> None:
        assert message_id == ID
        self.state = state
        self.recorded.append((state, given))


TRACKING = Tracking(repository=lambda connection: connection, noun="abstract")


@pytest.mark.parametrize(("state", "event"), list(product(State, Event)))
def test_each_event_has_its_effect_in_some_states_and_none_in_the_others(state: State, event: Event) -> None:
    assert next_state(state, event) is CHANGES.get((state, event))


OPERATIONS: list[tuple[Event, Callable[[Any], None], dict[str, object]]] = [
    (
        Event.DELIVERED,
        lambda uow: TRACKING.delivered(ID, NOW, NOW, uow),
        {"delivered_at": NOW, "answer_due_at": NOW},
    ),
    (Event.GAVE_UP, lambda uow: TRACKING.gave_up(ID, "connect", uow), {"reason": "connect"}),
    (Event.RESENT, lambda uow: TRACKING.resent(ID, uow), {}),
    (Event.DISCARDED, lambda uow: TRACKING.discarded(ID, "typed twice", uow), {"reason": "typed twice"}),
]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("event", "operate", "given"), OPERATIONS, ids=[event for event, *_ in OPERATIONS])
def test_an_operation_records_the_next_state_or_nothing(
    state: State, event: Event, operate: Callable[[Any], None], given: dict[str, object]
) -> None:
    records = Records(state)
    operate(records)
    after = CHANGES.get((state, event))
    assert records.recorded == ([] if after is None else [(after, given)])


def test_an_event_of_an_unknown_message_is_ignored() -> None:
    records = Records(State.QUEUED)
    TRACKING.delivered(uuid4(), NOW, NOW, records)  # type: ignore[arg-type]
    assert records.recorded == []


def test_messages_without_an_answer_in_time_are_silent() -> None:
    records: Any = Records(State.DELIVERED)
    assert TRACKING.timed_out(NOW.replace(hour=17), records) == 0
    assert TRACKING.timed_out(NOW, records) == 1
    assert records.recorded == [(State.SILENT, {})]


@pytest.mark.parametrize("state", [state for state in State if state is not State.ANSWERED])
def test_a_first_answer_counts_in_every_state(state: State) -> None:
    records: Any = Records(state)
    TRACKING.answered(TRACKING.match(ID, str(ID), "DMV", records), VERDICT, records)
    assert records.recorded == [(State.ANSWERED, {"verdict": VERDICT})]


@pytest.mark.parametrize(
    ("message_id", "repeated_id", "partner_id", "reason"),
    [
        (None, str(ID), "DMV", "it answers no abstract of this court"),
        (uuid4(), str(ID), "DMV", "it answers no abstract of this court"),
        (ID, "another", "DMV", "it answers no abstract of this court"),
        (ID, str(ID), "FTB", "the abstract went to another partner"),
        (ID, str(ID), "DMV", "the abstract has its answer already"),
    ],
)
def test_an_answer_that_does_not_fit_is_a_mismatch(
    message_id: UUID | None, repeated_id: str, partner_id: str, reason: str
) -> None:
    records: Any = Records(State.ANSWERED)
    with pytest.raises(AnswerMismatch) as caught:
        TRACKING.match(message_id, repeated_id, partner_id, records)
    assert str(caught.value) == reason
