"""Heads outside the database: what is done to whole chains is found, and what happens by itself is no fault."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, delete, select, update

from ccms_ws.audit.keeper import HeadKeeper, keep_heads
from ccms_ws.audit.lines import Event, fingerprint, hash_of, read_line, write_line
from ccms_ws.audit.record import Record, read_record
from ccms_ws.clock import FixedClock
from ccms_ws.config import AuditSettings
from ccms_ws.domain.messages import AnswerKind, StoredAnswer
from ccms_ws.envelope.identity import Identity
from ccms_ws.errors import ConfigError
from ccms_ws.store.chain_tables import message_chain, message_chain_entry
from ccms_ws.store.engine import open_engine
from ccms_ws.store.hash_chain import heads
from ccms_ws.store.hash_chain_verification import Violation, ViolationKind, snapshot, verify
from ccms_ws.store.message_tables import inbox_message
from ccms_ws.store.unit_of_work import unit_of_work
from tests.support.databases import database_url
from tests.support.http_server import HttpReply, HttpRequest, http_server, url_of
from tests.support.pki import Pki
from tests.support.pki import pki as made_pki
from tests.support.records import NOW, incoming

__all__ = ["database_url"]


class Court:
    """A database with a message log, and the file of its heads."""

    def __init__(self, url: str, folder: Path, identity: Identity) -> None:
        self.url = url
        self.engine: Engine = open_engine(url)
        self.settings = AuditSettings(heads=folder / "heads.jsonl")
        self.identity = identity
        self.clock = FixedClock(NOW)

    @property
    def file(self) -> Path:
        return self.settings.heads

    def keeper(self, identity: Identity | None = None) -> HeadKeeper:
        return HeadKeeper(self.settings, database_url=self.url, identity=identity or self.identity, clock=self.clock)

    def traffic(self, count: int = 1) -> None:
        for _ in range(count):
            with unit_of_work(self.engine)() as uow:
                uow.inbox.keep(incoming(), StoredAnswer(AnswerKind.REPLY, uuid4(), b"<sealed/>", "urn:reply"))
                uow.commit()

    def record(self, *identities: Identity) -> Record:
        return read_record(self.file, [each.certificate for each in identities or (self.identity,)])

    def faults(self) -> list[ViolationKind]:
        record = self.record()
        assert record.faults == ()
        with snapshot(self.engine) as connection:
            return [found.fault for found in verify(connection, record.heads) if isinstance(found, Violation)]

    def cut_to(self, length: int) -> None:
        """Take the newest entries out of the first chain, so that the database itself tells nothing."""
        e = message_chain_entry.c
        with self.engine.begin() as connection:
            beyond = select(e.row_id).where(e.chain == 1, e.number > length)
            connection.execute(delete(inbox_message).where(inbox_message.c.inbox_id.in_(beyond)))
            connection.execute(delete(message_chain_entry).where(e.chain == 1, e.number > length))
            head = connection.execute(select(e.entry_hash).where(e.chain == 1, e.number == length)).scalar()
            end = update(message_chain).where(message_chain.c.chain == 1)
            connection.execute(end.values(length=length, head=head or bytes(32)))


@pytest.fixture
def pki() -> Pki:
    return made_pki()


@pytest.fixture
def court(database_url: str, tmp_path: Path, pki: Pki) -> Iterator[Court]:
    court = Court(database_url, tmp_path, pki.court)
    yield court
    court.engine.dispose()


def test_a_tail_that_was_cut_is_found(court: Court) -> None:
    court.traffic(5)
    assert court.keeper().write()
    court.cut_to(3)
    with snapshot(court.engine) as connection:
        assert [found for found in verify(connection) if isinstance(found, Violation)] == []  # the database alone
    assert court.faults() == [ViolationKind.CUT_OFF]


def test_an_emptied_log_is_found(court: Court) -> None:
    court.traffic(2)
    court.keeper().write()
    court.cut_to(0)
    assert court.faults() == [ViolationKind.CUT_OFF]


def test_a_chain_that_was_written_again_is_found(court: Court) -> None:
    court.traffic(3)
    court.keeper().write()
    court.cut_to(1)
    court.traffic(4)
    assert court.faults() == [ViolationKind.REWRITTEN]
    court.keeper().write()  # what programs write later does not excuse it
    assert court.faults() == [ViolationKind.REWRITTEN]


def test_a_program_that_died_before_it_wrote_is_no_fault(court: Court) -> None:
    court.traffic(2)
    court.keeper().write()
    court.traffic(3)
    assert court.faults() == []
    with court.file.open("ab") as file:
        file.write(b'{"at":"2026-11-20T17:30:00+00:00","ev')  # and one in the middle of a line
    assert court.faults() == []
    assert court.keeper().write()
    assert court.faults() == []
    assert len(court.file.read_bytes().splitlines()) == 3


def test_it_is_written_only_when_the_chains_have_grown(court: Court) -> None:
    assert court.keeper().write()
    assert not court.keeper().write()
    court.traffic()
    assert court.keeper().write()
    assert not court.keeper().write()
    assert court.file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["changed", "deleted", "moved", "unreadable", "first deleted"])
def test_a_line_that_was_tampered_with_is_found(court: Court, damage: str) -> None:
    for _ in range(4):
        court.traffic()
        court.keeper().write()
    lines = court.file.read_bytes().splitlines(keepends=True)
    match damage:
        case "changed":
            lines[1] = lines[1].replace(b"[1,2,", b"[1,1,")
        case "deleted":
            del lines[1]
        case "first deleted":
            del lines[0]
        case "moved":
            lines[1], lines[2] = lines[2], lines[1]
        case "unreadable":
            lines[1] = lines[1][:-20] + b"\n"
    court.file.write_bytes(b"".join(lines))
    assert court.record().faults


def test_a_line_of_another_key_is_not_the_court_s(court: Court, pki: Pki) -> None:
    court.traffic(2)
    court.keeper().write()
    court.cut_to(0)
    court.traffic(2)
    court.file.unlink()
    court.keeper(pki.stranger).write()
    assert "not known as the court's" in court.record().faults[0]
    assert court.record().heads == ()
    # Nor if it names the court's certificate.
    raw = court.file.read_bytes().rstrip(b"\n")
    line, own = read_line(raw), court.record(pki.stranger)
    assert line is not None
    forged = raw.replace(line.signer.encode(), fingerprint(pki.court.certificate).encode())
    court.file.write_bytes(forged + b"\n")
    assert own.faults == ()
    assert court.record().faults == ("line 1: its signature is wrong",)


def test_heads_of_before_a_rollover_stay_the_court_s(court: Court, pki: Pki) -> None:
    court.traffic(2)
    court.keeper().write()
    new = pki.identity("Court, new", kind="p256")
    court.traffic()
    court.keeper(new).write()
    assert "not known" in court.record(new).faults[0]  # rolled over by hand
    assert court.record(new, court.identity).faults == ()  # audit.certificates
    court.keeper(new).write_rollover(court.identity.certificate)  # certs roll
    record = court.record(new)
    assert (record.faults, len({head.length for head in record.heads})) == ((), 2)


def test_a_stranger_cannot_vouch_for_an_earlier_certificate(court: Court, pki: Pki) -> None:
    court.keeper(pki.stranger).write_rollover(pki.dmv.certificate)
    court.traffic()
    court.keeper(pki.dmv).write()
    assert len(court.record().faults) == 2


def test_what_a_restore_has_lost_is_said_and_is_no_fault(court: Court) -> None:
    court.traffic(2)
    court.keeper().write()
    court.traffic(3)
    court.keeper().write()
    court.cut_to(2)  # as an older copy would
    with court.engine.connect() as connection:
        assert [head.length for head in court.record().behind(heads(connection))] == [5]
    assert court.faults() == [ViolationKind.CUT_OFF]
    court.keeper().write_restored("disk failure")
    assert court.faults() == []
    court.traffic(4)
    court.keeper().write()
    assert court.faults() == []
    (lost,) = court.record().lost
    assert (lost.entries, lost.reason) == (3, "disk failure")
    court.cut_to(4)  # a cut after it is one
    assert court.faults() == [ViolationKind.CUT_OFF]


def _write_often(url: str, file: Path, identity: Identity) -> None:
    court = Court(url, file.parent, identity)
    for _ in range(5):
        court.traffic()
        court.keeper().write()


def test_many_programs_append_to_one_file(court: Court) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: _write_often(court.url, court.file, court.identity), range(4)))
    record = court.record()
    assert record.faults == ()
    assert court.faults() == []
    assert 5 <= record.lines <= 20


def test_a_program_writes_at_its_start_now_and_then_and_at_its_end(court: Court) -> None:
    end = keep_heads(court.keeper(), every=0.05)
    assert court.record().lines == 1
    court.traffic()
    for _ in range(200):
        if court.record().lines == 2:
            break
        threading.Event().wait(0.05)
    assert court.record().lines == 2
    end()
    slow = keep_heads(court.keeper(), every=600)
    court.traffic()
    slow()
    assert court.record().lines == 3


def test_a_file_that_cannot_be_written_is_a_mistake_in_the_settings(court: Court, tmp_path: Path) -> None:
    court.settings = AuditSettings(heads=tmp_path / "missing" / "heads.jsonl")
    with pytest.raises(ConfigError, match="cannot be written"):
        keep_heads(court.keeper(), every=60)


def test_each_line_goes_where_a_copy_is_wanted(court: Court, tmp_path: Path) -> None:
    got: list[bytes] = []

    def receive(request: HttpRequest) -> HttpReply:
        got.append(request.body)
        return HttpReply(204)

    path = str(tmp_path / "log")
    with (
        http_server(receive) as server,
        contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as syslog,
    ):
        syslog.bind(path)
        syslog.settimeout(10)
        url = f"{url_of(server)}/heads"
        court.settings = court.settings.model_copy(update={"url": url, "syslog": path})
        court.traffic()
        assert court.keeper().write()
        line = court.file.read_bytes().rstrip(b"\n")
        assert got == [line]
        assert syslog.recv(65536) == b"<109>ccms-ws-audit: " + line
    Path(path).unlink()
    court.traffic()
    assert court.keeper().write()  # neither is there any more


def test_a_line_says_when_what_and_by_whom(court: Court) -> None:
    raw = write_line(Event.HEADS, [], at=NOW, previous="0" * 64, identity=court.identity)
    facts = json.loads(raw)
    assert facts["at"] == NOW.isoformat()
    assert read_line(raw.rstrip(b"\n")) is not None
    assert hash_of(raw.rstrip(b"\n")) != hash_of(raw)
    for wrong in (b"", b"{}", b"[]", b"\xff", raw.replace(b'"heads"', b'"feet"')):
        assert read_line(wrong) is None
