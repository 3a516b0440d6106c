from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from lxml import etree

from ccms_ws.contract import schemas
from ccms_ws.contract.catalog import sample
from ccms_ws.contract.namespaces import EXT, NC, q
from ccms_ws.exchanges.col903.simulate import CollectionsResponder
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from ccms_ws.exchanges.dmv907.simulate import MotorVehiclesResponder
from ccms_ws.exchanges.dmv907.wire import NAMESPACE as DMV907
from ccms_ws.message_parts.metadata import read_metadata
from ccms_ws.simulator.behaviors import Behavior
from ccms_ws.simulator.responder import Decision, Responder, Task
from ccms_ws.simulator.state import PartnerState

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
ANSWER_ID = UUID(int=7)


@pytest.fixture
def memory() -> Iterator[PartnerState]:
    made = PartnerState()
    yield made
    made.close()


def decide(desk: Responder, memory: PartnerState, name: str, act: Behavior = Behavior.NORMAL, **texts: str) -> Decision:
    """The desk's decision on a sample message with some texts changed; what goes back must keep the contract."""
    payload = etree.fromstring(sample(name), etree.XMLParser(remove_blank_text=True))
    for local_name, text in texts.items():
        for element in payload.iter("{*}" + local_name):
            element.text = text
    asked = read_metadata(payload)
    task = Task(payload=payload, metadata=asked, act=act, now=NOW, answer_id=ANSWER_ID)
    decision = desk.process(task, memory)
    if decision.payload is not None:
        schemas.validate(decision.payload)
        answered = read_metadata(decision.payload)
        assert (answered.transaction_id, answered.correlation_id) == (ANSWER_ID, asked.transaction_id)
        assert (answered.sender_id, answered.receiver_id) == (asked.receiver_id, asked.sender_id)
    return decision


def code(decision: Decision) -> str:
    assert decision.payload is not None
    return str(decision.payload.findtext(f".//{q(EXT, 'ErrorCodeText')}"))


# -- COL903 -----------------------------------------------------------------------------------------------------------
def test_a_good_batch_is_met_with_silence(memory: PartnerState) -> None:
    assert decide(CollectionsResponder(), memory, "COL903-batch") == Decision("accepted")


@pytest.mark.parametrize("totals", [{"BatchRecordQuantity": "9"}, {"BatchTotalBalanceAmount": "1420.49"}])
def test_control_totals_are_recomputed(memory: PartnerState, totals: dict[str, str]) -> None:
    decision = decide(CollectionsResponder(), memory, "COL903-batch", Behavior.NORMAL, **totals)
    assert (decision.outcome, decision.is_error, code(decision)) == ("batch refused", True, "ControlTotalMismatch")


def test_items_over_the_limit_are_refused_one_by_one(memory: PartnerState) -> None:
    decision = decide(CollectionsResponder(Decimal("500.00")), memory, "COL903-batch")
    assert decision.payload is not None
    assert decision.outcome == "items refused"
    assert decision.payload.findtext(q(COL903, "BatchRefusedIndicator")) == "false"
    errors = decision.payload.findall(q(COL903, "UpdateError"))
    assert [error.findtext(q(COL903, "UpdateSequenceID")) for error in errors] == ["3"]


def test_a_script_overrules_what_a_batch_says(memory: PartnerState) -> None:
    desk = CollectionsResponder()
    assert decide(desk, memory, "COL903-batch", Behavior.ACCEPT, BatchRecordQuantity="4").payload is None
    assert decide(desk, memory, "COL903-batch", Behavior.ERROR).outcome == "batch refused"
    assert decide(desk, memory, "COL903-batch", Behavior.ITEMS).outcome == "items refused"


# -- DMV907 -----------------------------------------------------------------------------------------------------------
def test_holds_are_kept_on_file_until_released(memory: PartnerState) -> None:
    desk = MotorVehiclesResponder()
    of_hold = {"CaseTrackingID": "TR-1", "IdentificationID": "F5077213"}
    outcomes = [
        decide(desk, memory, name, Behavior.NORMAL, **of_hold).outcome
        for name in ("DMV907-release", "DMV907-hold", "DMV907-hold", "DMV907-release", "DMV907-release")
    ]
    assert outcomes == ["NO-HOLD-ON-FILE", "ACCEPTED", "ALREADY-ON-FILE", "ACCEPTED", "NO-HOLD-ON-FILE"]


def test_a_record_is_opened_for_a_person_without_a_license(memory: PartnerState) -> None:
    desk, numbers = MotorVehiclesResponder(), set()
    for name in ("DMV907-hold", "DMV907-release"):
        payload = etree.fromstring(sample(name), etree.XMLParser(remove_blank_text=True))
        license = next(payload.iter(q(EXT, "DriverLicense")))
        above = license.getparent()
        assert above is not None
        above.remove(license)
        task = Task(payload=payload, metadata=read_metadata(payload), act=Behavior.NORMAL, now=NOW, answer_id=ANSWER_ID)
        decision = desk.process(task, memory)
        assert decision.outcome == "ACCEPTED"
        assert decision.payload is not None
        schemas.validate(decision.payload)
        numbers.add(decision.payload.findtext(f".//{q(EXT, 'DriverLicense')}//{q(NC, 'IdentificationID')}"))
    (number,) = numbers
    assert re.fullmatch("X[0-9]{7}", str(number))


def test_a_license_of_zeros_is_not_on_record(memory: PartnerState) -> None:
    decision = decide(MotorVehiclesResponder(), memory, "DMV907-hold", IdentificationID="F0000000")
    assert (decision.outcome, decision.is_error) == ("LICENSE-NOT-FOUND", False)
    assert decision.payload is not None
    assert decision.payload.findtext(q(DMV907, "MessageCodeText")) == "LICENSE-NOT-FOUND"


def test_a_license_of_nines_cannot_be_processed(memory: PartnerState) -> None:
    decision = decide(MotorVehiclesResponder(), memory, "DMV907-hold", IdentificationID="F9999999")
    assert (decision.is_error, code(decision)) == (True, "RecordUnavailable")


def test_a_script_overrules_what_a_license_says(memory: PartnerState) -> None:
    desk = MotorVehiclesResponder()
    assert decide(desk, memory, "DMV907-hold", Behavior.ERROR).is_error
    assert decide(desk, memory, "DMV907-hold", Behavior.ACCEPT, IdentificationID="F9999999").outcome == "ACCEPTED"
