"""Two spellings are one name, or they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.domain.courts import PersonName
from ccms_ws.domain.name_matching import DECISIONS, MOST_SURNAME_KEYS, Decision, name_key, same_name, surname_keys


def name(text: str) -> PersonName:
    """ "Given|Surname|Middle|Suffix"."""
    given_name, surname, middle, suffix = [*text.split("|"), "", "", ""][:4]
    return PersonName(given_name, surname, middle, suffix)


@pytest.mark.parametrize(
    ("asked", "on_file"),
    [
        ("ANA|nunez obrien", "Ana|Núñez-O'Brien"),
        ("Ana|O’Brien", "Ana|O'BRIEN"),
        ("Minh|Dang", "Minh|Đặng"),
        ("Ana|Garcia", "Ana|García Márquez"),
        ("Ana|Marquez", "Ana|García Márquez"),
        ("Ana|Garcia-Marquez", "Ana|García"),
        ("Ana|Cruz", "Ana|de la Cruz"),
        ("Ana|Delacruz", "Ana|de la Cruz"),
        ("Jan|van der Berg", "Jan|Vanderberg"),
        ("Ana Maria|Lee", "Ana|Lee|María"),
        ("Ana|Lee|M", "Ana|Lee|Maria"),
        ("Jo Ann|Lee", "Joann|Lee"),
        ("Ana|Lee Jr", "Ana|Lee||Jr."),
        ("Ana|Lee||Junior", "Ana|Lee||JR"),
        ("Ana|Lee||3rd", "Ana|Lee||III"),
        ("Ana|Lee", "Ana|Lee||Sr"),
        ("|Lee", "Ana|Lee"),
        ("Van|Do", "Văn|Đỗ"),
        ("Ana|Weiß", "Ana|WEISS"),
    ],
)
def test_they_are_one(asked: str, on_file: str) -> None:
    assert same_name(name(asked), name(on_file))
    assert surname_keys(name(asked)) & surname_keys(name(on_file))


@pytest.mark.parametrize(
    ("asked", "on_file"),
    [
        ("Anna|Lee", "Ana|Lee"),
        ("Ana|Lee", "Ana|Leed"),
        ("Ana|Lee|Rosa", "Ana|Lee|Maria"),
        ("Ana Rosa|Lee", "Ana|Lee|María"),
        ("Ana|Lee||Jr", "Ana|Lee||Sr"),
        ("Ana|Lee||I", "Ana|Lee||III"),
        ("Ana|Garcia Lopez", "Ana|Garcia Marquez"),
        ("Ana|de la", "Ana|de la Cruz"),
        ("Ana|-", "Ana|-"),
    ],
)
def test_they_are_two(asked: str, on_file: str) -> None:
    assert not same_name(name(asked), name(on_file))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda each: f"{each.asked} / {each.on_file}")
def test_each_decision_of_the_table_holds_in_both_directions(decision: Decision) -> None:
    asked, on_file = name(decision.asked), name(decision.on_file)
    assert same_name(asked, on_file) is decision.same
    assert same_name(on_file, asked) is decision.same
    if decision.same:
        assert surname_keys(asked) & surname_keys(on_file)


@pytest.mark.parametrize("mark", "'`´ʹʻʼʽʾʿˈˊˋ‘’‛′‵ꞌ＇")
def test_whatever_looks_like_an_apostrophe_is_one(mark: str) -> None:
    assert same_name(name(f"Ana|O{mark}Brien"), name("Ana|OBrien"))
    assert name_key(f"D{mark}Angelo") == "DANGELO"


@pytest.mark.parametrize(
    ("asked", "on_file", "same"),
    [
        ("Jürgen|Müller-Öz", "Juergen|Mueller Oez", True),
        ("Ana|Mu\u0308ller", "Ana|Mueller", True),
        ("Ana|Samuel", "Ana|Samul", False),
        ("Ana|Sauer", "Ana|Saur", False),
        ("Ana|Isaac", "Ana|Isac", False),
        ("Ana|de St-Exupéry", "Ana|de Saint Exupery", True),
        ("Ana|Stjohn", "Ana|St. John", True),
        ("Ana|Saintjohn", "Ana|St John", True),
        ("Ana|Saint", "Ana|Saint John", False),
        ("J R|Lee", "John Robert|Lee", True),
        ("J S|Lee", "John Robert|Lee", False),
        ("John|Lee|R", "J|Lee|Robert", True),
        ("Å|Lee", "Aage|Lee", True),
    ],
)
def test_decisions_combine(asked: str, on_file: str, same: bool) -> None:
    assert same_name(name(asked), name(on_file)) is same
    assert same_name(name(on_file), name(asked)) is same


letters = st.text("abcdefghijklmnopqrstuvwxyzäöüåøßéñ", min_size=2, max_size=8)


@given(letters, letters)
def test_two_words_are_one_surname_only_if_a_spelling_of_theirs_is_the_same(one: str, other: str) -> None:
    """Written without the table: each letter by itself, all plain or all transliterated."""
    plain = {"ä": "a", "ö": "o", "ü": "u", "å": "a", "ø": "o", "ß": "ss", "é": "e", "ñ": "n"}
    long = plain | {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}

    def spellings(word: str) -> set[str]:
        return {"".join(table.get(char, char) for char in word) for table in (plain, long)}

    known = {"jr", "sr", "ii", "iii", "iv", "v", "vi", "al", "da", "de", "di", "du", "el", "la", "st", "ste"}
    if known & (spellings(one) | spellings(other)):
        return
    same = bool(spellings(one) & spellings(other))
    assert same_name(PersonName("Ana", one), PersonName("Ana", other)) is same


names = st.builds(PersonName, st.text(max_size=12), st.text(max_size=20), st.text(max_size=8), st.text(max_size=4))


@given(names, names)
def test_who_can_be_meant_is_found_by_the_keys(one: PersonName, other: PersonName) -> None:
    if same_name(one, other):
        assert surname_keys(one) & surname_keys(other)
    assert len(surname_keys(one)) <= MOST_SURNAME_KEYS


@given(names, names)
def test_it_makes_no_difference_who_asks(one: PersonName, other: PersonName) -> None:
    if name_key(one.given) and name_key(other.given):
        assert same_name(one, other) is same_name(other, one)


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)


@given(names)
def test_everybody_is_themselves(one: PersonName) -> None:
    assert same_name(one, one) is bool(surname_keys(one))
