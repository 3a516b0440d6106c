"""`ccms-ws log`, `messages export --envelope`: tampering in both directions is found, what was sent is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.config import load_settings
from ccms_ws.credentials import certificates_in
from ccms_ws.simulator.server import HttpReply, HttpRequest, PartnerServer
from tests.support.commands import Commands
from tests.support.court import Court, court_folder, installation

__all__ = ["court_folder", "installation"]


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


@pytest.fixture
def received(court_folder: Path) -> Iterator[list[bytes]]:
    """What comes over the wire at FTB's address; the first time it answers 503."""
    bodies: list[bytes] = []

    def answer(request: HttpRequest) -> HttpReply:
        bodies.append(request.body)
        return HttpReply(503) if len(bodies) == 1 else HttpReply()

    server = PartnerServer("127.0.0.1", 0, answer, 1_000_000)
    server.start()
    profile = court_folder / "partners" / "FTB.toml"
    url = f'url = "http://127.0.0.1:{server.server_address[1]}/COL903"'
    profile.write_text(
        "\n".join(url if line.startswith("url = ") else line for line in profile.read_text().splitlines())
    )
    settings = court_folder / "ccms-ws.toml"
    quick = "first_retry_seconds = 0.01\nfirst_rest_seconds = 0.01\n"
    settings.write_text(settings.read_text().replace("first_retry_seconds = 2\n", quick))
    yield bodies
    server.stop()


def tamper(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "court.db")) as connection, connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            connection.execute(statement)


def send(ccms_ws: Commands, received: list[bytes]) -> str:
    """One batch, at the second attempt."""
    (batch,) = ccms_ws("col903", "build", "--partner", "FTB", "--json").json
    for _ in range(50):
        ccms_ws("worker", "--once")
        if len(received) == 2:
            break
    assert len(received) == 2
    return str(batch["batch"])


def test_the_envelope_of_each_attempt_is_exported_byte_for_byte(
    ccms_ws: Commands, received: list[bytes], tmp_path: Path
) -> None:
    batch = send(ccms_ws, received)
    assert received[0] != received[1]
    for attempt, sent in enumerate(received, 1):
        file = tmp_path / f"{attempt}.xml"
        ended = ccms_ws("messages", "export", batch, "--envelope", "--attempt", attempt, "-o", file)
        assert (ended.code, file.read_bytes()) == (ExitCode.OK, sent)
    last = tmp_path / "last.xml"
    ccms_ws("messages", "export", batch, "--envelope", "-o", last)
    assert last.read_bytes() == received[1]
    assert ccms_ws("messages", "export", batch, "--attempt", 9, "-o", tmp_path / "9").code == ExitCode.NOT_FOUND


def test_the_log_is_verified_and_tampering_seen(ccms_ws: Commands, court_folder: Path, tmp_path: Path) -> None:
    court = Court(court_folder)
    for _ in range(3):
        court.ask(court.query(case_number="TR-2025-004417"))
    assert ccms_ws("log", "verify", "--json").json["faults"][0]["fault"] == "heads"  # none was ever written
    assert ccms_ws("log", "sign", "--json").json["written"] is True
    sound = ccms_ws("log", "verify", "--json")
    assert (sound.code, sound.json["entries"], sound.json["faults"]) == (0, 3, [])
    heads = tmp_path / "heads.json"
    heads.write_text(sound.out)
    assert ccms_ws("log", "verify", "--against", heads).code == 0
    tamper(court_folder, "UPDATE inbox_message SET raw = x'00' WHERE inbox_id = 2")
    broken = ccms_ws("log", "verify", "--json")
    assert (broken.code, broken.json["faults"][0]["fault"]) == (ExitCode.REFUSED, "changed")
    assert broken.json["faults"][0]["what"] == "incoming 2"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ("UPDATE outbox_body SET content = content || x'20'", "changed"),
        ("DELETE FROM delivery_attempt WHERE number = 1", "deleted"),
        ("UPDATE delivery_attempt SET detail = 'other'", "changed"),
        ("UPDATE outbox_message SET partner_id = 'DMV'", "changed"),
    ],
)
def test_what_was_sent_is_verified_as_well(
    ccms_ws: Commands, court_folder: Path, received: list[bytes], change: str, fault: str
) -> None:
    send(ccms_ws, received)
    assert ccms_ws("log", "verify").code == ExitCode.OK
    tamper(court_folder, change)
    ended = ccms_ws("log", "verify", "--json")
    assert (ended.code, ended.json["faults"][0]["fault"]) == (ExitCode.REFUSED, fault)


def test_a_log_that_was_emptied_is_found_without_being_asked_for(ccms_ws: Commands, court_folder: Path) -> None:
    """Commands write the heads at their end."""
    ccms_ws("col903", "build", "--partner", "FTB")
    assert ccms_ws("log", "verify").code == ExitCode.OK
    tables = ("outbox_subject", "outbox_body", "outbox_message", "message_chain_entry", "col903_batch_item")
    with closing(sqlite3.connect(court_folder / "court.db")) as connection:
        known = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    empty = [f"DELETE FROM {table}" for table in tables if table in known]
    tamper(court_folder, *empty, "UPDATE message_chain SET length = 0, head = zeroblob(32)")
    ended = ccms_ws("log", "verify", "--json")
    assert ended.code == ExitCode.REFUSED
    assert {fault["fault"] for fault in ended.json["faults"]} == {"cut off"}
    (row,) = [row for row in ccms_ws("doctor", "--no-partners", "--json").json if row["what"] == "message log"]
    assert row["light"] == "red"


def test_heads_stay_the_court_s_after_a_rollover(ccms_ws: Commands, court_folder: Path) -> None:
    ccms_ws("col903", "build", "--partner", "FTB")
    pki = court_folder / "pki"
    settings = load_settings(ccms_ws.settings)
    before = certificates_in(settings.identity.certificate)[0]
    for end in ("key", "crt"):
        (pki / f"next.{end}").write_bytes((pki / f"dmv.{end}").read_bytes())
        (pki / f"next.{end}").chmod(0o600)
    # By hand, the earlier certificate has to be named.
    text = ccms_ws.settings.read_text()
    changed = text.replace("pki/court.key", "pki/next.key").replace("pki/court.crt", "pki/next.crt")
    ccms_ws.settings.write_text(changed)
    assert before != certificates_in(load_settings(ccms_ws.settings).identity.certificate)[0]
    ended = ccms_ws("log", "verify", "--json")
    assert "not known as the court's" in ended.json["faults"][0]["what"]
    ccms_ws.settings.write_text(changed + '\n[audit]\ncertificates = ["pki/court.crt"]\n')
    assert ccms_ws("log", "verify").code == ExitCode.OK
