"""Values that say nothing of a person: numbers, days and moments of a matter, codes and fixed sentences.

A value is harmless if its element is of a type for such values, and the value is one of that type. A code or sentence
must be on a published list; whatever else an element contains may be a person's data.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.codes import published_codes
from ccms_ws.contract.namespaces import XSD, q

_OFFSET: Final = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_DAY: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
_FORMS: Final = tuple(
    (re.compile(name), re.compile(value))
    for name, value in (
        (r"\w*Amount", r"[+-]?[0-9]{1,12}(\.[0-9]{1,2})?"),
        (r"\w*Indicator", r"true|false|0|1"),
        (r"\w*(Quantity|SequenceID)", r"[0-9]{1,7}"),
        (r"\w*DateTime", f"{_DAY}T{_TIME}{_OFFSET}"),
        (r"\w*VersionID", r"[0-9]{1,3}\.[0-9]{1,3}"),
        (r"Date", f"{_DAY}{_OFFSET}"),
        (r"PersonNameSuffixText", r"(?i)(jr|sr|ii|iii|iv|v|vi|junior|senior|2nd|3rd|4th|5th)\.?"),
        (r"faultcode|Value", r"(soap|wsa|wsse|wsu):[A-Za-z]{1,40}"),
    )
)  # fmt: skip
"""By an element's local name: the form of a harmless value."""
_SECTION: Final = re.compile(r"[0-9]{1,5}(\.[0-9]{1,3})?[a-z]{0,2}(\([A-Za-z0-9]{1,3}\)){0,4}")
_CODE_BOOKS: Final = frozenset(
    {"BP", "CCP", "CIV", "CCR", "EDC", "EVC", "FAC", "FAM", "FGC", "FIN", "GOV", "GC", "HN", "HS", "INS", "LAB", "PC"}
    | {"PEN", "PRC", "PUC", "RTC", "SHC", "UIC", "VC", "VEH", "WAT", "WI", "WIC"}
)
"""Abbreviations of California's codes, as statutes are cited."""
_CODES: Final = re.compile(r"\w*(Code|CodeText)|ErrorCode")
_SENTENCES: Final = re.compile(
    r"ErrorReasonText|RejectionReasonText|ErrorReason|faultstring|Text|ObligationCategoryText|MessageDescriptionText"
)
_NAMES: Final = re.compile(r"\w*NodeName")


def is_harmless(element: _Element, text: str) -> bool:
    """True if `text`, the value of `element`, says nothing of a person. Days of birth do."""
    name, parent = etree.QName(element).localname, element.getparent()
    above = "" if parent is None else etree.QName(parent).localname
    if above == "PersonBirthDate":
        return False
    if above == "StatuteCodeIdentification":
        return text in _CODE_BOOKS
    if above == "StatuteCodeSectionIdentification":
        return bool(_SECTION.fullmatch(text))
    form = next((value for names, value in _FORMS if names.fullmatch(name)), None)
    if form is not None:
        return bool(form.fullmatch(text))
    for names, known in ((_CODES, known_codes), (_SENTENCES, _known_sentences), (_NAMES, known_elements)):
        if names.fullmatch(name):
            return text in known()
    return False


@cache
def known_codes() -> frozenset[str]:
    """Every code of the published lists and of the schemas' enumerations."""
    listed = {code for each in published_codes() for code in each.codes}
    enumerations = (each.get("value", "") for root in _schemas() for each in root.iter(q(XSD, "enumeration")))
    return frozenset(listed.union(enumerations))


@cache
def _known_sentences() -> frozenset[str]:
    """What the published lists say of their codes."""
    return frozenset(code.text for each in published_codes() for code in each.codes.values())


@cache
def known_elements() -> frozenset[str]:
    """Every element that a schema declares, as errors name them: `ext:TestIndicator`, and without the prefix."""
    prefixes = {namespace: prefix for prefix, namespace in catalog.prefixes().items()}
    names: set[str] = set()
    for root in _schemas():
        prefix = prefixes.get(root.get("targetNamespace", ""), "")
        local = {each.get("name", "") for each in root.iter(q(XSD, "element"))} - {""}
        names |= local | {f"{prefix}:{name}" for name in local if prefix}
    return frozenset(names)


def _schemas() -> list[_Element]:
    return [catalog.parse(path) for path in sorted(catalog.folder("xsd").rglob("*.xsd"))]
