"""Try a partner's endpoint: good messages, the same ones again, bad ones, odd ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ccms_ws.clock import Clock
from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.endpoint import Endpoint, Reaction
from ccms_ws.conformance.findings import CheckResults
from ccms_ws.conformance.messages import Speaker
from ccms_ws.conformance.requirements import Level, TestRequirement
from ccms_ws.conformance.sessions import Session, Sessions, same_message
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import TransientDeliveryError
from ccms_ws.replay.draft import Request
from ccms_ws.replay.mutations import DEFECTS, Mutation
from ccms_ws.replay.variants import LAYOUTS, Variant

_SOAP11_ONLY: Final = frozenset({"soap-action-of-another", "soap-action-unquoted"})
_CUT: Final = "the connection was cut, which the court takes for a fault of the network"
_NOTHING_SHOWN: Final = "good messages are refused as well (P01): that must be mended first"
Tell = Callable[[str], None]


class EndpointProbe:
    """Sends everything once, and notes what comes back at once. Separate answers are another matter (`answering`)."""

    def __init__(
        self, endpoint: Endpoint, speaker: Speaker, ledger: CheckResults, conversations: Sessions, clock: Clock
    ) -> None:
        self._endpoint, self._speaker, self._ledger = endpoint, speaker, ledger
        self._conversations, self._clock = conversations, clock

    def probe(self, tell: Tell) -> None:
        """Raises TransientDeliveryError if the endpoint cannot be reached at all."""
        tell("a good message")
        first = self._begin("a good message")
        before = self._post(first, self._endpoint.draft(first.said).request())
        self._took(req.TAKES, first, before)
        tell("the other SOAP version")
        self._other_version()
        tell("the same again")
        self._try(req.SAME_AGAIN, lambda: self._again(first, before))
        self._try(req.SAME_BYTES, self._same_bytes)
        self._try(req.REUSED_ID, lambda: self._reused(first))
        for defect in DEFECTS:
            tell(defect.name)
            if first.refused:
                self._ledger.note(req.refuses(defect), _NOTHING_SHOWN)
            else:
                self._bad(defect)
        for layout in LAYOUTS:
            tell(layout.name)
            if first.refused:
                self._ledger.note(req.accepts(layout), _NOTHING_SHOWN)
            else:
                self._odd(layout)
        tell("other methods")
        self._methods()
        tell("wrong content")
        self._wrong()
        self._forbidden(first)

    # -- pieces -------------------------------------------------------------------------------------------------------
    def _begin(self, why: str) -> Session:
        return self._conversations.begin(self._speaker.say(self._clock.now()), why)

    def _post(self, conversation: Session, request: Request) -> Reaction:
        reaction = self._endpoint.post(request, conversation.said)
        if reaction.answer is not None and reaction.answer.payload is not None:
            conversation.add(reaction.answer.payload)
        if reaction.is_fault:
            status = reaction.seen.answer.status
            self._ledger.say(req.FAULT_STATUS, "" if status >= 400 else f"{conversation.why}: {reaction}")
        return reaction

    def _try(self, requirement: TestRequirement, look: Callable[[], str]) -> None:
        """The demand holds if `look` has nothing to say. A connection that ends without an answer is a failure."""
        try:
            failure = look()
        except TransientDeliveryError:
            failure = _CUT
        self._ledger.say(requirement, failure)

    def _took(self, requirement: TestRequirement, conversation: Session, reaction: Reaction) -> None:
        conversation.refused = not reaction.taken
        self._ledger.say(requirement, "" if reaction.taken else f"{conversation.why}: {reaction}")

    # -- good ---------------------------------------------------------------------------------------------------------
    def _other_version(self) -> None:
        others = self._endpoint.versions[1:]
        if not others:
            self._ledger.note(req.TAKES_OTHER, "its WSDL offers one version")
        for version in others:
            conversation = self._begin(f"a good message in {version.name}")
            self._took(
                req.TAKES_OTHER,
                conversation,
                self._post(conversation, self._endpoint.draft(conversation.said, version).request()),
            )

    def _again(self, first: Session, before: Reaction) -> str:
        """The same message, signed afresh: what a retry of the court is."""
        return _second_effect(before, self._post(first, self._endpoint.draft(first.said).request()))

    def _same_bytes(self) -> str:
        conversation = self._begin("the same bytes twice")
        request = self._endpoint.draft(conversation.said).request()
        return _second_effect(self._post(conversation, request), self._post(conversation, request))

    def _reused(self, first: Session) -> str:
        other = self._speaker.say(self._clock.now(), message_id=first.said.message_id)
        reaction = self._endpoint.post(self._endpoint.draft(other).request(), other)
        return "" if reaction.refused else f"another message under the id {other.message_id}: {reaction}"

    # -- bad and odd --------------------------------------------------------------------------------------------------
    def _bad(self, defect: Mutation) -> None:
        requirement, version = req.refuses(defect), self._endpoint.versions[0]
        if defect.name in _SOAP11_ONLY:
            if SoapVersion.SOAP11 not in self._endpoint.versions:
                self._ledger.note(requirement, "its WSDL does not offer SOAP 1.1")
                return
            version = SoapVersion.SOAP11
        conversation = self._begin(defect.name)
        conversation.refused = True

        def look() -> str:
            request = defect.make(self._endpoint.draft(conversation.said, version))
            reaction = self._post(conversation, request)
            self._ledger.say(req.SILENT, f"{defect.name}: {reaction.inside}" if reaction.inside else "")
            if reaction.taken and requirement.level is Level.SHOULD:
                conversation.refused = False  # then it may answer it as well
            return "" if reaction.refused else f"it was not refused: {reaction}"

        self._try(requirement, look)

    def _odd(self, layout: Variant) -> None:
        conversation = self._begin(layout.name)

        def look() -> str:
            reaction = self._post(conversation, layout.make(self._endpoint.draft(conversation.said)))
            conversation.refused = not reaction.taken
            return "" if reaction.taken else str(reaction)

        self._try(req.accepts(layout), look)

    def _methods(self) -> None:
        for method in ("PUT", "DELETE"):

            def look(method: str = method) -> str:
                seen = self._endpoint.request(method)
                return "" if seen.answer.status >= 400 else f"{method}: {seen}"

            self._try(req.METHOD, look)

    def _wrong(self) -> None:
        """A message that the schema allows and that contradicts itself."""
        said = self._speaker.say_wrong(self._clock.now())
        if said is not None:
            conversation = self._conversations.begin(said, "a batch whose total is wrong")
            conversation.blamed = req.ANSWERS
            try:
                self._post(conversation, self._endpoint.draft(said).request())
            except TransientDeliveryError:
                conversation.refused = True

    def _forbidden(self, first: Session) -> None:
        """What is not refused at once is taken for the time being: an error message must come then (`answering`)."""
        if first.refused:
            self._ledger.note(req.FORBIDDEN, _NOTHING_SHOWN)
            return
        said = self._speaker.say_forbidden(self._clock.now())
        conversation = self._conversations.begin(said, "a message that the schema forbids")
        conversation.blamed = req.FORBIDDEN
        try:
            reaction = self._post(conversation, self._endpoint.draft(said).request())
        except TransientDeliveryError:
            conversation.refused = True
            self._ledger.fails(req.FORBIDDEN, _CUT)
            return
        conversation.refused = not reaction.taken
        if conversation.refused:
            self._ledger.say(req.FORBIDDEN, "" if reaction.refused else str(reaction))


def _second_effect(before: Reaction, again: Reaction) -> str:
    """What shows that the same message was not known again; empty if nothing does."""
    if not before.taken:
        return f"the first time: {before}"
    if not again.taken:
        return f"the second time: {again}"
    first, second = (each.answer.payload if each.answer is not None else None for each in (before, again))
    return "" if same_message(first, second) else "the second time another answer came"
