"""Envelopes kept in a folder: what is in them stands in their names, their bytes are untouched."""

from __future__ import annotations

import os
from pathlib import Path

from ccms_ws.clients.wire_dump import record_into
from ccms_ws.contract.namespaces import SOAP12, WSU

CREATED = f'<t:Created xmlns:t="{WSU}">2026-11-20T08:30:00.123Z</t:Created>'


def envelope(body: str, header: str = "") -> bytes:
    head = f"<e:Header>{header}</e:Header>"
    return f'<e:Envelope xmlns:e="{SOAP12}">{head}<e:Body>{body}</e:Body></e:Envelope>'.encode()


SENT = envelope("<Query/>", CREATED)
REPLY = envelope("<Response/>")
FAULT = envelope("<e:Fault><e:Detail><QueryError/></e:Detail></e:Fault>")


def names(folder: Path) -> list[str]:
    """The names without the part that is different each time."""
    return [path.name.replace(path.name.split("-")[1], "*") for path in sorted(folder.iterdir())]


def test_a_conversation_is_two_files_that_stand_together(tmp_path: Path) -> None:
    record_into(tmp_path / "new")(SENT, REPLY)
    assert names(tmp_path / "new") == ["20261120T083000.123Z-*-1-Query.xml", "20261120T083000.123Z-*-2-Response.xml"]
    assert {path.read_bytes() for path in (tmp_path / "new").iterdir()} == {SENT, REPLY}


def test_a_fault_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    record_into(tmp_path)(SENT, FAULT)
    assert names(tmp_path)[1].endswith("-2-Fault-QueryError.xml")


def test_silence_makes_no_file_and_rubbish_is_kept(tmp_path: Path) -> None:
    record = record_into(tmp_path)
    record(SENT, None)
    record(SENT, b"")
    assert len(names(tmp_path)) == 2
    record(SENT, b"<html>")
    assert any(name.endswith("-2-unreadable.xml") for name in names(tmp_path))


def test_folder_and_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        record_into(tmp_path / "new")(SENT, REPLY)
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new").iterdir()} == {0o600}
