"""Every attack ends in the error that it must end in, or shows exactly what was signed: as stored, and made afresh."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ccms_ws.envelope.checks import Report
from ccms_ws.errors import CcmsWsError
from tests.attack.attack import Attack
from tests.attack.catalogue import ROWS
from tests.attack.families import addressing, hostile, octets, profiles, signatures, signers, structure
from tests.attack.table import table
from tests.attack.vectors import FOLDER, Vector, read_vectors
from tests.support.envelopes import NS, opened

TOP = Path(__file__).parents[2]
ATTACKS = [
    *structure.ATTACKS,
    *signatures.ATTACKS,
    *signers.ATTACKS,
    *hostile.ATTACKS,
    *addressing.ATTACKS,
    *octets.ATTACKS,
    *profiles.ATTACKS,
]
VECTORS = list(read_vectors())


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_stored_attack_ends_as_its_sidecar_says(vector: Vector) -> None:
    if not vector.expectation.code:
        envelope = vector.open()
        assert envelope.payload.findtext("t:Case", namespaces=NS) == "24CR01234"
        assert any(remark.startswith(vector.expectation.remark) for remark in envelope.remarks or [""])
        return
    with pytest.raises(CcmsWsError) as caught:
        vector.open()
    assert caught.value.code == vector.expectation.code, caught.value


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_an_attack_made_afresh_ends_as_it_must(attack: Attack) -> None:
    if attack.answer is None:
        envelope = opened(attack.make(), **attack.how)  # type: ignore[arg-type]
        assert envelope.payload.findtext("t:Case", namespaces=NS) == "24CR01234"
        assert any(remark.startswith(attack.remark) for remark in envelope.remarks or [""])
        return
    with pytest.raises(CcmsWsError) as caught:
        opened(attack.make(), **attack.how)  # type: ignore[arg-type]
    assert type(caught.value) is attack.answer, caught.value


def _verdict(vector: Vector, report: Report | None = None) -> tuple[str, str, str]:
    """Partner, error code and text: one of partner and code is empty."""
    try:
        return vector.open(report).partner_id, "", ""
    except CcmsWsError as error:
        return "", error.code, str(error)


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_report_comes_to_the_same_verdict(vector: Vector) -> None:
    """What is reported is accepted if, and only if, it is accepted without a report; the first failure is the same."""
    report = Report()
    partner_id, code, text = _verdict(vector, report)
    assert (partner_id, code, text) == _verdict(vector)
    failures = [result.error for result in report.results if result.error is not None]
    assert bool(failures) == bool(code)
    if failures:
        assert (failures[0].code, str(failures[0])) == (code, text)


def test_every_attack_made_afresh_is_stored_too() -> None:
    stored = {
        (vector.expectation.attack, re.sub(r" \(\d\)$", "", vector.expectation.name), vector.expectation.code)
        for vector in VECTORS
    }
    missing = [
        str(attack)
        for attack in ATTACKS
        if (attack.number, attack.name, attack.answer.code if attack.answer else "") not in stored
    ]
    assert not missing, "run tools/make-attack-vectors"


def test_what_foreign_stacks_write_is_accepted_for_a_stated_reason() -> None:
    accepted = [vector for vector in VECTORS if vector.expectation.reason]
    assert len(accepted) >= 17
    assert not [str(vector) for vector in accepted if vector.expectation.code]


def test_each_of_the_44_attacks_is_answered_by_vectors_or_by_tests() -> None:
    assert list(ROWS) == list(range(1, 45))
    attacked = {vector.expectation.attack for vector in VECTORS}
    for number, row in ROWS.items():
        assert (number in attacked) == (not row.without), number
        assert row.tests or number in attacked, number


@pytest.mark.parametrize("test", sorted({test for row in ROWS.values() for test in row.tests}))
def test_a_test_that_the_table_names_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert re.search(rf"^def {name}\(", (TOP / path).read_text("utf-8"), re.MULTILINE), test


def test_the_table_is_as_the_vectors_are() -> None:
    assert (FOLDER / "README.md").read_text("utf-8") == table(VECTORS), "run tools/make-attack-vectors"
