"""Is an answer the one that was recorded? Status, outcome, code, signature, and every element by its role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from lxml import etree
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.contract.namespaces import DS, EXT, FAULT, q
from ccms_ws.contract.wsdl import Wsdl, load_wsdl
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, open_envelope
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import CcmsWsError
from ccms_ws.exchange import Exchange
from ccms_ws.registry import EXCHANGES
from ccms_ws.replay.case import Expected, ExpectedOutcome
from ccms_ws.replay.diff import Difference, differences
from ccms_ws.replay.normalize import Roles
from ccms_ws.replay.unverified_reader import POLICY, find_tree, get_tree, is_envelope, payload_of

_FAULTS: Final = tuple(q(version.namespace, "Fault") for version in SoapVersion)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """The kind of an answer, as read off the wire. `root`: its envelope, None if it is none."""

    answer: Answer
    outcome: ExpectedOutcome
    code: str
    root: _Element | None

    @property
    def signed(self) -> bool:
        return self.root is not None and next(self.root.iter(q(DS, "Signature")), None) is not None

    @property
    def incident(self) -> UUID | None:
        """The id under which the endpoint explains a refusal to its operator."""
        if self.root is not None:
            return _uuid(self.root.findtext(f".//{q(FAULT, 'IncidentID')}") or "")
        lines = self.answer.body.decode("utf-8", "replace").splitlines()
        return next((_uuid(line.removeprefix("Incident ")) for line in lines if line.startswith("Incident ")), None)

    def __str__(self) -> str:
        return in_words(self.outcome, self.code, self.answer.status)


@dataclass(frozen=True, slots=True)
class Reader:
    """Opens answers as the partner that sent `message_id` does."""

    exchange: Exchange
    message_id: str
    trust: TrustStore
    clock: Clock

    def refusal(self, answer: Answer) -> str:
        """Why a partner would not believe this answer; empty if it would."""
        try:
            open_envelope(
                HttpMessage(answer.body, answer.headers.get("content-type", "")),
                trust=self.trust,
                policy=POLICY,
                clock=self.clock,
                acceptance=ReceivePolicy(
                    to=frozenset(),
                    operations=answers_of(load_wsdl(self.exchange.service)),
                    permits=lambda _partner, _root: True,
                    relates_to=self.message_id,
                    faults=True,
                ),
            )
        except CcmsWsError as error:
            return f"{error.code}: {error}"
        return ""


def answers_of(wsdl: Wsdl) -> dict[str, str]:
    """Element to wsa:Action of everything that may come back."""
    answers: dict[str, str] = {}
    for operation in wsdl.operations.values():
        answers |= {fault.element: fault.action for fault in operation.faults.values()}
        if operation.output:
            answers[operation.output] = operation.output_action
    return answers


def exchange_at(path: str) -> Exchange | None:
    """The exchange whose service is published there."""
    return next((exchange for exchange in EXCHANGES if path.endswith(exchange.path)), None)


def in_words(outcome: ExpectedOutcome, code: str, status: int) -> str:
    """As in: fault security.header-invalid (HTTP 500)."""
    return " ".join(filter(None, (outcome, code, f"(HTTP {status})")))


# -- seeing -----------------------------------------------------------------------------------------------------------
def see(answer: Answer) -> Seen:
    """Read an answer without believing it."""
    root = find_tree(answer.body)
    if root is None or not is_envelope(root):
        if answer.status < 300 and not answer.body.strip():
            return Seen(answer, ExpectedOutcome.ACCEPTED, "", None)
        code = answer.body.decode("utf-8", "replace").partition(":")[0]
        return Seen(answer, ExpectedOutcome.HTTP, code if code.startswith("http.") else "", None)
    return Seen(answer, *_said(payload_of(root)), root)


def _said(payload: _Element | None) -> tuple[ExpectedOutcome, str]:
    if payload is None:
        return ExpectedOutcome.ACCEPTED, ""
    if payload.tag not in _FAULTS:
        return ExpectedOutcome.REPLY, ""
    own = payload.findtext(f".//{q(EXT, 'ErrorCodeText')}")
    if own is not None:
        return ExpectedOutcome.ERROR, own
    return ExpectedOutcome.FAULT, payload.findtext(f".//{q(FAULT, 'ErrorCode')}") or ""


# -- judging ----------------------------------------------------------------------------------------------------------
def judge(expected: Expected, seen: Seen, roles: Roles, reader: Reader | None) -> list[Difference]:
    """Every way in which an answer is not what was recorded. The code in `seen` is the one by which the court explains
    a refusal to itself, or the one in the answer if the court's own record is out of reach.
    """
    return list(_judged(expected, seen, roles, reader))


def _judged(expected: Expected, seen: Seen, roles: Roles, reader: Reader | None) -> Iterator[Difference]:
    facts: Mapping[str, tuple[object, object]] = {
        "outcome": (expected.outcome, seen.outcome),
        "code": (expected.code, seen.code),
        "HTTP status": (expected.status, seen.answer.status),
        "signed": (_yes(expected.signed), _yes(seen.signed)),
    }
    for name, (then, now) in facts.items():
        if then != now:
            yield Difference(name, str(then), str(now), f"another {name}")
    if seen.signed and reader is not None and (refusal := reader.refusal(seen.answer)):
        yield Difference("signature", "believed by the partner", refusal, "the answer would not be accepted")
    if expected.answer and seen.root is not None:
        yield from _content(expected.answer, seen.root, roles)


def _content(recorded: bytes, root: _Element, roles: Roles) -> Sequence[Difference]:
    """The envelopes, or the payloads if no more was recorded."""
    expected = get_tree(recorded, "the recorded answer")
    if is_envelope(expected):
        return differences(expected, root, roles)
    payload = payload_of(root)
    if payload is None:
        return [Difference("Body", str(etree.QName(expected).localname), "empty", "an element is missing")]
    return differences(expected, payload, roles)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _yes(value: bool) -> str:
    return "yes" if value else "no"
