"""The optional parts of the exchanges: each has what its program asks for, under names that no other has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ccms_ws.contract import catalog
from ccms_ws.demo.installation import PARTNERS, partners_of
from ccms_ws.exchange import Exchange
from ccms_ws.registry import EXCHANGES, part

NAMES = {
    "simulate": {"responder", "QueryClient"},  # for an exchange that the court begins, and that a partner begins
    "conformance": {"TASKS", "PARTNERS"},
    "replay": {"ACTIONS", "STATES", "record", "make_books"},
    "demo": {"steps", "SETTINGS", "SCRIPTS"},
}
"""What each program looks for in a part."""


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.code)
def test_each_part_has_something_that_its_program_looks_for(exchange: Exchange) -> None:
    found = {name: module for name in NAMES if (module := part(exchange, name)) is not None}
    assert found
    for name, module in found.items():
        assert NAMES[name] & set(vars(module)), module.__name__
        assert Path(module.__file__ or "").parent.name == exchange.code.lower()
    assert part(exchange, "nothing") is None


@pytest.mark.parametrize("name", ["ACTIONS", "STATES"])
def test_a_name_in_recorded_cases_means_one_thing(name: str) -> None:
    counted = Counter(key for each in EXCHANGES for key in getattr(part(each, "replay"), name, {}))
    assert counted
    assert max(counted.values()) == 1


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.code)
def test_demo_partners_with_settings_or_a_script_take_part(exchange: Exchange) -> None:
    demo = part(exchange, "demo")
    named = {*getattr(demo, "SETTINGS", {}), *getattr(demo, "SCRIPTS", {})}
    assert named <= set(partners_of(exchange)) <= set(PARTNERS)
    assert partners_of(exchange)


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.code)
def test_elements_with_a_special_role_are_in_the_schema(exchange: Exchange) -> None:
    elements = exchange.elements
    names = elements.own_ids | elements.earlier_ids | elements.totals | {*elements.codes, *elements.court}
    schema = catalog.parse(catalog.exchange_schemas()[exchange.namespace])
    declared = {f"{{{exchange.namespace}}}{each.get('name')}" for each in schema}
    assert names <= declared
