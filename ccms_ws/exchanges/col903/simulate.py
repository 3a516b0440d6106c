"""How a simulated collecting partner answers COL903: a good batch with silence, a bad one with an error message."""

from __future__ import annotations

from decimal import Decimal

from lxml.etree import _Element

from ccms_ws.exchanges.col903.wire import (
    Q_BATCH_ID,
    Q_CASE,
    Q_COUNT,
    Q_CURRENT,
    Q_ERROR,
    Q_REFUSED,
    Q_SEQUENCE,
    Q_TOTAL,
    Q_UPDATE,
    Q_UPDATE_ERROR,
)
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.error_block import ErrorBlock, write_error_block
from ccms_ws.message_parts.metadata import MessageKind, write_metadata
from ccms_ws.message_parts.money import read_amount
from ccms_ws.simulator.behaviors import Behavior
from ccms_ws.simulator.responder import Decision, Responder, Task
from ccms_ws.simulator.state import PartnerState


class CollectionsResponder:
    """Recomputes the control totals, and refuses items whose balance is larger than it believes possible."""

    def __init__(self, largest_balance: Decimal = Decimal("1000000.00")) -> None:
        self._largest_balance = largest_balance

    def process(self, task: Task, memory: PartnerState) -> Decision:
        updates = task.payload.findall(Q_UPDATE)
        if task.act is Behavior.ACCEPT:
            return Decision("accepted")
        if task.act is Behavior.ERROR:
            return self._refuse(
                task, ErrorBlock(code="SystemUnavailable", reason="The batch could not be processed."), []
            )
        if task.act is Behavior.ITEMS:
            return self._refuse(task, None, updates[:1])
        quantity = xml.text(task.payload, Q_COUNT)
        if int(quantity) != len(updates):
            reason = "The record quantity does not agree with the number of updates received."
            return self._refuse(task, _mismatch("col903:BatchRecordQuantity", reason, quantity), [])
        total = read_amount(task.payload, Q_TOTAL)
        if total != sum(read_amount(update, Q_CURRENT) for update in updates):
            reason = "The total balance is not the sum of the current balances received."
            return self._refuse(task, _mismatch("col903:BatchTotalBalanceAmount", reason, f"{total:.2f}"), [])
        too_large = [update for update in updates if read_amount(update, Q_CURRENT) > self._largest_balance]
        return self._refuse(task, None, too_large) if too_large else Decision("accepted")

    def _refuse(self, task: Task, problem: ErrorBlock | None, updates: list[_Element]) -> Decision:
        """An error message about the whole batch (`problem`) or about some of its updates."""
        message = xml.root(Q_ERROR, "col903")
        write_metadata(message, task.answer_metadata(MessageKind.ERROR))
        xml.add(message, Q_BATCH_ID, xml.text(task.payload, Q_BATCH_ID))
        xml.add_indicator(message, Q_REFUSED, problem is not None)
        write_error_block(
            message, problem or ErrorBlock(code="UpdatesRefused", reason="Some updates could not be processed.")
        )
        for update in updates:
            item = xml.add(message, Q_UPDATE_ERROR)
            xml.add(item, Q_SEQUENCE, xml.text(update, Q_SEQUENCE))
            xml.add(item, Q_CASE, xml.text(update, Q_CASE))
            reason = "The balance is larger than any that this partner collects."
            write_error_block(
                item, ErrorBlock(code="BalanceOutOfRange", reason=reason, node="col903:CurrentBalanceAmount")
            )
        return Decision("batch refused" if problem else "items refused", message, is_error=True)


def _mismatch(node: str, reason: str, value: str) -> ErrorBlock:
    return ErrorBlock(code="ControlTotalMismatch", reason=reason, node=node, value=value, resend=True)


def responder() -> Responder:
    return CollectionsResponder()
