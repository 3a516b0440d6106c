"""A database of every version comes up to the newest, and back, with its data in it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, text

from ccms_ws.store import migrate
from ccms_ws.store.engine import open_engine
from ccms_ws.store.hash_chain_verification import Violation, verify

ORI = "CA034015J"
_ZEROS = {"sqlite": "zeroblob(32)", "postgresql": "decode(repeat('00', 32), 'hex')"}
_BYTES = {"sqlite": "x'3c782f3e'", "postgresql": "decode('3c782f3e', 'hex')"}
_ID = {"sqlite": "'{:032x}'", "postgresql": "'{:032x}'"}
_EMPTY = {"sqlite": "x''", "postgresql": "''::bytea"}
_FALSE = {"sqlite": "0", "postgresql": "false"}


def fill(engine: Engine, version: int) -> None:
    """What a court would have in a database of that version."""
    kind = engine.dialect.name
    keys = ", given_key, surname_key" if version < 4 else ""
    key_values = ", 'ANA', 'NUNEZ'" if version < 4 else ""
    cents = 1 if kind == "postgresql" else 100
    # What later versions no longer allow: a civil assessment without, and a payment with, a date of imposition.
    unknown, needless = ("NULL", "'2021-04-01'") if version < 4 else ("'2021-03-01'", "NULL")
    columns = "entry_id, court_ori, case_number, participant_id, kind, fee_kind, amount, posted_on, statute, imposed_on"
    entry = f"INSERT INTO ledger_entry ({columns}, reason, reverses) VALUES"
    statements = [
        f"INSERT INTO court (ori, name, county_code, dmv_court_code) VALUES ('{ORI}', 'Court', '34', '34440')",
        f"INSERT INTO participant (court_ori, participant_id, given, surname, middle, suffix, birth_date{keys})"
        f" VALUES ('{ORI}', 'P-1', 'Ana', 'Núñez', '', '', '1990-02-28'{key_values})",
        f"INSERT INTO court_case (court_ori, number, case_type, status, title, confidential, sealed)"
        f" VALUES ('{ORI}', 'TR-1', 'traffic', 'open', '', {_FALSE[kind]}, {_FALSE[kind]})",
        f"INSERT INTO case_participant (court_ori, case_number, participant_id, role)"
        f" VALUES ('{ORI}', 'TR-1', 'P-1', 'Defendant')",
        f"{entry} ('E-1', '{ORI}', 'TR-1', 'P-1', 'assessment', 'CivilAssessment', {300 * cents}, '2021-03-01', '',"
        f" {unknown}, '', NULL)",
        f"{entry} ('E-2', '{ORI}', 'TR-1', 'P-1', 'payment', 'CivilAssessment', {50 * cents}, '2021-04-01', '',"
        f" {needless}, '', NULL)",
        f"{entry} ('E-3', '{ORI}', 'TR-1', 'P-1', 'reversal', 'CivilAssessment', {50 * cents}, '2021-05-01', '',"
        " NULL, '', 'E-2')",
    ]
    if version in (3, 4):
        statements += [
            "INSERT INTO inbox_message (partner_id, message_id, exchange, root, relates_to, content_digest,"
            " received_at, answer_kind, answer_id, answer_action, answer_error_code, answer_error_reason, answer_body,"
            " raw, answer_raw)"
            f" VALUES ('FTB', {_ID[kind].format(n)}, 'FCC807', 'r', '', {_ZEROS[kind]}, '2026-03-01 10:00:00.000000',"
            f" 'accepted', {_ID[kind].format(9 + n)}, '', '', '', {_BYTES[kind]}, {_BYTES[kind]}, {_EMPTY[kind]})"
            for n in (1, 2)
        ]
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5])
def test_data_survives_the_way_up_and_down(blank_database_url: str, version: int) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine, f"{version:04}")
    fill(engine, version)
    migrate.upgrade(engine)
    ledger = "SELECT entry_id, kind, imposed_on, reverses, obligation FROM ledger_entry ORDER BY entry_id"
    found = [(key, kind, None if day is None else str(day), *rest) for key, kind, day, *rest in rows(engine, ledger)]
    assert found == [
        ("E-1", "assessment", "2021-03-01", None, None),
        ("E-2", "payment", None, None, None),
        ("E-3", "reversal", None, "E-2", None),
    ]
    if version < 4:
        assert rows(engine, "SELECT surname_key, participant_id FROM participant_key") == [("NUNEZ", "P-1")]
    kept = rows(engine, "SELECT count(*) FROM inbox_message")[0][0]
    assert kept == (2 if version in (3, 4) else 0)
    with engine.connect() as connection:
        assert not [found for found in verify(connection) if isinstance(found, Violation)]
    for earlier in range(4, 0, -1):
        migrate.downgrade(engine, f"{earlier:04}")
        assert rows(engine, "SELECT count(*) FROM ledger_entry") == [(3,)]
        if earlier < 4:
            assert rows(engine, "SELECT given_key, surname_key FROM participant") == [("ANA", "NUNEZ")]
        if earlier in (3, 4):
            assert rows(engine, "SELECT count(*) FROM inbox_message") == [(kept,)]
    migrate.upgrade(engine)
    assert migrate.is_current(engine)
    engine.dispose()


def test_search_keys_of_an_older_version_are_written_anew(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine, "0011")
    fill(engine, 11)
    with engine.begin() as connection:
        connection.execute(text("UPDATE participant SET surname = 'O\u02bbM\u00fcller' WHERE participant_id = 'P-1'"))
        connection.execute(
            text(
                "INSERT INTO participant_name (court_ori, participant_id, kind, given, surname, middle, suffix)"
                f" VALUES ('{ORI}', 'P-1', 'alias', 'Ana', 'St. John', '', '')"
            )
        )
        connection.execute(text(f"INSERT INTO participant_key VALUES ('{ORI}', '1990-02-28', 'O\u02bbMULLER', 'P-1')"))
    migrate.upgrade(engine)
    found = {key for (key,) in rows(engine, "SELECT surname_key FROM participant_key")}
    assert found == {"OMULLER", "STJOHN", "ST", "JOHN"}
    engine.dispose()


def test_what_was_sent_before_is_chained_by_the_upgrade(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine, "0011")
    kind = engine.dialect.name
    at = "'2026-03-01 10:00:00.000000'" if kind == "sqlite" else "'2026-03-01 10:00:00+00'"
    statements = [
        "INSERT INTO outbox_message (message_id, exchange, partner_id, root, created_at, state, blocked_subjects,"
        f" due_at, attempts, worker, last_error) VALUES ({_ID[kind].format(7)}, 'COL903', 'FTB', 'r', {at}, 'pending',"
        f" 1, {at}, 0, '', '')",
        f"INSERT INTO outbox_body (outbox_id, part, content) VALUES (1, 0, {_BYTES[kind]})",
        f"INSERT INTO outbox_body (outbox_id, part, content) VALUES (1, 1, {_BYTES[kind]})",
        "INSERT INTO delivery_attempt (outbox_id, number, worker, started_at, ended_at, outcome, http_status,"
        f" error_code, detail) VALUES (1, 1, 'w', {at}, {at}, 'failed', 503, 'status', 'no')",
        "INSERT INTO outbox_hold (outbox_id, number, held_at, held_by, held_reason, let_go_at, let_go_by,"
        f" let_go_reason) VALUES (1, 1, {at}, 'lee', 'x', {at}, 'lee', 'y'), (1, 2, {at}, 'lee', 'x', NULL, '', '')",
    ]
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    migrate.upgrade(engine)
    with engine.connect() as connection:
        assert not [found for found in verify(connection) if isinstance(found, Violation)]
    kinds = "SELECT kind FROM message_chain_entry ORDER BY number"
    assert [row[0] for row in rows(engine, kinds)] == ["outgoing", "attempt", "hold", "hold", "hold end"]
    engine.dispose()


def test_referrals_get_their_lines_and_one_partner_collects(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine, "0016")
    fill(engine, 16)
    cents = 1 if engine.dialect.name == "postgresql" else 100
    columns = "referral_id, partner_id, court_ori, case_number, participant_id, referred_on, referred_amount"
    with engine.begin() as connection:
        for referral_id, partner, on, closed in (
            ("R-1", "FTB", "2021-04-15", "NULL"),
            ("R-2", "AGENCY", "2021-04-16", "NULL"),
            ("R-3", "FTB", "2021-03-02", "'2021-03-05'"),
            ("R-4", "OTHER", "2021-02-28", "'2021-03-05'"),
        ):
            connection.execute(
                text(
                    f"INSERT INTO referral ({columns}, account_number, closed_on) VALUES"
                    f" ('{referral_id}', '{partner}', '{ORI}', 'TR-1', 'P-1', '{on}', {100 * cents}, '', {closed})"
                )
            )
    migrate.upgrade(engine)
    assert rows(engine, "SELECT referral_id, purpose, state, reason FROM referral ORDER BY referral_id") == [
        ("R-1", "Collect", "open", ""),
        ("R-2", "Monitor", "open", ""),
        ("R-3", "Collect", "ended", ""),
        ("R-4", "Collect", "ended", ""),
    ]
    lines = "SELECT referral_id, entry_id FROM referral_line ORDER BY referral_id"
    assert rows(engine, lines) == [("R-1", "E-1"), ("R-2", "E-1"), ("R-3", "E-1")]
    assert set(rows(engine, "SELECT reported_by, due_on FROM ledger_entry")) == {("", None)}
    migrate.downgrade(engine, "0016")
    closed = "SELECT referral_id FROM referral WHERE closed_on IS NULL ORDER BY referral_id"
    assert rows(engine, closed) == [("R-1",), ("R-2",)]
    migrate.upgrade(engine)
    assert migrate.is_current(engine)
    engine.dispose()
