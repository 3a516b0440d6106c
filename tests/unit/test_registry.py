"""The exchanges of an installation: what a declaration must say, and the optional parts of a folder."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from ccms_ws import registry
from ccms_ws.cli.app import app, exchange_commands
from ccms_ws.errors import UnknownMessage
from ccms_ws.exchange import Exchange
from ccms_ws.registry import EXCHANGES, get_exchange, part


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.code)
def test_an_exchange_is_either_a_request_or_a_notification(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="either a request or a notification"):
        replace(exchange, request=None, notification=None)
    sent, asked = get_exchange("DMV907").notification, get_exchange("FCC807").request
    with pytest.raises(ValueError, match="either a request or a notification"):
        replace(exchange, request=asked, notification=sent)


def test_an_exchange_is_found_by_its_code() -> None:
    assert [get_exchange(each.code) for each in EXCHANGES] == list(EXCHANGES)
    with pytest.raises(UnknownMessage):
        get_exchange("XYZ999")


def test_a_part_is_optional() -> None:
    exchange = get_exchange("DMV907")
    found = part(exchange, "commands")
    assert found is not None
    assert found.__name__ == f"{exchange.package}.commands"
    assert part(exchange, "nothing") is None


def test_the_commands_of_a_registered_exchange_are_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its code is: the command line names no exchange."""
    made_up: Any = SimpleNamespace(code="ABC001", package=get_exchange("DMV907").package)
    monkeypatch.setattr(registry, "EXCHANGES", (*EXCHANGES, made_up))
    exchange_commands.cache_clear()
    try:
        shown = CliRunner().invoke(app, ["abc001", "--help"])
        assert shown.exit_code == 0
        assert "release" in shown.output
        assert "abc001" in CliRunner().invoke(app, ["--help"]).output
    finally:
        exchange_commands.cache_clear()
