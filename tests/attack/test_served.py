"""Attacks on `ccms-ws serve` as it is, with messages that are signed now: nothing gets in and nothing stays behind."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from lxml import etree

from tests.attack.wrapping import variants
from tests.support.serving import Served, served_court

EVERY = 5
"""Each fifth of the variants: the rest differ in nothing that a socket could change."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_court(tmp_path_factory.mktemp("served") / "court") as running:
        yield running


def _rows(served: Served) -> Counter[str]:
    with sqlite3.connect(f"file:{served.database}?mode=ro", uri=True) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counted = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}
    database.close()
    return Counter(counted)


def _refusals(served: Served) -> int:
    """How many there were, kept or only counted."""
    with sqlite3.connect(f"file:{served.database}?mode=ro", uri=True) as database:
        kept, counted = database.execute(
            "SELECT (SELECT count(*) FROM refusal), (SELECT coalesce(sum(number), 0) FROM refusal_count)"
        ).fetchone()
    database.close()
    return int(kept + counted)


def _answer(served: Served, body: bytes) -> tuple[int, bytes]:
    with served.connect() as connection:
        connection.post(body)
        status, _, answer = connection.answer()
    return status, answer


def test_no_wrapping_variant_of_a_fresh_query_gets_past_a_real_endpoint(served: Served) -> None:
    raw = served.query()
    status, honest = _answer(served, raw)
    assert status == 200
    payload = etree.tostring(etree.fromstring(honest)[-1][0], method="c14n", exclusive=True)
    outcomes: Counter[int] = Counter()
    for variant in islice(variants(raw), 0, None, EVERY):
        status, answer = _answer(served, variant.raw)
        outcomes[status] += 1
        if status == 200:  # nothing but the order of blocks was changed: the stored answer comes again
            assert ": moved " in variant.name, variant.name
            assert etree.tostring(etree.fromstring(answer)[-1][0], method="c14n", exclusive=True) == payload
        else:
            assert (status, b"Fault" in answer) == (400, True), variant.name
    assert outcomes[400] >= 150
    assert outcomes[200] <= 10


def test_what_is_refused_leaves_nothing_but_refusals(served: Served) -> None:
    before, noted = _rows(served), _refusals(served)
    raw = served.query()
    for number in range(20):
        status, _ = _answer(served, raw.replace(b"</ds:DigestValue>", b"=</ds:DigestValue>", 1) + b"\n" * number)
        assert status == 400
    deadline = time.monotonic() + 20
    while _refusals(served) < noted + 20:  # those that are only counted are written every few seconds
        assert time.monotonic() < deadline
        time.sleep(0.2)
    added = _rows(served) - before
    assert all("refus" in name for name in added), added


@pytest.mark.parametrize("case", ["24CR01234' OR '1'='1", "'; DROP TABLE message; --", "%", "\\", "24CR_____"])
def test_values_are_values_to_the_database(served: Served, case: str, tmp_path: Path) -> None:
    before = _rows(served)
    status, answer = _answer(served, served.query(case_number=case))
    assert status in (200, 400)
    assert b"BalanceAmount" not in answer
    assert not before - _rows(served), "rows are gone"
