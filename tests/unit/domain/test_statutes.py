"""Sections of codes: one spelling for all that files use, and what a rule's section covers."""

from __future__ import annotations

import pytest

from ccms_ws.domain.statutes import Statutes, normal_statute


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("PC 1214.1(a)", "PC 1214.1(a)"),
        ("PC1214.1", "PC 1214.1"),
        ("pc 1214.1 (A)", "PC 1214.1(a)"),
        ("P.C. § 1214.1", "PC 1214.1"),
        ("Penal Code section 1202.4, subd. (f)", "PC 1202.4(f)"),
        ("14601.1(a) VC", "VC 14601.1(a)"),
        ("40508b", "40508(b)"),
        ("VC 40508c", "VC 40508(c)"),
        ("CVC 14601.2a", "VC 14601.2(a)"),
        ("PC 1203.1b", "PC 1203.1b"),
        ("PC 1203.4A", "PC 1203.4a"),
        ("1203.1b", "1203.1b"),
        ("GC 29550.1", "GOV 29550.1"),
        ("W&I 730.6", "WI 730.6"),
        ("VC 23152(A)(1)(B)", "VC 23152(a)(1)(B)"),
        ("  local ordinance  ", "local ordinance"),
        ("VC", "VC"),
        ("", ""),
    ],
)
def test_a_statute_has_one_spelling(written: str, normal: str) -> None:
    assert normal_statute(written) == normal
    assert normal_statute(normal) == normal


@pytest.mark.parametrize(
    ("entry", "statute", "covered"),
    [
        ("PC 1203.016", "PC 1203.016(g)", True),
        ("PC 1203.016", "PC1203.016", True),
        ("PC 1203.1", "PC 1203.1(l)", True),
        ("PC 1203.1", "PC 1203.1b", False),
        ("PC 1203.1", "PC 1203.16", False),
        ("PC 1203", "PC 1203.1", False),
        ("GOV 29550(c)", "GC 29550(c)(1)", True),
        ("GOV 29550(c)", "GOV 29550", False),
        ("GOV 29550(c)", "GOV 29550(d)", False),
        ("PC 2085.5-2085.7", "PC 2085.6(b)", True),
        ("PC 2085.5-2085.7", "PC 2085.8", False),
        ("PC 1214.1", "VC 1214.1", False),
        ("PC 1214.1", "1214.1", False),
        ("PC 1214.1", "", False),
    ],
)
def test_a_section_covers_its_subdivisions_and_no_neighbour(entry: str, statute: str, covered: bool) -> None:
    assert Statutes.of([entry]).covers(statute) is covered


def test_the_code_book_that_a_rule_is_about_stands_for_one_that_is_not_named() -> None:
    assert Statutes.of(["40508(c)"], "VC").covers("VC 40508c")
    assert Statutes.of(["40508(c)"], "VC").covers("40508(c)")
    assert not Statutes.of(["40508(c)"], "VC").covers("PC 40508(c)")


@pytest.mark.parametrize("entry", ["", "the fee", "PC 1-VC 2", "PC 1-", "9840-x"])
def test_an_entry_that_is_no_section_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="no section"):
        Statutes.of([entry])
