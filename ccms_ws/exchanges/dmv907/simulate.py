"""How a simulated motor vehicle department answers DMV907: it keeps holds on file, and sends message codes.

Which licenses it does not know follows from their numbers, so that a test can choose: digits all zero: no such record;
digits all nine: the record cannot be processed, which is an error message.
"""

from __future__ import annotations

from typing import Final
from zlib import crc32

from ccms_ws.contract.codes import code_list
from ccms_ws.domain.courts import DriverLicense
from ccms_ws.exchanges.dmv907.wire import (
    Q_ABSTRACT_ID,
    Q_CASE,
    Q_ERROR,
    Q_HOLD,
    Q_MESSAGE_CODE,
    Q_MESSAGE_TEXT,
    Q_PROCESSED,
    Q_RESPONSE,
    Q_SUBJECT,
)
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.error_block import ErrorBlock, write_error_block
from ccms_ws.message_parts.metadata import MessageKind, write_metadata
from ccms_ws.message_parts.people import read_license, read_participant_id, write_license
from ccms_ws.simulator.behaviors import Behavior
from ccms_ws.simulator.responder import Decision, Responder, Task
from ccms_ws.simulator.state import PartnerState

ACCEPTED: Final = "ACCEPTED"
NOT_FOUND: Final = "LICENSE-NOT-FOUND"
ON_FILE: Final = "ALREADY-ON-FILE"
NO_HOLD: Final = "NO-HOLD-ON-FILE"


class MotorVehiclesResponder:
    """Places and releases holds."""

    def process(self, task: Task, memory: PartnerState) -> Decision:
        license = read_license(xml.child(task.payload, Q_SUBJECT))
        if license is None:
            license = _record_of(read_participant_id(xml.child(task.payload, Q_SUBJECT)))
        digits = set(filter(str.isdigit, license.number))
        if task.act is Behavior.ERROR or (digits == {"9"} and task.act is not Behavior.ACCEPT):
            reason = "The record of this license cannot be processed."
            return self._fail(task, ErrorBlock(code="RecordUnavailable", reason=reason, resend=False))
        if digits == {"0"} and task.act is not Behavior.ACCEPT:
            return self._respond(task, license, NOT_FOUND)
        return self._respond(task, license, self._file(task, license, memory))

    def _file(self, task: Task, license: DriverLicense, memory: PartnerState) -> str:
        case = xml.text(task.payload, Q_CASE)
        subject = f"{task.metadata.court_ori}/{case}/{license.jurisdiction}/{license.number}"
        is_hold = task.payload.find(Q_HOLD) is not None
        if memory.knows(subject) is is_hold and task.act is not Behavior.ACCEPT:
            return ON_FILE if is_hold else NO_HOLD
        memory.set_known(subject, is_hold)
        return ACCEPTED

    def _respond(self, task: Task, license: DriverLicense, code: str) -> Decision:
        message = xml.root(Q_RESPONSE, "dmv907")
        write_metadata(message, task.answer_metadata(MessageKind.RESPONSE))
        xml.add(message, Q_ABSTRACT_ID, xml.text(task.payload, Q_ABSTRACT_ID))
        write_license(message, license)
        xml.add(message, Q_CASE, xml.text(task.payload, Q_CASE))
        xml.add(message, Q_MESSAGE_CODE, code)
        xml.add(message, Q_MESSAGE_TEXT, code_list("dmv907-message-codes")[code].text)
        xml.add_date(message, Q_PROCESSED, task.now.date())
        return Decision(code, message)

    def _fail(self, task: Task, problem: ErrorBlock) -> Decision:
        message = xml.root(Q_ERROR, "dmv907")
        write_metadata(message, task.answer_metadata(MessageKind.ERROR))
        xml.add(message, Q_ABSTRACT_ID, xml.text(task.payload, Q_ABSTRACT_ID))
        write_error_block(message, problem)
        return Decision(problem.code, message, is_error=True)


def _record_of(participant_id: str) -> DriverLicense:
    """The number of the record that DMV opens for a person without a license."""
    return DriverLicense(f"X{crc32(participant_id.encode()) % 9_999_998 + 1:07}")


def responder() -> Responder:
    return MotorVehiclesResponder()
