"""Play one case offline: a court of its own, its clock where it stood, the recorded bytes as they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import groupby
from uuid import UUID

from ccms_ws.clock import FixedClock
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.domain.ports import UnitOfWork
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, open_envelope
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import CcmsWsError, ConfigError
from ccms_ws.registry import part
from ccms_ws.replay import pki
from ccms_ws.replay.actions import act
from ccms_ws.replay.case import Books, Case, CourtAct, Delivery, Post, Step, Wait
from ccms_ws.replay.court import Courthouse, ReplayCourt
from ccms_ws.replay.diff import Difference, differences, tolerate
from ccms_ws.replay.expectations import expected_records
from ccms_ws.replay.normalize import Ids, Roles, Times
from ccms_ws.replay.partners import Delivered, ScriptedPartners
from ccms_ws.replay.reissue import Occasion, mentions, renew
from ccms_ws.replay.results import CaseResult, StepResult
from ccms_ws.replay.seed_outbox import seed
from ccms_ws.replay.unverified_reader import POLICY, get_tree, message_id_of
from ccms_ws.replay.verdicts import Reader, exchange_at, in_words, judge, see


@dataclass(slots=True)
class _Stage:
    """One case while it is played."""

    case: Case
    court: ReplayCourt
    partners: ScriptedPartners
    ids: Ids = field(default_factory=Ids)

    @property
    def trust(self) -> TrustStore:
        return TrustStore([PinnedCertificate("COURT", self.court.application.identity.certificate)])

    def roles(self, addresses: dict[str, str] | None = None) -> Roles:
        now = self.court.clock.now()
        return Roles(self.ids, Ids(), Times(now, now - self.case.ran, now), addresses or {})


def play(case: Case, house: Courthouse) -> CaseResult:
    """Play `case` in the court of `house`. Whatever goes wrong is in the result."""
    started = time.perf_counter()
    steps: list[StepResult] = []
    reason = ""
    try:
        court = house.court(case.at, case.books)
        _prepare(case, court)
        steps.extend(_steps(_Stage(case, court, house.partners)))
    except (CcmsWsError, LookupError, ValueError) as error:
        reason = str(error) if isinstance(error, CcmsWsError) else repr(error)
    return CaseResult(
        name=case.name,
        title=case.title,
        exchanges=case.exchanges,
        steps=steps,
        seconds=round(time.perf_counter() - started, 4),
        reason=reason,
    )


def _prepare(case: Case, court: ReplayCourt) -> None:
    if case.books is Books.MADE:
        with court.application.units() as uow:
            for step in case.steps:
                if isinstance(step, Post) and step.partner in court.application.partners:
                    _make_books(step, court, uow)
            uow.commit()
    elif case.books is Books.COURT:
        court.forget([number for step in case.steps if isinstance(step, Post) for number in _ids(step)])
    for sent in case.sent:
        seed(sent, court)


def _make_books(step: Post, court: ReplayCourt, uow: UnitOfWork) -> None:
    """Put on file what makes the recorded answer true, if the exchange's part `replay` has a `make_books` for that."""
    exchange, app = exchange_at(step.path), court.application
    make = None if exchange is None else getattr(part(exchange, "replay"), "make_books", None)
    if make is not None:
        asker, style, law = app.partners[step.partner], app.court.case_numbers, app.law.vacated_debt
        make(step.request.body, step.expected.answer, asker, style, uow, law=law)


def _ids(step: Post) -> Iterator[UUID]:
    """The id of a posted message, if it has one that could be in the log."""
    with suppress(ValueError):
        yield UUID(message_id_of(step.request.body).removeprefix("urn:uuid:"))


def _steps(stage: _Stage) -> Iterator[StepResult]:
    """Deliveries that follow one another are one run of the worker."""
    for is_delivery, group in groupby(stage.case.steps, key=lambda step: isinstance(step, Delivery)):
        if is_delivery:
            yield from _deliver(stage, [step for step in group if isinstance(step, Delivery)])
        else:
            for step in group:
                yield _step(stage, step)


def _step(stage: _Stage, step: Step) -> StepResult:
    if isinstance(step, Post):
        return _post(stage, step)
    if isinstance(step, Wait):
        stage.court.clock.advance(step.by)
        stage.court.application.worker().run_maintenance()
        return _result(stage, step, f"{step.by} pass", "done", [])
    if isinstance(step, CourtAct):
        act(step, stage.court, stage.ids)
        return _result(stage, step, step.do, "done", [])
    raise ConfigError(f"step {step.name} cannot be played by itself")


# -- posts ------------------------------------------------------------------------------------------------------------
def _post(stage: _Stage, step: Post) -> StepResult:
    request, expected = step.request, step.expected
    if mentions(request.body, stage.ids):
        signer = pki.identity(pki.NAME_OF.get(step.partner, "stranger"))
        occasion = Occasion(at=stage.court.clock.now(), recorded_at=stage.court.clock.now(), signer=signer)
        request = renew(step, occasion, stage.ids, new_id=False)
    sent_id = message_id_of(request.body)
    stage.ids.bind(sent_id, sent_id)
    seen, exchange = see(stage.court.receive(request, step.path)), exchange_at(step.path)
    if explained := stage.court.reason(seen):
        seen = replace(seen, code=explained)
    reader = None if exchange is None else Reader(exchange, sent_id, stage.trust, stage.court.clock)
    found = judge(expected, seen, stage.roles(), reader)
    words = in_words(expected.outcome, expected.code, expected.status)
    return _result(stage, step, words, str(seen), found)


def _result(stage: _Stage, step: Step, expected: str, actual: str, found: list[Difference]) -> StepResult:
    """The result of a step, with what the court must have on file after it."""
    books = step.expected.books if isinstance(step, Post) else step.books
    for thing, then in books.items():
        now = expected_records(stage.court, thing, stage.ids)
        if now != then:
            found.append(Difference(f"on file: {thing}", then, now, "the court has something else on file"))
    return StepResult(
        name=step.name, expected=expected, actual=actual, differences=tolerate(found, stage.case.may_differ)
    )


# -- deliveries -------------------------------------------------------------------------------------------------------
def _deliver(stage: _Stage, script: Sequence[Delivery]) -> Iterator[StepResult]:
    partners = stage.partners
    partners.expect(script, stage.court.clock.now(), stage.ids)
    stage.court.application.worker().run_once()
    taken = partners.taken
    for number, step in enumerate(script):
        expected = f"{step.exchange} to {step.partner}"
        if number >= len(taken):
            missing = Difference("delivery", expected, "nothing left", "a message is missing")
            yield _result(stage, step, expected, "nothing left", [missing])
            continue
        found = _delivered(stage, step, taken[number])
        if number == len(script) - 1 and len(taken) > len(script):
            found.append(Difference("delivery", str(len(script)), str(len(taken)), "messages too many"))
        yield _result(stage, step, expected, "delivered", found)


def _delivered(stage: _Stage, step: Delivery, came: Delivered) -> list[Difference]:
    """What left against what was recorded, opened as the partner opens it."""
    found = differences(
        get_tree(step.message, "the recorded message"),
        get_tree(came.request.body, "the message"),
        stage.roles({step.url: came.url}),
    )
    push = stage.court.application.push_settings(step.partner, step.exchange)
    operations = {each.input: each.input_action for each in load_wsdl(push.wsdl).operations.values()}
    headers = {name.lower(): value for name, value in came.request.headers.items()}
    try:
        open_envelope(
            HttpMessage(came.request.body, headers.get("content-type", ""), headers.get("soapaction")),
            trust=stage.trust,
            policy=POLICY,
            clock=FixedClock(stage.court.clock.now()),
            acceptance=ReceivePolicy(to=frozenset({came.url}), operations=operations, permits=lambda _p, _r: True),
        )
    except CcmsWsError as error:
        found.append(Difference("signature", "believed by the partner", f"{error.code}: {error}", "not acceptable"))
    return found
