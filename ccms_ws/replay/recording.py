"""Cases from a court's message log: what came in, what the court answered, and what it had sent before.

Of a refused message the court keeps no content: `incident_case` makes a case only of bytes that another party kept,
if they are the ones that were refused.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from lxml import etree
from lxml.etree import _Element

from ccms_ws.config import PartnerSettings, Settings
from ccms_ws.contract.namespaces import WSU, q
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.domain.courts import CaseNumberStyle
from ccms_ws.domain.messages import Refusal
from ccms_ws.envelope.faults import read_fault
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import ConfigError, NotStored
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki
from ccms_ws.replay.anonymize import Anonymizer, NotAnonymized
from ccms_ws.replay.case import Books, Case, Expected, ExpectedOutcome, Post, Sent
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.unverified_reader import addressing_of, find_tree, get_tree, is_envelope, payload_of
from ccms_ws.replay.verdicts import Answer, exchange_at, see
from ccms_ws.store.message_history import Traffic, TrafficLog, Way

_URN: Final = "urn:uuid:"
_Q_CREATED: Final = q(WSU, "Created")


@dataclass(frozen=True, slots=True)
class Cast:
    """Who stands in for whom: `partners` by their ids, and the demo court at `url` for the court."""

    disguise: Anonymizer
    partners: Mapping[str, str]
    url: str


@dataclass(frozen=True, slots=True)
class Recorder:
    """Reads one court's log. `books`: what the cases need on file; `cast`: None to keep everything as it was.

    `court`: the settings file of the court, in a copy of which cases are played that are kept as they were.
    """

    log: TrafficLog
    books: Books = Books.MADE
    cast: Cast | None = None
    court: str = ""

    def case(self, message: Traffic) -> Case:
        """The case of one message that came to a service. Raises NotStored for one that did not."""
        if message.way is not Way.IN or message.answer_id is None:
            raise NotStored(
                f"{message.message_id} did not come to a service of the court",
                hint="what the court sent is recorded with the answers to it",
            )
        contents, sent = self.log.contents(message), self._sent(message.relates_to)
        request = _request(contents.message)
        expected = _expected(contents.answer or b"")
        if reason := self.log.quarantine_reason(message):
            expected = replace(expected, books={"quarantine": reason})
        post = Post(
            name="1 post",
            path=get_exchange(message.exchange).path,
            partner=message.partner_id,
            request=request,
            expected=expected,
        )
        case = Case(
            name=_name(message.at, message.exchange, message.message_id),
            title=f"{message.exchange} from {message.partner_id}: {expected.outcome} {expected.code}".rstrip(),
            exchanges=(message.exchange,),
            at=message.at,
            ran=_ran(message.at, expected.answer),
            steps=(post,),
            books=Books.MADE
            if sent
            else self.books,  # what it answers is open in made books, and settled in the court's
            sent=sent,
            provenance="recorded from the message log",
            court=self.court,
        )
        return case if self.cast is None else _disguised(case, post, self.cast)

    def _sent(self, number: str) -> tuple[Sent, ...]:
        """What the court had sent under that id, after what that one takes back or corrects."""
        try:
            found = [each for each in self.log.find(UUID(number.removeprefix(_URN))) if each.way is Way.OUT]
        except (ValueError, NotStored):
            return ()
        sent: list[Sent] = []
        for each in found:
            payload = self.log.contents(each).message
            earlier_ids = get_exchange(each.exchange).elements.earlier_ids
            for element in get_tree(payload, "the sent message").iter(etree.Element):
                if element.tag in earlier_ids:
                    sent += self._sent(element.text or "")
            sent.append(Sent(each.exchange, each.partner_id, payload))
        return tuple(sent)


# -- disguised --------------------------------------------------------------------------------------------------------
def cast_of(settings: Settings, demo: Settings, *, chance: random.Random | None = None) -> Cast:
    """The demo court and its partners in place of those of `settings`, and invented data in place of personal data."""
    played = dict(_played_by(profile) for profile in settings.partners)
    court = settings.court
    names = {court.ori: demo.court.ori, court.name: demo.court.name}
    for profile in settings.partners:
        other = demo.partner(played[profile.id])
        names |= {profile.id: other.id, profile.name: other.name}
    pattern = re.compile(court.case_number_pattern) if court.case_number_pattern else None
    spelling = CaseNumberStyle(pattern, court.case_number_form).normal
    disguise = Anonymizer(names, court, demo.court, spelling=spelling, chance=chance)
    return Cast(disguise, played, demo.endpoint.public_url)


def _played_by(profile: PartnerSettings) -> tuple[str, str]:
    """The partner's id, and that of the demo partner of its kind."""
    kinds = {"franchise-tax-board": "FTB", "motor-vehicles": "DMV", "probation": f"{profile.unit}-probation".upper()}
    return profile.id, kinds.get(profile.kind, "AGENCY")


def _disguised(case: Case, post: Post, cast: Cast) -> Case:
    """The same conversation between the demo court and its partners, about invented people."""
    partner = cast.partners[post.partner]
    sent = tuple(
        Sent(each.exchange, cast.partners[each.partner], _payload(each.payload, cast.disguise)) for each in case.sent
    )
    request = _said_by(partner, post, case.at, cast)
    answer = post.expected.answer and _answer(post.expected.answer, cast.disguise)
    expected = replace(post.expected, answer=answer)
    return replace(
        case,
        name=_name(case.at, case.exchanges[0], UUID(_id(request.body))),
        title=case.title.replace(post.partner, partner),
        sent=sent,
        steps=(replace(post, partner=partner, request=request, expected=expected),),
        provenance="recorded from a message log, personal data replaced, signed with the published test keys",
    )


def _said_by(partner: str, post: Post, at: datetime, cast: Cast) -> Request:
    """What the partner said, in an envelope of ours: nothing of the recorded header is kept but what it says of the
    message in a form that says nothing else. Raises NotAnonymized.
    """
    envelope = get_tree(post.request.body, "the recorded message")
    header, message = addressing_of(envelope), payload_of(envelope)
    exchange = exchange_at(post.path)
    operations = load_wsdl(exchange.service).operations.values() if exchange else ()
    action = header.get("Action", "")
    if message is None or all(each.input_action != action for each in operations):
        raise NotAnonymized("it has no payload, or an action that its service does not offer")
    return Draft(
        payload=cast.disguise.payload(message, ours=False),
        to=cast.url + post.path,
        action=action,
        message_id=cast.disguise.id(_uuid(header.get("MessageID", ""))),
        version=SoapVersion.from_namespace(etree.QName(envelope).namespace),
        signer=pki.identity(pki.NAME_OF[partner]),
        at=at,
        relates_to=cast.disguise.id(_uuid(header["RelatesTo"])) if header.get("RelatesTo") else None,
    ).request()


def _uuid(number: str) -> UUID:
    try:
        return UUID(number.removeprefix(_URN))
    except ValueError:
        raise NotAnonymized("it has or answers a message id that is not a UUID") from None


def incident_case(refusal: Refusal, envelope: bytes, *, court: str = "") -> Case:
    """The case of a refused message whose bytes its sender has kept. Raises ConfigError if they are other bytes.

    `court`: the settings file of the court that refused it.
    """
    if refusal.size == 0:
        raise ConfigError("the court has noted nothing of this message that could be compared")
    if hashlib.sha256(envelope).digest() != refusal.digest:
        raise ConfigError(
            "this is not the message that was refused: its SHA-256 is another one",
            hint=f"refused were {refusal.size} bytes with the SHA-256 {refusal.digest.hex()}",
        )
    request = _request(envelope)
    outcome = ExpectedOutcome.HTTP if refusal.code.startswith("http.") else ExpectedOutcome.FAULT
    status = 415 if outcome is ExpectedOutcome.HTTP else 400 if request.soap_action is None else 500
    expected = Expected(outcome=outcome, status=status, code=refusal.code, signed=bool(refusal.partner_id))
    post = Post(name="1 post", path=refusal.address, partner=refusal.partner_id, request=request, expected=expected)
    exchange = refusal.address.strip("/").partition("/")[0]
    return Case(
        name=_name(refusal.at, exchange, refusal.incident_id),
        title=f"Refused: {refusal.detail}"[:200],
        exchanges=(exchange,),
        at=refusal.at,
        steps=(post,),
        books=Books.COURT,
        clauses=(refusal.rule,) if refusal.rule else (),
        provenance=f"incident {refusal.incident_id}, bytes kept by the sender",
        court=court,
    )


# -- pieces -----------------------------------------------------------------------------------------------------------
def _name(at: datetime, exchange: str, number: UUID) -> str:
    return f"{at:%Y%m%dT%H%M%S}-{exchange.lower() or 'unknown'}-{str(number)[:8]}"


def _request(raw: bytes) -> Request:
    """The request of which only the body was kept: its headers follow from SOAP version and action."""
    envelope = find_tree(raw)
    if envelope is None or not is_envelope(envelope):
        return Request(body=raw, content_type=f"{SoapVersion.SOAP12.media_type}; charset=utf-8")
    version = SoapVersion.from_namespace(etree.QName(envelope).namespace)
    content_type, action = f"{version.media_type}; charset=utf-8", addressing_of(envelope).get("Action", "")
    if version is SoapVersion.SOAP11:
        return Request(body=raw, content_type=content_type, soap_action=f'"{action}"')
    return Request(body=raw, content_type=f'{content_type}; action="{action}"')


def _expected(sealed: bytes) -> Expected:
    if not sealed:
        return Expected(outcome=ExpectedOutcome.ACCEPTED, status=202, signed=False)
    seen = see(Answer(200, {}, sealed))
    payload = None if seen.root is None else payload_of(seen.root)
    status = 200 if seen.outcome is ExpectedOutcome.REPLY or payload is None else _fault_status(payload)
    return Expected(outcome=seen.outcome, code=seen.code, status=status, answer=sealed)


def _ran(at: datetime, sealed: bytes) -> timedelta:
    """How much later the answer was signed than the message came, to the next tenth of a second."""
    root = find_tree(sealed)
    created = None if root is None else next(root.iter(_Q_CREATED), None)
    if created is None:
        return timedelta(0)
    later = datetime.fromisoformat(created.text or "") - at
    return timedelta(seconds=math.ceil(max(later.total_seconds(), 0) * 10) / 10)


def _fault_status(fault: _Element) -> int:
    """SOAP 1.1: 500 for every fault. SOAP 1.2: 400 if the sender is to blame."""
    soap12 = etree.QName(fault).namespace == SoapVersion.SOAP12.namespace
    return 400 if soap12 and read_fault(fault).code.endswith("}Sender") else 500


def _payload(message: bytes, disguise: Anonymizer) -> bytes:
    return disguise.payload(get_tree(message, "the recorded message"), ours=True)


def _answer(sealed: bytes, disguise: Anonymizer) -> bytes:
    """The payload alone: the court's signature is over what it said."""
    payload = payload_of(get_tree(sealed, "the recorded answer"))
    return b"" if payload is None else disguise.payload(payload, ours=True)


def _id(raw: bytes) -> str:
    return addressing_of(get_tree(raw, "the message")).get("MessageID", "").removeprefix(_URN)
