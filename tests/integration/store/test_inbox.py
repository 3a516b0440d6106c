"""A message is taken in once; the same again gets the same answer; what was refused is remembered, and bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from ccms_ws.domain.messages import AnswerKind, IncomingMessage, QuarantinedAnswer, Refusal, RefusalCount, StoredAnswer
from ccms_ws.errors import ConcurrentChange, MessageIdReused, NotStored, StoreError
from ccms_ws.store import inbox
from tests.support.databases import Units
from tests.support.records import NOW, incoming

ANSWER = StoredAnswer(AnswerKind.REPLY, uuid4(), b"<reply/>", "urn:reply")
FAULT = StoredAnswer(AnswerKind.FAULT, uuid4(), b"<Fault/>", "urn:fault", "exchange.court-unknown", "No such court")


def take_in(units: Units, message: IncomingMessage, answer: StoredAnswer | None = ANSWER) -> StoredAnswer | None:
    """One whole request: the stored answer, or None and now there is one."""
    with units() as uow:
        stored = uow.inbox.receive(message)
        if stored is None:
            uow.inbox.keep(message, answer)
            uow.commit()
        return stored


@pytest.mark.parametrize(
    "answer", [ANSWER, FAULT, StoredAnswer(AnswerKind.ACCEPTED, uuid4())], ids=lambda a: a.kind.value
)
def test_same_message_again_gets_the_stored_answer(units: Units, answer: StoredAnswer) -> None:
    message = incoming()
    assert take_in(units, message, answer) is None
    assert take_in(units, message) == answer
    assert take_in(units, replace(message, raw=b"<signed again/>")) == answer


def test_same_id_with_other_content_is_refused(units: Units) -> None:
    message = incoming()
    take_in(units, message)
    with pytest.raises(MessageIdReused):
        take_in(units, replace(message, content_digest=b"e" * 32))
    assert take_in(units, message) == ANSWER


def test_same_id_of_another_partner_is_another_message(units: Units) -> None:
    message = incoming()
    assert take_in(units, message) is None
    assert take_in(units, replace(message, partner_id="FTB")) is None


def test_message_that_was_rolled_back_is_new(units: Units) -> None:
    message = incoming()
    with units() as uow:
        assert uow.inbox.receive(message) is None
        uow.inbox.keep(message, ANSWER)
    assert take_in(units, message) is None


def test_message_is_known_within_its_own_unit_of_work(units: Units) -> None:
    message = incoming()
    with units() as uow:
        assert uow.inbox.receive(message) is None
        uow.inbox.keep(message, ANSWER)
        assert uow.inbox.receive(message) == ANSWER


def test_message_without_an_answer_counts_as_accepted(units: Units) -> None:
    message = incoming()
    assert take_in(units, message, None) is None
    assert take_in(units, message) == StoredAnswer(AnswerKind.ACCEPTED, message.message_id)


def test_message_is_kept_once(units: Units) -> None:
    message = incoming()
    take_in(units, message)
    with units() as uow, pytest.raises(ConcurrentChange):
        uow.inbox.keep(message, FAULT)
    assert take_in(units, message) == ANSWER


def test_raw_bytes_of_message_and_answer_are_kept(units: Units, engine: Engine) -> None:
    message = replace(incoming(), raw=bytes(range(256)), relates_to="urn:uuid:1")
    take_in(units, message)
    with engine.connect() as connection:
        row = connection.execute(text("SELECT raw, answer_raw, relates_to, root FROM inbox_message")).one()
    assert (bytes(row[0]), bytes(row[1]), *row[2:]) == (message.raw, ANSWER.sealed, "urn:uuid:1", message.root)


def test_digest_is_a_sha256(units: Units) -> None:
    with units() as uow, pytest.raises(StoreError):
        uow.inbox.keep(incoming(digest=b"short"))


# -- refusals ---------------------------------------------------------------------------------------------------------
def refusal(incident_id: UUID | None = None, detail: str = "digest of #id-1") -> Refusal:
    code, rule = "security.digest-mismatch", "XMLDSIG 3.2.1"
    return Refusal(incident_id or uuid4(), NOW, "192.0.2.7", "FTB", code, rule, detail, 4711, b"\x00" * 32)


def test_refusal_comes_back_by_its_incident(units: Units) -> None:
    kept = refusal()
    with units() as uow:
        uow.inbox.refuse(kept)
        uow.inbox.refuse(refusal())
        uow.commit()
    with units() as uow:
        assert uow.inbox.get_refusal(kept.incident_id) == kept
        with pytest.raises(NotStored):
            uow.inbox.get_refusal(uuid4())


@pytest.mark.parametrize("hostile", ["a\x00b", "\ud800", "x" * 1_000_000], ids=["nul", "surrogate", "long"])
def test_words_of_a_stranger_do_no_harm(units: Units, hostile: str) -> None:
    kept = refusal(detail=hostile)
    with units() as uow:
        uow.inbox.refuse(kept)
        assert len(uow.inbox.get_refusal(kept.incident_id).detail) <= 2000


def test_only_the_newest_refusals_are_kept(units: Units, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inbox.REFUSALS_KEPT == 10_000
    monkeypatch.setattr(inbox, "REFUSALS_KEPT", 3)
    made = [refusal() for _ in range(5)]
    with units() as uow:
        for each in made:
            uow.inbox.refuse(each)
        uow.commit()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM refusal")).scalar() == 3
    with units() as uow:
        assert [uow.inbox.get_refusal(each.incident_id) for each in made[2:]] == made[2:]


def test_a_flood_of_unauthenticated_senders_removes_no_refusal_of_a_partner(
    units: Units, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "REFUSALS_KEPT", 3)
    of_partners = [replace(refusal(), partner_id=partner) for partner in ("FTB", "DMV", "FTB")]
    flood = [replace(refusal(), partner_id="") for _ in range(10)]
    with units() as uow:
        for each in (*of_partners, *flood):
            uow.inbox.refuse(each)
        uow.commit()
    with units() as uow:
        assert [uow.inbox.get_refusal(each.incident_id) for each in of_partners] == of_partners
        assert [uow.inbox.get_refusal(each.incident_id) for each in flood[-3:]] == flood[-3:]
        with pytest.raises(NotStored):
            uow.inbox.get_refusal(flood[0].incident_id)


def count(number: int, incident_id: UUID, at: datetime = NOW) -> RefusalCount:
    return RefusalCount(incident_id, "", "envelope.malformed", at, at, number)


def test_an_incident_that_was_only_counted_says_with_how_many(units: Units) -> None:
    incident = uuid4()
    for number in (5, 700):
        with units() as uow:
            uow.inbox.count_refusals([count(number, incident)])
            uow.commit()
    with units() as uow:
        found = uow.inbox.get_refusal(incident)
    assert (found.incident_id, found.code, found.partner_id) == (incident, "envelope.malformed", "")
    assert "one of 700 messages of unauthenticated senders" in found.detail


def test_counts_are_summed_up_after_a_week_and_none_is_lost(units: Units, engine: Engine) -> None:
    with units() as uow:
        for days in range(20):
            uow.inbox.count_refusals([count(days + 1, uuid4(), NOW + timedelta(days=days))])
        uow.commit()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*), sum(number) FROM refusal_count")).one() == (9, 210)


# -- quarantine -------------------------------------------------------------------------------------------------------
def test_quarantine_keeps_everything_in_order(units: Units) -> None:
    kept = [QuarantinedAnswer(uuid4(), "DMV", "DMV907", reason, NOW) for reason in ("no abstract", "a second answer")]
    with units() as uow:
        for answer in kept:
            uow.inbox.quarantine(answer)
        uow.commit()
    with units() as uow:
        assert list(uow.inbox.quarantined()) == kept
