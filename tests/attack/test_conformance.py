"""The table of requirements says what is so: each check exists, each negative test breaks the rule that it names."""

from __future__ import annotations

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

from ccms_ws.envelope.conformance import ProfileRequirement, requirements
from ccms_ws.errors import CcmsWsError
from tests.attack.vectors import read_vectors

TOP = Path(__file__).parents[2]
VECTORS = {str(vector): vector for vector in read_vectors()}
APPLYING = [requirement for requirement in requirements() if requirement.applies]


def _id(requirement: ProfileRequirement) -> str:
    return requirement.id


def test_ids_are_there_once_and_most_apply() -> None:
    ids = [requirement.id for requirement in requirements()]
    assert len(ids) == len(set(ids))
    assert len(APPLYING) >= 100
    assert sum(requirement.id.startswith("BSP ") for requirement in APPLYING) >= 50


def test_the_evidence_counts_requirements_and_vectors_rightly() -> None:
    evidence = (TOP / "ccms_ws" / "docs" / "EVIDENCE.md").read_text("utf-8")
    of_bsp = sum(requirement.id.startswith("BSP ") for requirement in APPLYING)
    assert f"| requirements | {len(APPLYING)} of " in evidence
    assert f"({of_bsp} of them BSP's" in evidence
    assert f"| attacks | {len(VECTORS)} stored vectors" in evidence


@pytest.mark.parametrize("requirement", requirements(), ids=_id)
def test_a_requirement_is_checked_and_shown_or_has_its_reason(requirement: ProfileRequirement) -> None:
    assert requirement.applies == bool(requirement.check) == bool(requirement.vector or requirement.test)
    assert not (requirement.vector and requirement.test)


@pytest.mark.parametrize("requirement", APPLYING, ids=_id)
def test_the_check_exists(requirement: ProfileRequirement) -> None:
    module, _, name = requirement.check.rpartition(".")
    assert callable(reduce(getattr, [name], importlib.import_module(module)))


@pytest.mark.parametrize("requirement", [each for each in APPLYING if each.vector], ids=_id)
def test_the_vector_breaks_the_rule_that_it_is_said_to_break(requirement: ProfileRequirement) -> None:
    with pytest.raises(CcmsWsError) as caught:
        VECTORS[requirement.vector].open()
    assert caught.value.rule == (requirement.shown_as or requirement.id).removeprefix("-")


@pytest.mark.parametrize("test", sorted({each.test for each in APPLYING if each.test}))
def test_the_test_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert re.search(rf"^def {name}\(", (TOP / path).read_text("utf-8"), re.MULTILINE)
