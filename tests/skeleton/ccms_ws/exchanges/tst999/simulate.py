"""How a simulated partner answers TST999: it is silent, or cannot process the notice if its script says so."""

from __future__ import annotations

from ccms_ws.exchanges.tst999.wire import Q_CASE, Q_ERROR, Q_NOTICE_ID
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.error_block import ErrorBlock, write_error_block
from ccms_ws.message_parts.metadata import MessageKind, write_metadata
from ccms_ws.simulator.behaviors import Behavior
from ccms_ws.simulator.responder import Decision, Responder, Task
from ccms_ws.simulator.state import PartnerState


class NoticeResponder:
    """Knows every case but those whose number ends in 404."""

    def process(self, task: Task, _memory: PartnerState) -> Decision:
        unknown = xml.text(task.payload, Q_CASE).endswith("404")
        if task.act is Behavior.ACCEPT or not (unknown or task.act is Behavior.ERROR):
            return Decision("accepted")
        message = xml.root(Q_ERROR, "tst999")
        write_metadata(message, task.answer_metadata(MessageKind.ERROR))
        xml.add(message, Q_NOTICE_ID, xml.text(task.payload, Q_NOTICE_ID))
        write_error_block(message, ErrorBlock(code="AccountNotFound", reason="There is no such case.", resend=False))
        return Decision("refused", message, is_error=True)


def responder() -> Responder:
    return NoticeResponder()
