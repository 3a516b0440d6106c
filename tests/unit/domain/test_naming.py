"""Two spellings are one name, or they are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccms_ws.domain.courts import PersonName
from ccms_ws.domain.naming import MOST_SURNAME_KEYS, name_key, same_name, surname_keys


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


names = st.builds(PersonName, st.text(max_size=12), st.text(max_size=20), st.text(max_size=8), st.text(max_size=4))


@given(names, names)
def test_who_can_be_meant_is_found_by_the_keys(one: PersonName, other: PersonName) -> None:
    if same_name(one, other):
        assert surname_keys(one) & surname_keys(other)
    assert len(surname_keys(one)) <= MOST_SURNAME_KEYS


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert name_key(name_key(text)) == name_key(text)


@given(names)
def test_everybody_is_themselves(one: PersonName) -> None:
    assert same_name(one, one) is bool(surname_keys(one))
