"""A database of an earlier revision comes up to the newest, and back, with its data in it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from ccms_ws.store import migrate
from ccms_ws.store.engine import open_engine

ORI = "CA034015J"


def fill(engine: Engine) -> None:
    """A case with a ledger, as a court would have it at the first revision."""
    kind = engine.dialect.name
    cents, no = (1, "false") if kind == "postgresql" else (100, "0")
    columns = "entry_id, court_ori, case_number, participant_id, kind, fee_kind, amount, posted_on, statute, imposed_on"
    entry = f"INSERT INTO ledger_entry ({columns}, reason, reverses) VALUES"
    with engine.begin() as connection:
        for statement in (
            f"INSERT INTO court (ori, name, county_code, dmv_court_code) VALUES ('{ORI}', 'Court', '34', '34440')",
            f"INSERT INTO participant (court_ori, participant_id, given, surname, middle, suffix, birth_date)"
            f" VALUES ('{ORI}', 'P-1', 'Ana', 'Núñez', '', '', '1990-02-28')",
            f"INSERT INTO court_case (court_ori, number, case_type, status, title, confidential, sealed)"
            f" VALUES ('{ORI}', 'TR-1', 'traffic', 'open', '', {no}, {no})",
            f"INSERT INTO case_participant (court_ori, case_number, participant_id, role)"
            f" VALUES ('{ORI}', 'TR-1', 'P-1', 'Defendant')",
            f"{entry} ('E-1', '{ORI}', 'TR-1', 'P-1', 'assessment', 'CivilAssessment', {300 * cents}, '2021-03-01', '',"
            " '2021-03-01', '', NULL)",
            f"{entry} ('E-2', '{ORI}', 'TR-1', 'P-1', 'payment', 'CivilAssessment', {50 * cents}, '2021-04-01', '',"
            " NULL, '', NULL)",
        ):
            connection.execute(text(statement))


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_referrals_get_their_lines_and_one_partner_collects(blank_database_url: str) -> None:
    engine = open_engine(blank_database_url)
    migrate.upgrade(engine, "r1")
    fill(engine)
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
    migrate.downgrade(engine, "r1")
    closed = "SELECT referral_id FROM referral WHERE closed_on IS NULL ORDER BY referral_id"
    assert rows(engine, closed) == [("R-1",), ("R-2",)]
    migrate.upgrade(engine)
    assert migrate.is_current(engine)
    engine.dispose()
