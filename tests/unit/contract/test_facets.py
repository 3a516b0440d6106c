"""The rules that are read from the schemas judge as a validator does."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.facets import facets_of
from ccms_ws.contract.namespaces import EXT, NC, J, q
from ccms_ws.errors import ContractError
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807

ELEMENTS = (
    *(q(NC, name) for name in ("CaseTrackingID", "IdentificationID", "PersonGivenName", "PersonSurName")),
    *(q(NC, "PersonNameSuffixText"), q(EXT, "FeeCategoryCodeText")),
    q(J, "IdentificationJurisdictionUSPostalServiceCode"),
)
SCHEMA = etree.XMLSchema(catalog.parse(catalog.exchange_schemas()[FCC807]).getroottree())


def allowed(name: str, value: str) -> bool:
    element = etree.Element(name)
    try:
        element.text = value
    except ValueError:  # no XML document can hold it
        return False
    return bool(SCHEMA.validate(etree.fromstring(etree.tostring(element))))


texts = (
    st.text(max_size=70) | st.text("abcXYZ019._:- \t\n\u00a0é", max_size=70) | st.sampled_from(["CA", "NV", "ZZ", "ca"])
)


@pytest.mark.parametrize("name", ELEMENTS)
@given(value=texts)
@example(value="A" * 64)
@example(value="A" * 65)
@example(value="Criminal Fine")
@example(value="Line\nbreak")
@example(value="\x85")
def test_the_verdict_is_that_of_the_schema(name: str, value: str) -> None:
    why = facets_of(name).why_not(value)
    if why and allowed(name, value):
        # Stricter than XML Schema on purpose: separators of lines, byte order marks.
        assert any(char in "\u2028\u2029\ufeff" for char in value)
    elif not why:
        assert allowed(name, value)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        (q(NC, "IdentificationID"), "9" * 65, "is longer than 64 characters"),
        (q(EXT, "FeeCategoryCodeText"), "Base Fine", "without spaces"),
        (q(J, "IdentificationJurisdictionUSPostalServiceCode"), "ZZ", "is not in the list of codes"),
        (q(NC, "PersonGivenName"), "Ma\x07ry", "(U+0007)"),
        (q(NC, "PersonGivenName"), "Line\nbreak", "has a line break"),
        (q(NC, "PersonGivenName"), " Mary", "begins or ends with a blank"),
        (q(NC, "PersonSurName"), "", "is empty"),
    ],
)
def test_the_reason_is_told_in_words_without_the_value(name: str, value: str, why: str) -> None:
    told = facets_of(name).why_not(value)
    assert why in told
    assert not value or value not in told


def test_what_no_schema_declares_has_no_rules() -> None:
    with pytest.raises(ContractError):
        facets_of(q(NC, "Nothing"))
    with pytest.raises(ContractError, match="no simple content"):
        facets_of(q(NC, "PersonName"))
