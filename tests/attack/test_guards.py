"""No guard of the envelope layer is there for nothing: with any of them off, some attack gets further than it may."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ccms_ws.envelope import parsing
from ccms_ws.errors import CcmsWsError
from tests.attack.guards import NOT_BY_MESSAGES, Finding, guards, switch_each_off
from tests.attack.vectors import Vector, read_vectors

TOP = Path(__file__).parents[2]
VECTORS = list(read_vectors())


@pytest.fixture(scope="module")
def findings() -> list[Finding]:
    return list(switch_each_off(VECTORS))


def test_every_guard_stops_an_attack_that_nothing_before_it_stops(findings: list[Finding]) -> None:
    assert len(findings) == len(guards()) >= 100
    assert not [str(finding.guard) for finding in findings if finding.vector is None]


def test_most_guards_let_an_attack_in_when_they_are_off(findings: list[Finding]) -> None:
    let_in = [finding for finding in findings if finding.let_in]
    assert len([finding for finding in let_in if not finding.behind]) >= 65
    # The others fall over: without them the message cannot even be read on, and is refused as a defect of ours.
    assert all(finding.crash and not finding.crash.startswith("refused") for finding in findings if not finding.let_in)


def test_what_was_switched_off_is_on_again(findings: list[Finding]) -> None:
    assert findings
    for vector in VECTORS[::7]:
        if vector.expectation.code:
            with pytest.raises(CcmsWsError):
                vector.open()


@pytest.mark.parametrize("guard", NOT_BY_MESSAGES)
def test_a_guard_that_no_message_reaches_exists_and_has_its_own_test(guard: str) -> None:
    module, _, function = guard.partition(" ")[0].partition(".")
    assert function.rpartition(".")[2] in (TOP / "ccms_ws" / "envelope" / f"{module}.py").read_text("utf-8")
    path, _, name = NOT_BY_MESSAGES[guard].partition("::")
    assert re.search(rf"^def {name}\(", (TOP / path).read_text("utf-8"), re.MULTILINE), name


def _vector(slug: str) -> Vector:
    return next(vector for vector in VECTORS if vector.slug == slug)


@pytest.mark.parametrize("slug", ["24-a-document-type", "24-an-internal-entity", "25-an-external-entity"])
def test_without_a_look_at_the_prolog_document_types_get_in(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "_PROLOG", re.compile(rb"(?P<encoding>\A(?!))?"))
    assert _vector(slug).open()
