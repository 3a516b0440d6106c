"""Cases made of a court's message log: they play as they were recorded, and anonymized they name nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace as with_values
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from lxml import etree

from ccms_ws.cli import main
from ccms_ws.contract import schemas
from ccms_ws.contract.namespaces import WSA, WSA_ANONYMOUS, q
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.demo.installation import COURT
from ccms_ws.domain.courts import DriverLicense, PersonName
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.exchanges.dmv907.messages import AbstractResponse
from ccms_ws.exchanges.dmv907.wire import response_to_xml
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.message_parts.metadata import MessageKind
from ccms_ws.registry import get_exchange
from ccms_ws.replay import Which, find_cases, in_lines, read_case, replay
from ccms_ws.replay.actions import act
from ccms_ws.replay.case import CourtAct, Post, Sent
from ccms_ws.replay.normalize import Ids
from ccms_ws.replay.unverified_reader import find_tree, payload_of
from tests.support.court import Court

Run = Callable[..., tuple[int, str, str]]
PEOPLE = ("Desmond", "Okafor", "Marisol", "Aldana", "Monteverde", "Rafael", "Siobhan", "Brien", "Nunez", "Núñez")
NUMBERS = ("CR-2023-002931", "TR-2025-004417", "TR-2025-011250", "D8830142", "F1204567", "Y2087713", "P-1002", "P-1004")
DAYS = ("1984-07-23", "1990-02-11", "1995-05-30", "1988-03-17")


@pytest.fixture
def run(court: Court, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["replay", "record", *map(str, arguments), "--config", str(court.folder / "ccms-ws.toml")])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def day(court: Court) -> list[UUID]:
    """What came in on one day: queries with every kind of answer, and DMV's response to a hold."""
    asked: list[dict[str, Any]] = [
        {"case_number": "CR-2023-002931", "participant_id": "P-1002", "purpose": "Mr Okafor asked on the phone"},
        {"case_number": "TR-2025-004417"},
        {"name": PersonName("SIOBHAN", "O'Brien Nunez"), "birth_date": date(1988, 3, 17)},
        {"driver_license": DriverLicense("F1204567", "CA")},
        {"case_number": "TR-2099-000001"},
        {"case_number": "CR-2023-002931", "as_of": date(2199, 1, 1)},
        {"case_number": "CR-2019-005541"},  # paid in part before the law vacated the rest
    ]
    queries = [court.query(**keys) for keys in asked]
    for query in queries:
        court.ask(query)
    return [*(query.metadata.transaction_id for query in queries), respond(court)]


def respond(court: Court) -> UUID:
    ids, answer_id = Ids(), uuid4()
    order = {
        "case": "TR-2025-011250", "participant": "P-1004", "violated": ["VC 14601.1(a)"],
        "certified_by": "R. Monteverde",
        "violation_date": date(2025, 5, 2), "noncompliance_date": date(2026, 4, 6), "order_date": date(2025, 10, 6),
    }  # fmt: skip
    act(CourtAct(name="", do="hold", facts=order, message_id="hold"), court, ids)  # type: ignore[arg-type]
    hold = UUID(ids.now("hold"))
    response = AbstractResponse(
        metadata=metadata(court, answer_id, hold),
        abstract_id=str(hold),
        driver_license=DriverLicense("Y2087713", "CA"),
        message_code="ACCEPTED",
        message_text="Rafael Monteverde was told",
    )
    body = court.seal(
        response_to_xml(response), signer="dmv", exchange=get_exchange("DMV907"), message_id=answer_id,
        relates_to=f"urn:uuid:{hold}",
    )  # fmt: skip
    assert court.post(body, code="DMV907").status == 202
    return answer_id


def metadata(court: Court, answer_id: UUID, answers: UUID) -> Any:
    query = court.query(message_id=answer_id).metadata
    dmv = court.application.partners["DMV"]
    return with_values(
        query,
        correlation_id=answers,
        exchange="DMV907",
        kind=MessageKind.RESPONSE,
        sender_id="DMV",
        sender_name=dmv.name,
    )


def everything(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.read_text("utf-8")


# -- as it was --------------------------------------------------------------------------------------------------------
def test_a_day_s_log_plays_as_it_was_recorded(day: list[UUID], court: Court, run: Run, tmp_path: Path) -> None:
    code, out, err = run("--since", "2026-11-01", "-o", tmp_path / "cases")
    assert (code, err) == (0, "")
    assert out.startswith(f"{len(day)} cases in ")
    assert "does not play" not in out
    result = replay(find_cases([tmp_path / "cases"]), Which(court.folder / "ccms-ws.toml"), jobs=1)
    assert result.same, [in_lines(case) for case in result.cases]


def test_the_bytes_are_those_that_came(day: list[UUID], court: Court, run: Run, tmp_path: Path) -> None:
    run("--message", day[0], "-o", tmp_path / "cases")
    (folder,) = find_cases([tmp_path / "cases"])
    (step,) = read_case(folder).steps
    assert isinstance(step, Post)
    with court.application.units() as uow:
        assert uow.inbox.quarantined() == []
    assert str(day[0]).encode() in step.request.body
    assert step.expected.status == 200
    assert folder.stat().st_mode & 0o077 == 0, "people's data, for its owner's eyes only"


def test_what_the_court_had_sent_is_recorded_with_the_answer_to_it(day: list[UUID], run: Run, tmp_path: Path) -> None:
    run("--message", day[-1], "-o", tmp_path / "cases", "--no-check")
    case = read_case(find_cases([tmp_path / "cases"])[0])
    (sent,) = case.sent
    assert isinstance(sent, Sent)
    assert (sent.exchange, sent.partner) == ("DMV907", "DMV")


def test_another_court_s_data_is_found_by_a_recording(day: list[UUID], court: Court, run: Run, tmp_path: Path) -> None:
    """Played on the court's own books in place of made ones, after somebody has paid."""
    run("--message", day[1], "-o", tmp_path / "cases", "--no-check")
    (folder,) = find_cases([tmp_path / "cases"])
    answer = folder / "answer.xml"
    answer.write_bytes(answer.read_bytes().replace(b">245.00<", b">244.00<"))
    result = replay([folder], Which(court.folder / "ccms-ws.toml"), jobs=1)
    assert not result.same


def test_two_hundred_messages_play_in_two_processes(court: Court, run: Run, tmp_path: Path) -> None:
    for number in range(200):
        court.ask(court.query(case_number=("CR-2023-002931", "TR-2099-000001", "CR-2019-005541")[number % 3]))
    code, out, _ = run("--since", "2026-11-01", "-o", tmp_path / "cases", "--no-check")
    assert (code, out.partition(" ")[0]) == (0, "200")
    told: list[str] = []
    played = replay(
        find_cases([tmp_path / "cases"]),
        Which(court.folder / "ccms-ws.toml"),
        jobs=2,
        tell=lambda r: told.append(r.name),
    )
    assert played.same
    assert sorted(told) == [case.name for case in played.cases]


def test_the_court_s_own_books_answer_anew_and_not_from_the_log(court: Court, run: Run, tmp_path: Path) -> None:
    """The log holds the very message with its answer; what the court would say now is what is asked for."""
    query = court.query(case_number="TR-2025-004417")
    court.ask(query)
    run("--message", query.metadata.transaction_id, "--books", "court", "-o", tmp_path / "cases", "--no-check")
    folders, which = find_cases([tmp_path / "cases"]), Which(court.folder / "ccms-ws.toml")
    assert replay(folders, which, jobs=1).same
    with court.application.units() as uow:
        uow.books.add(payment("TR-2025-004417", "P-1001", "5.00"))
        uow.commit()
    (case,) = replay(folders, which, jobs=1).cases
    assert "BalanceDueAmount" in " ".join(in_lines(case))


def payment(case_number: str, participant_id: str, amount: str) -> LedgerEntry:
    return LedgerEntry(
        entry_id="a payment of today", court_ori=COURT.ori, case_number=case_number, participant_id=participant_id,
        kind=EntryKind.PAYMENT, fee_kind="StatePenalty", amount=Decimal(amount), posted_on=date(2026, 11, 1),
    )  # fmt: skip


def test_what_an_answer_answers_is_open_whatever_the_court_s_books_say(
    day: list[UUID], court: Court, run: Run, tmp_path: Path
) -> None:
    run("--message", day[-1], "--books", "court", "-o", tmp_path / "cases", "--no-check")
    assert replay(find_cases([tmp_path / "cases"]), Which(court.folder / "ccms-ws.toml"), jobs=1).same


# -- anonymized -------------------------------------------------------------------------------------------------------
def test_anonymized_a_day_s_log_plays_anywhere_and_names_nobody(day: list[UUID], run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    code, out, _ = run("--since", "2026-11-01", "-o", folder, "--anonymize")
    assert (code, "does not play" in out) == (0, False), out
    assert replay(find_cases([folder]), jobs=1).same, "without the court that it was recorded at"
    text = "\n".join(everything(folder))
    for secret in (*PEOPLE, *NUMBERS, *DAYS, *map(str, day), "on the phone", "was told"):
        assert secret not in text, secret


def test_the_same_value_becomes_the_same_other_value(day: list[UUID], run: Run, tmp_path: Path) -> None:
    run("--message", day[0], "--message", day[5], "-o", tmp_path / "cases", "--anonymize", "--no-check")
    numbers = set()
    for text in everything(tmp_path / "cases"):
        numbers |= set(re.findall(r"<nc:CaseTrackingID[^>]*>([^<]+)<", text))
    assert len(numbers) == 1


def test_what_a_sender_writes_into_headers_and_around_its_message_is_left_behind(
    court: Court, run: Run, tmp_path: Path
) -> None:
    query, mark = court.query(case_number="TR-2025-004417"), "Zq7Xv"
    service = get_exchange("FCC807")
    url = court.url("FCC807")
    payload = query_to_xml(query)
    actions = {each.input: each.input_action for each in load_wsdl(service.service).operations.values()}
    addressing = Addressing.request(
        to=url, action=actions[str(payload.tag)], message_id=f"urn:uuid:{query.metadata.transaction_id}"
    )
    envelope = compose_envelope(payload, addressing, SoapVersion.SOAP12)
    header = envelope[0]
    sender = etree.SubElement(header, q(WSA, "From"), {f"{{urn:{mark}}}who": mark})
    etree.SubElement(sender, q(WSA, "Address")).text = WSA_ANONYMOUS
    etree.SubElement(header, f"{{urn:{mark}}}Ticket", {mark: mark}, nsmap={mark: f"urn:{mark}"}).text = mark
    envelope = seal_envelope(
        envelope, identity=court.identity("adult-probation"), policy=court.policy, clock=court.clock
    )
    assert court.post(to_bytes(envelope)).status == 200
    code, out, _ = run("--since", "2026-11-01", "-o", tmp_path / "cases", "--anonymize")
    assert (code, out.partition(" ")[0]) == (0, "1")
    assert all(mark not in text for text in everything(tmp_path / "cases"))
    run("--since", "2026-11-01", "-o", tmp_path / "plain", "--no-check")
    assert any(mark in text for text in everything(tmp_path / "plain")), "it was in what came"


def test_a_message_that_does_not_keep_its_schema_is_left_out_and_named(court: Court, run: Run, tmp_path: Path) -> None:
    good, bad = court.query(case_number="TR-2025-004417"), court.query(case_number="TR-2025-004417")
    court.ask(good)
    payload = query_to_xml(bad)
    etree.SubElement(payload, "Okafor", {"born": "1984-07-23"}).text = "Desmond"
    payload[-2].tail = "Desmond"
    number = bad.metadata.transaction_id
    sealed = court.seal(payload, signer="adult-probation", exchange=get_exchange("FCC807"), message_id=number)
    assert court.post(sealed).text("ErrorCodeText") == "contract.schema-violated"
    code, out, _ = run("--since", "2026-11-01", "-o", tmp_path / "cases", "--anonymize")
    assert (code, out.partition(" ")[0]) == (0, "1")
    assert f"{number} was left out: it does not keep the schema" in out
    assert "Okafor" not in out
    assert all("Okafor" not in text and "Desmond" not in text for text in everything(tmp_path / "cases"))
    code, out, _ = run("--since", "2026-11-01", "-o", tmp_path / "plain")
    assert (code, out.partition(" ")[0], "does not play" in out) == (0, "2", False), "as it came it plays"


def test_what_was_replaced_still_keeps_the_schema(day: list[UUID], run: Run, tmp_path: Path) -> None:
    run("--since", "2026-11-01", "-o", tmp_path / "cases", "--anonymize", "--no-check")
    for folder in find_cases([tmp_path / "cases"]):
        for step in read_case(folder).steps:
            assert isinstance(step, Post)
            envelope = find_tree(step.request.body)
            assert envelope is not None
            payload = payload_of(envelope)
            assert payload is not None
            schemas.validate(payload)


# -- incidents --------------------------------------------------------------------------------------------------------
@pytest.fixture
def refused(court: Court) -> tuple[UUID, bytes]:
    query = court.query(case_number="TR-2025-004417")
    body = court.seal(
        query_to_xml(query), signer="adult-probation", exchange=get_exchange("FCC807"),
        message_id=query.metadata.transaction_id,
    )  # fmt: skip
    court.clock.advance(timedelta(minutes=30))
    return UUID(court.post(body).text("IncidentID")), body


def test_of_an_incident_only_verdict_and_circumstances_are_there(
    refused: tuple[UUID, bytes], run: Run, tmp_path: Path
) -> None:
    code, out, _ = run("--incident", refused[0], "-o", tmp_path)
    facts = json.loads((tmp_path / f"incident-{refused[0]}.json").read_text("utf-8"))
    assert (code, facts["code"], facts["size"]) == (0, "security.timestamp-out-of-range", len(refused[1]))
    assert "keeps no content" in out


def test_with_the_bytes_of_the_sender_an_incident_becomes_a_case(
    refused: tuple[UUID, bytes], court: Court, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "kept.xml").write_bytes(refused[1])
    code, _, _ = run("--incident", refused[0], "--envelope", tmp_path / "kept.xml", "-o", tmp_path / "cases")
    result = replay(find_cases([tmp_path / "cases"]), Which(court.folder / "ccms-ws.toml"), jobs=1)
    assert (code, result.same) == (0, True), [in_lines(case) for case in result.cases]


def test_other_bytes_are_not_taken_for_the_refused_ones(refused: tuple[UUID, bytes], run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.xml").write_bytes(refused[1] + b"\n")
    code, _, err = run("--incident", refused[0], "--envelope", tmp_path / "other.xml", "-o", tmp_path / "cases")
    assert (code, "SHA-256 is another one" in err) == (3, True)


# -- what cannot be recorded ------------------------------------------------------------------------------------------
def test_one_has_to_say_what_to_record(run: Run, tmp_path: Path) -> None:
    assert run("-o", tmp_path / "cases")[0] == 2


def test_a_message_that_nobody_knows_ends_with_4(run: Run, tmp_path: Path) -> None:
    assert run("--message", uuid4(), "-o", tmp_path / "cases")[0] == 4


def test_a_time_without_messages_ends_with_4(run: Run, tmp_path: Path) -> None:
    assert run("--since", "1m", "-o", tmp_path / "cases")[0] == 4
