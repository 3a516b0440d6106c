"""Refusals: of partners they are kept, of unauthenticated senders sampled, and each incident id is explained."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID, uuid4

import pytest
from structlog.testing import capture_logs

from ccms_ws.domain.messages import Refusal
from ccms_ws.errors import StoreUnavailable
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import get_exchange
from ccms_ws.services.refusals import KEPT_EACH_MINUTE, RefusalRecorder
from tests.support.commands import Commands
from tests.support.court import Court, HttpAnswer
from tests.support.records import NOW

CASE = "TR-2025-004417"


@pytest.fixture
def court(court_folder: Path) -> Court:
    return limited(Court(court_folder))


def limited(court: Court) -> Court:
    """The court with the limits that it has when it is served."""
    court.gate = court.application.gateway()
    return court


@pytest.fixture
def ccms_ws(court: Court, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court.folder / "ccms-ws.toml", capsys)


def incident_of(answer: HttpAnswer) -> UUID:
    said = re.search(rb"Incident ([0-9a-f-]{36})", answer.body)
    return UUID(said[1].decode() if said else answer.text("IncidentID"))


def get(court: Court, incident: UUID) -> Refusal:
    with court.application.reading() as uow:
        return uow.inbox.get_refusal(incident)


def limited_to(court: Court, partner: str, rate: str) -> Court:
    profile = court.folder / "partners" / f"{partner}.toml"
    profile.write_text(f"{profile.read_text('utf-8')}\n[rate]\n{rate}\n", "utf-8")
    return limited(court.restart())


def test_a_message_that_is_refused_after_verification_is_recorded_with_its_size_and_digest(court: Court) -> None:
    query = court.query(case_number=CASE)
    assert court.ask(query).status == 200
    other = query_to_xml(replace(query, case_number="TR-2099-000001"))
    sent = court.seal(
        other,
        signer="adult-probation",
        exchange=get_exchange("FCC807"),
        message_id=query.metadata.transaction_id,
    )
    found = get(court, incident_of(court.post(sent)))
    assert (found.code, found.partner_id) == ("addressing.message-id-reused", "ADULT-PROBATION")
    assert (found.size, found.digest) == (len(sent), hashlib.sha256(sent).digest())


def test_a_flood_is_kept_in_samples_and_counted_and_every_incident_is_explained(
    court: Court, ccms_ws: Commands
) -> None:
    with capture_logs() as lines:
        incidents = [incident_of(court.post(b"<nothing/>")) for _ in range(150)]
    assert len([line for line in lines if line["event"] == "message.refused"]) == KEPT_EACH_MINUTE
    assert len(set(incidents)) == KEPT_EACH_MINUTE + 1
    court.gate.flush()
    assert get(court, incidents[0]).detail != get(court, incidents[-1]).detail
    assert f"one of {150 - KEPT_EACH_MINUTE} messages of unauthenticated senders" in get(court, incidents[-1]).detail
    explained = ccms_ws("explain", incidents[-1], "--json").json
    assert explained["code"] == "envelope.malformed"
    assert "one of 130" in explained["reason"]
    assert ccms_ws("messages", "show", incidents[-1], "--json").code == 0
    numbers = {row["name"]: row["value"] for row in ccms_ws("metrics", "--json").json}
    assert numbers["ccms_ws_messages_refused_total"] == 150
    assert numbers["ccms_ws_messages_refused_not_kept_total"] == 130


def test_the_flood_of_one_error_hides_no_refusal_for_another(court: Court) -> None:
    for _ in range(KEPT_EACH_MINUTE + 5):
        court.post(b"<nothing/>")
    other = court.request(b"", path="/FCC807/1.0", method="PUT")
    assert get(court, incident_of(other)).address == "/FCC807/1.0"


def test_a_count_is_stored_until_its_minute_is_over_and_then_told_once(court: Court) -> None:
    seconds = [0.0]
    recorder = RefusalRecorder(court.application.units, monotonic=lambda: seconds[0])

    def refused() -> UUID:
        refusal = Refusal(uuid4(), NOW, "/", "", "envelope.malformed", "", "", 1, b"\0" * 32)
        return recorder.record(refusal)

    incidents: list[UUID] = []
    with capture_logs() as lines:
        for _ in range(KEPT_EACH_MINUTE + 2):
            incidents.append(refused())
        recorder.flush()
        seconds[0] = 61.0
        incidents += [refused(), refused()]  # of a new minute: kept one by one
        recorder.flush()
        recorder.flush()
    assert len(set(incidents)) == KEPT_EACH_MINUTE + 3
    told = [line for line in lines if line["event"] == "messages.refused"]
    assert [(line["messages"], line["incident"]) for line in told] == [(2, str(incidents[KEPT_EACH_MINUTE]))]


def test_a_partner_that_sends_more_than_its_rate_is_asked_to_wait(court: Court, ccms_ws: Commands) -> None:
    court = limited_to(court, "ADULT-PROBATION", "requests_per_second = 0.01\nburst = 3")
    answers = [court.ask(court.query(case_number=CASE)) for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 200, 200, 503, 503]
    assert answers[-1].headers["Retry-After"] == "1"
    assert answers[-1].body.startswith(b"http.rate-limited: ")
    juvenile = court.ask(court.query("JUVENILE-PROBATION", case_number=CASE), signer="juvenile-probation")
    assert juvenile.status == 200
    assert court.post(b"<nothing/>").status != 503  # whoever has not signed costs the partner nothing
    court.gate.flush()
    assert "one of 2 messages of ADULT-PROBATION" in get(court, incident_of(answers[-1])).detail
    rows = ccms_ws("metrics", "--json").json
    limited = {
        row["labels"]["partner"]: row["value"] for row in rows if row["name"] == "ccms_ws_messages_rate_limited_total"
    }
    assert limited["ADULT-PROBATION"] == 2
    assert limited["JUVENILE-PROBATION"] == 0


class Away:
    """Units of work of a database that is away, until it is back."""

    def __init__(self, units: Any) -> None:
        self._units, self.is_back = units, False

    def __call__(self) -> Any:
        return self._units() if self.is_back else self

    def __enter__(self) -> NoReturn:
        raise StoreUnavailable("the database server cannot be reached")

    def __exit__(self, *_: object) -> None: ...


def test_an_outage_of_the_database_is_one_line_and_its_incidents_are_explained_later(court: Court) -> None:
    away = Away(court.application.units)
    court.gate = replace(court.application, units=away, reading=away).gateway()
    with capture_logs() as lines:
        asked = [court.ask(court.query(case_number=CASE)) for _ in range(20)]
        unknown = [court.post(b"<nothing/>") for _ in range(30)]
        court.gate.flush()
    assert {answer.text("ErrorCode") for answer in asked} == {"store.unavailable"}
    assert [line["event"] for line in lines] == ["store.unavailable"]
    assert "exc_info" not in lines[0]
    away.is_back = True
    court.gate.flush()
    assert "one of 20 messages of ADULT-PROBATION" in get(court, incident_of(asked[-1])).detail
    assert "one of 30 messages of unauthenticated" in get(court, incident_of(unknown[0])).detail
