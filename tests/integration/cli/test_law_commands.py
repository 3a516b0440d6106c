"""`ccms-ws law`: which rules there are at this court, and what they did to a case."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from ccms_ws.bootstrap import load_court
from ccms_ws.domain.courts import Case, CaseParticipant, CaseType, Participant, ParticipantRole, PersonName
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from tests.support.commands import Commands

CASE = "CR-2031-000001"


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    court = load_court(court_folder / "ccms-ws.toml")
    ori = court.court.ori
    person = Participant(ori, "L-1", PersonName("Ada", "Fined"), date(1980, 1, 1))
    debts = [
        ("RestitutionFine", "PC 1202.4", date(2014, 5, 1), "300.00", date(2014, 5, 1)),
        ("Restitution", "PC 1202.4(f)", date(2014, 5, 1), "900.00", date(2014, 5, 1)),
        ("CivilAssessment", "PC 1214.1", date(2023, 5, 1), "300.00", date(2023, 5, 1)),
        ("JuvenileRestitutionFine", "WI 730.6", date(2012, 5, 1), "100.00", date(2012, 5, 1)),
        ("AdministrativeFee", "PC 1205", date(2020, 5, 1), "35.00", None),
        ("RestitutionFine", "", date(2013, 5, 1), "150.00", date(2013, 5, 1)),
        ("RestitutionFine", "", date(2019, 5, 1), "150.00", date(2019, 5, 1)),
    ]
    with court.units() as uow:
        uow.books.add(
            Case(ori, CASE, CaseType.CRIMINAL), person, CaseParticipant(person, CASE, ParticipantRole.DEFENDANT)
        )
        for number, (fee, statute, posted, amount, imposed) in enumerate(debts, start=1):
            uow.books.add(
                LedgerEntry(
                    *(f"L-{number}", ori, CASE, "L-1", EntryKind.ASSESSMENT, fee, Decimal(amount), posted),
                    statute=statute, imposed_on=imposed,
                )
            )  # fmt: skip
        uow.commit()
    return Commands(court_folder / "ccms-ws.toml", capsys)


def test_a_check_says_which_rule_removed_what_when_and_why(ccms_ws: Commands) -> None:
    ended = ccms_ws("law", "check", CASE, "--as-of", "2026-11-01", "--json")
    assert ended.code == 0
    said = json.loads(ended.out)
    assert [(one["rule"], one["since"], one["removed"], one["entries"]) for one in said["removed"]] == [
        ("ab-177-costs-beside-fines", "2022-01-01", "35.00", "L-5"),
        ("restitution-fines", "2025-01-01", "300.00", "L-1"),
    ]
    assert "PC 1465.9(d)" in said["removed"][1]["why"]
    assert [(one["rule"], one["entry"]) for one in said["to_look_at"]] == [
        ("ab-177-costs-beside-fines", "L-5"),
        ("civil-assessment-limit", "L-3"),
        ("restitution-fines", "L-6"),
        ("juvenile-restitution-fines", "L-4"),
    ]
    words = ccms_ws("law", "check", CASE, "--as-of", "2026-11-01")
    assert (words.code, "restitution-fines" in words.out, "To look at" in words.out) == (0, True, True)


def test_a_day_before_the_law_has_nothing_removed(ccms_ws: Commands) -> None:
    ended = ccms_ws("law", "check", CASE, "--as-of", "2021-01-01", "--json")
    assert json.loads(ended.out)["removed"] == []


def test_a_case_that_is_not_there_is_not_found(ccms_ws: Commands) -> None:
    assert ccms_ws("law", "check", "CR-NONE").code == 4


def test_the_list_shows_what_has_effect_and_a_switch_changes_it(ccms_ws: Commands, court_folder: Path) -> None:
    def effects() -> dict[str, bool]:
        return {rule["rule"]: rule["in_effect"] for rule in json.loads(ccms_ws("law", "list", "--json").out)}

    before = effects()
    assert (before["restitution-fines"], before["juvenile-restitution-fines"]) == (True, False)
    settings = court_folder / "ccms-ws.toml"
    switch = "[court.law_rules]\njuvenile-restitution-fines = true\nrestitution-fines = false\n"
    settings.write_text(f"{settings.read_text('utf-8')}\n{switch}", "utf-8")
    after = effects()
    assert (after["restitution-fines"], after["juvenile-restitution-fines"]) == (False, True)
    settings.write_text(settings.read_text("utf-8").replace("juvenile-rest", "juvenil-rest"), "utf-8")
    refused = ccms_ws("law", "list")
    assert (refused.code, "there is no rule juvenil-restitution-fines" in refused.err) == (3, True)
