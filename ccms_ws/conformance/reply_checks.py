"""What a partner answers, looked at as a whole: does it come, does it fit, does it come once, does it come again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.endpoint import Endpoint
from ccms_ws.conformance.findings import CheckResults
from ccms_ws.conformance.messages import Said
from ccms_ws.conformance.reply_listener import ReplyListener
from ccms_ws.conformance.sessions import Session, Sessions
from ccms_ws.contract.codes import code_list
from ccms_ws.contract.namespaces import EXT, NC, q
from ccms_ws.exchange import PayloadElements

_PAUSE: Final = 0.05
_SETTLE: Final = 1.0
_REPEATED: Final = (q(NC, "CaseTrackingID"), q(NC, "DriverLicenseIdentification"))
"""What an answer of any exchange must repeat as it was sent, if it says it at all."""
_CODES: Final = {q(EXT, "ErrorCodeText"): "partner-error-codes"}
_ABOUT_ANSWERS: Final = (req.ANSWER_FITS, req.ANSWER_KEPT, req.ONE_ANSWER, req.KNOWN_CODES)


class ReplyChecks:
    """Reviews all answers once everything was sent. `desk`: where separate ones come; None without a listener.
    `silent`: silence means success, so that only what is wrong is answered.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        conversations: Sessions,
        ledger: CheckResults,
        desk: ReplyListener | None,
        *,
        elements: PayloadElements,
        silent: bool,
    ) -> None:
        self._endpoint, self._conversations, self._ledger, self._desk = endpoint, conversations, ledger, desk
        self._elements, self._silent = elements, silent

    def review(self, wait: float) -> None:
        """`wait`: seconds that separate answers may take."""
        if not self._endpoint.answers_at_once and self._desk is None:
            for requirement in (req.ANSWERS, req.NO_ANSWER, req.FORBIDDEN, *_ABOUT_ANSWERS):
                self._ledger.note(requirement, "no listener for its answers (--listen)")
            return
        due = self._due()
        self._gather(due, wait)
        for conversation in due:
            self._ledger.say(conversation.blamed or req.ANSWERS, _unanswered(conversation))
        for conversation in self._conversations:
            self._judge(conversation)
        self._put_off()
        if not any(conversation.answers for conversation in self._conversations):
            for requirement in _ABOUT_ANSWERS:
                self._ledger.note(requirement, "no answer came")

    def _due(self) -> Sequence[Session]:
        """Where silence means success, only a wrong message calls for an answer; otherwise every one that was taken."""
        taken = self._conversations.taken
        return [conversation for conversation in taken if conversation.blamed] if self._silent else taken

    def _gather(self, due: Sequence[Session], wait: float) -> None:
        """Wait until all have come, and a moment longer: a second answer would come then."""
        desk = self._desk
        if desk is None or self._endpoint.answers_at_once:
            return
        deadline = time.monotonic() + wait
        expected = {conversation.said.message_id for conversation in due if not conversation.answers}
        while time.monotonic() < deadline:
            heard = desk.heard
            waiting = set(desk.put_off) - {each.message_id for each in heard}
            if expected <= {each.answers for each in heard} and not waiting:
                time.sleep(min(_SETTLE, wait / 4))
                break
            time.sleep(_PAUSE)
        for each in desk.heard:
            conversation = self._conversations.find(each.answers)
            if conversation is None:
                self._ledger.fails(req.ANSWER_FITS, f"{each.message_id} answers {each.answers}, which was never sent")
            else:
                conversation.add(each.payload)

    def _judge(self, conversation: Session) -> None:
        answers, said = conversation.answers, conversation.said
        if conversation.refused:
            failure = f"{conversation.why} ({said.message_id}) was answered" if answers else ""
            self._ledger.say(req.NO_ANSWER, failure)
            return
        if answers:
            count = len(answers)
            self._ledger.say(req.ONE_ANSWER, "" if count == 1 else f"{count} answers to {said.message_id}")
        for answer in answers:
            self._ledger.say(req.ANSWER_FITS, _misfit(said, answer, self._elements))
            self._ledger.say(req.KNOWN_CODES, "; ".join(_unknown_codes(answer, self._elements)))

    def _put_off(self) -> None:
        """The answer that got HTTP 503 must have come again."""
        if self._endpoint.answers_at_once:
            self._ledger.note(req.ANSWER_KEPT, "it answers in the HTTP response")
        if self._desk is None:
            return
        came = {each.message_id for each in self._desk.heard}
        for message_id in self._desk.put_off:
            failure = f"{message_id} got HTTP 503 and did not come again"
            self._ledger.say(req.ANSWER_KEPT, "" if message_id in came else failure)


def _unanswered(conversation: Session) -> str:
    """What is wrong if an answer had to come; empty if one did, and an error message to what the schema forbids."""
    if not conversation.answers:
        return f"no answer came to {conversation.why} ({conversation.said.message_id})"
    names = [etree.QName(answer).localname for answer in conversation.answers]
    if conversation.blamed is req.FORBIDDEN and not any(name.endswith("Error") for name in names):
        return f"{conversation.why} was answered as if it were good ({conversation.said.message_id})"
    return ""


def _misfit(said: Said, answer: _Element, elements: PayloadElements) -> str:
    """What the answer says of the message that is not so; empty if there is nothing."""
    message = etree.fromstring(said.payload)
    for name in (*sorted(elements.own_ids), *_REPEATED):
        strange = _texts(answer, name) - _texts(message, name)
        if strange:
            return (
                f"{etree.QName(name).localname} {', '.join(sorted(strange))} is not what was sent ({said.message_id})"
            )
    return ""


def _texts(message: _Element, name: str) -> set[str]:
    return {"".join(map(str, element.itertext())).strip() for element in message.iter(name)}


def _unknown_codes(answer: _Element, elements: PayloadElements) -> Iterator[str]:
    """Codes of the answer that are on no list."""
    for name, codes in (*elements.codes.items(), *_CODES.items()):
        for element in answer.iter(name):
            if (element.text or "") not in code_list(codes).codes:
                yield f"{element.text!r} is not on the list {codes}"
