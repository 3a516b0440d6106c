"""A court's own code list counts in what it does with answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccms_ws.bootstrap import open_court
from ccms_ws.config import load_settings
from ccms_ws.errors import ConfigError


def with_codes(folder: Path) -> Path:
    settings = folder / "ccms-ws.toml"
    settings.write_text(settings.read_text("utf-8").replace("[court]", '[court]\ncodes = "codes"', 1), encoding="utf-8")
    (folder / "codes").mkdir()
    return settings


def test_a_court_that_opens_has_its_own_codes(court_folder: Path) -> None:
    settings = with_codes(court_folder)
    (court_folder / "codes" / "dmv907-message-codes.toml").write_text(
        '[codes."0042"]\ntext = "Taken over."\noutcome = "accepted"\neffective = 2026-06-01\n', encoding="utf-8"
    )
    court = open_court(load_settings(settings))
    assert court.codes["dmv907-message-codes"]["0042"].outcome == "accepted"


def test_a_court_does_not_open_with_a_list_that_cannot_be_used(court_folder: Path) -> None:
    settings = with_codes(court_folder)
    (court_folder / "codes" / "message-codes.toml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="no code list message-codes"):
        open_court(load_settings(settings))
