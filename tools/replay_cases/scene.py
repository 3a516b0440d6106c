"""One case while it is made: a court, and every step recorded as it happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchanges.fcc807.messages import Query
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.message_parts.metadata import MessageKind, Metadata
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki
from ccms_ws.replay.actions import act
from ccms_ws.replay.case import Case, CourtAct, Delivery, Expected, ExpectedOutcome, Post, Sent, Step, Wait
from ccms_ws.replay.casefile import shipped_cases
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.mutations import get_mutation
from ccms_ws.replay.normalize import Ids
from ccms_ws.replay.seed_outbox import seed
from ccms_ws.replay.unverified_reader import message_id_of
from ccms_ws.replay.variants import get_variant
from ccms_ws.replay.verdicts import see

AT = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
PROVENANCE = "made by tools/make-replay-cases"
CHANCE = Random()  # noqa: S311 - to be the same each time is what it is for
"""What the court takes for chance while cases are made; each case begins it anew."""


class Unforeseen(Exception):
    """The court answers otherwise than is written down."""


class Scene:
    """Build one case step by step. `sent`: what the court had sent before."""

    def __init__(
        self, house: Courthouse, name: str, title: str, *exchanges: str, clauses: Sequence[str] = (),
        not_live: str = "", sent: Sequence[Sent] = (),
    ) -> None:  # fmt: skip
        self.name = name
        CHANCE.seed(name)
        self._case = Case(
            name=name, folder=shipped(name), title=title, exchanges=exchanges, at=AT, steps=(), clauses=tuple(clauses),
            not_live=not_live, provenance=PROVENANCE, sent=tuple(sent),
        )  # fmt: skip
        self._partners = house.partners
        self.court = house.court(AT)
        self._steps: list[Step] = []
        self._made: list[UUID] = []
        for each in sent:
            seed(each, self.court)

    def close(self) -> Case:
        return replace(self._case, steps=tuple(self._steps))

    def id(self, label: str) -> UUID:
        """An id that is the same each time."""
        return uuid5(NAMESPACE_URL, f"urn:ccms-ws:replay:{self.name}:{label}")

    # -- messages -----------------------------------------------------------------------------------------------------
    def metadata(
        self, partner: str, exchange: str, kind: MessageKind, label: str = "", *, answers: UUID | None = None
    ) -> Metadata:
        profile, house = self.court.application.partners[partner], self.court.application.court
        return Metadata(
            transaction_id=self.id(label), correlation_id=answers, at=self.court.clock.now(), exchange=exchange,
            kind=kind, version="1.0", sender_id=profile.partner_id, sender_name=profile.name, receiver_id=house.ori,
            receiver_name=house.name, court_ori=house.ori, court_name=house.name, county_code=house.county_code,
            test=False,
        )  # fmt: skip

    def query(self, partner: str = "ADULT-PROBATION", label: str = "", **keys: Any) -> _Element:
        profile, house = self.court.application.partners[partner], self.court.application.court
        metadata = self.metadata(partner, "FCC807", MessageKind.QUERY, label)
        given = {"court_ori": house.ori, "unit": profile.unit, "agency": profile.name} | keys
        return query_to_xml(Query(metadata=replace(metadata, court_ori=given["court_ori"]), **given))

    # -- steps --------------------------------------------------------------------------------------------------------
    def post(
        self, payload: _Element, outcome: ExpectedOutcome, code: str = "", *, partner: str = "ADULT-PROBATION",
        exchange: str = "FCC807", version: SoapVersion = SoapVersion.SOAP12, label: str = "", defect: str = "",
        layout: str = "", relates_to: UUID | None = None, signer: str = "", message_id: UUID | None = None,
        books: dict[str, str] | None = None, change: Any = None,
    ) -> None:  # fmt: skip
        """A partner sends; `outcome` and `code` are what must come of it. `change`: of the finished request."""
        declared = get_exchange(exchange)
        actions = {each.input: each.input_action for each in load_wsdl(declared.service).operations.values()}
        draft = Draft(
            payload=etree.tostring(payload, method="c14n", exclusive=True),
            to=self.court.application.settings.endpoint.public_url + declared.path,
            action=actions[str(payload.tag)], message_id=message_id or self.id(label), version=version,
            signer=pki.identity(signer or pki.NAME_OF[partner]), at=self.court.clock.now(), relates_to=relates_to,
        )  # fmt: skip
        make = get_mutation(defect).make if defect else get_variant(layout).make if layout else Draft.request
        request: Request = make(draft)
        if change is not None:
            request = change(request)
        self.send(
            request, declared.path, outcome, code, partner=partner, books=books, defect=defect, layout=layout,
            payload=draft.payload if defect or layout else b"",
        )  # fmt: skip

    def send(
        self, request: Request, path: str, outcome: ExpectedOutcome, code: str = "", *, partner: str = "",
        books: dict[str, str] | None = None, **how: Any,
    ) -> None:  # fmt: skip
        seen = see(answer := self.court.receive(request, path))
        found = (seen.outcome, self.court.reason(seen) or seen.code)
        if found != (outcome, code):
            raise Unforeseen(f"{self.name}: {found}, expected {(outcome, code)}")
        expected = Expected(
            outcome=outcome, code=code, status=answer.status, signed=seen.signed,
            answer=answer.body if seen.root is not None else b"", books=books or {},
        )  # fmt: skip
        self._add(Post(name=self._next("post"), path=path, partner=partner, request=request, expected=expected, **how))

    def again(self, outcome: ExpectedOutcome, code: str = "", number: int = -1) -> None:
        """The same bytes once more."""
        step = [step for step in self._steps if isinstance(step, Post)][number]
        self.send(step.request, step.path, outcome, code, partner=step.partner)

    def wait(self, books: dict[str, str] | None = None, **by: float) -> None:
        self.court.clock.advance(timedelta(**by))
        self.court.application.worker().run_maintenance()
        self._add(Wait(name=self._next("wait"), by=timedelta(**by), books=books or {}))

    def do(self, what: str, books: dict[str, str] | None = None, **facts: Any) -> str:
        """Something is done at the court. Returns the id of the message that came of it, if one did."""
        ids = Ids()
        step = CourtAct(name=self._next(what), do=what, facts=facts, message_id="made", books=books or {})
        act(step, self.court, ids)
        made = ids.now("made")
        self._add(replace(step, message_id="" if made == "made" else made))
        return made

    def deliver(
        self, partner: str, exchange: str, *, status: int = 202, answer: _Element | None = None, action: str = "",
        books: dict[str, str] | None = None,
    ) -> bytes:  # fmt: skip
        """The worker delivers one message; the partner answers with `status`, and with `answer` in an envelope of its
        own. Returns what left.
        """
        url = self._partners.url(partner, exchange)
        script = Delivery(
            name=self._next("deliver"), partner=partner, exchange=exchange, url=url, message=b"", status=status,
            books=books or {},
        )  # fmt: skip
        if answer is not None:
            script = self._answered(script, answer, action)
        self._partners.expect([script], self.court.clock.now(), Ids())
        self.court.application.worker().run_once()
        (taken,) = self._partners.taken
        self._add(replace(script, message=taken.request.body))
        return taken.request.body

    def _answered(self, script: Delivery, answer: _Element, action: str) -> Delivery:
        push = self.court.application.push_settings(script.partner, script.exchange)
        version = SoapVersion.SOAP11 if push.soap == "1.1" else SoapVersion.SOAP12
        draft = Draft(
            payload=etree.tostring(answer, method="c14n", exclusive=True), to="", action=action,
            message_id=self.id(f"answer {script.name}"), version=version,
            signer=pki.identity(pki.NAME_OF[script.partner]), at=self.court.clock.now(), relates_to=self._made[-1],
            answers=True,
        )  # fmt: skip
        request = draft.request()
        return replace(script, answer=request.body, content_type=request.content_type)

    def expect_made(self, message_id: UUID) -> None:
        """Which message of the court the next answer is to."""
        self._made.append(message_id)

    def _add(self, step: Step) -> None:
        self._steps.append(step)

    def _next(self, what: str) -> str:
        return f"{len(self._steps) + 1} {what}"


def shipped(name: str) -> Path:
    return shipped_cases() / name


def remove(element: _Element) -> None:
    """Take an element out of its message."""
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)


def sent_id(envelope: bytes) -> UUID:
    """The transaction id of a message that left."""
    return UUID(message_id_of(envelope).removeprefix("urn:uuid:"))
