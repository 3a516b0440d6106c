"""Nothing comes out of an anonymized message that its sender has put in: it is replaced, or the message is left out."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import islice
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.config import CourtSettings
from ccms_ws.contract import catalog, schemas
from ccms_ws.contract.namespaces import EXT, NC, SOAP12, XSI, q
from ccms_ws.domain.courts import PersonName
from ccms_ws.domain.name_matching import same_name
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.replay.anonymize import Anonymizer, NotAnonymized
from ccms_ws.replay.false_names import FalseNames

REAL = CourtSettings(
    ori="CA037015J", name="Superior Court, County of San Diego", county_code="37", dmv_court_code="37100"
)
PLAYED = CourtSettings(ori="CA099015J", name="Superior Court of Sequoia", county_code="54", dmv_court_code="99015")
MARK = "Zq7Xv"
"""It is in no schema and on no list, and letters for letters it becomes another."""
OURS = frozenset({
    "COL903-batch", "COL903-correction-batch", "DMV907-hold", "DMV907-release",
    "FCC807-balance", "FCC807-zero-balance", "FCC807-rejection",
})  # fmt: skip
"""Samples of what the court says."""
SAMPLES = sorted(catalog.folder("xsd").joinpath("samples").glob("*.xml"))


def disguise(seed: int = 7) -> Anonymizer:
    return Anonymizer({"FTB": "AGENCY"}, REAL, PLAYED, chance=random.Random(seed))


def message(path: Path) -> _Element:
    return etree.fromstring(path.read_bytes())


def _texts(root: _Element) -> Iterator[Callable[[], None]]:
    """Where a sender can put text, each as something that puts the mark there."""
    for element in list(root.iter(etree.Element)):
        yield lambda element=element: setattr(element, "text", MARK)  # type: ignore[misc]
        yield lambda element=element: setattr(element, "text", f"{element.text or ''} {MARK}")  # type: ignore[misc]
        yield lambda element=element: setattr(element, "tail", MARK)  # type: ignore[misc]
        yield lambda element=element: element.append(etree.Comment(MARK))  # type: ignore[misc]
        yield lambda element=element: element.append(etree.ProcessingInstruction("x", MARK))  # type: ignore[misc]
        yield lambda element=element: element.append(etree.ProcessingInstruction(MARK, "x"))  # type: ignore[misc]


def _names(root: _Element) -> Iterator[Callable[[], None]]:
    """Where a sender can put a name of his own."""
    for element in list(root.iter(etree.Element)):
        for name in (MARK, q(NC, MARK), q("urn:other", MARK), q(XSI, "type"), q(XSI, "schemaLocation"),
                     q("http://niem.gov/niem/structures/2.0", "id")):  # fmt: skip
            yield lambda element=element, name=name: element.set(name, MARK)  # type: ignore[misc]
        for name in (MARK, q(NC, MARK), q(EXT, MARK), q(f"urn:{MARK}", "x")):
            yield lambda element=element, name=name: element.append(etree.Element(name))  # type: ignore[misc]
        yield lambda element=element: etree.SubElement(element, q(NC, "Date")).__setattr__("text", MARK)  # type: ignore[misc]
        yield lambda element=element: etree.SubElement(element, element.tag, nsmap={MARK: "urn:x"}).set("a", MARK)  # type: ignore[misc]


def _prefixed(root: _Element) -> _Element:
    """The same message in which each namespace has the mark for its prefix."""
    spaces = {uri: f"{MARK}{number}" for number, uri in enumerate(catalog.prefixes().values())}
    made = etree.Element(root.tag, nsmap={prefix: uri for uri, prefix in spaces.items()})
    made.extend(deepcopy(child) for child in root)
    etree.cleanup_namespaces(made, top_nsmap={prefix: uri for uri, prefix in spaces.items()})
    return made


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_mark_in_any_place_never_comes_out(path: Path) -> None:
    replaced, ours = 0, path.stem in OURS
    reasons: list[str] = []
    for kind, every in ((_texts, 1), (_names, 5)):
        for number in range(0, sum(1 for _ in kind(message(path))), every):
            root = message(path)
            next(islice(kind(root), number, None))()
            assert MARK.encode() in etree.tostring(root)
            try:
                written = disguise().payload(root, ours=ours)
            except NotAnonymized as error:
                reasons.append(str(error))
                continue
            assert MARK.lower().encode() not in written.lower(), f"{kind.__name__} {number}"
            schemas.validate(etree.fromstring(written))
            replaced += 1
    assert replaced > 20, "most places of a valid message are replaced"
    assert len(reasons) > 20
    assert not any(MARK in reason for reason in reasons)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_prefix_of_the_sender_never_comes_out(path: Path) -> None:
    root = _prefixed(message(path))
    assert f"<{MARK}".encode() in etree.tostring(root)
    assert MARK.encode() not in disguise().payload(root, ours=False)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_no_value_of_a_person_s_is_what_it_was(path: Path) -> None:
    """By the types of the schema: identifiers, names, texts; not numbers, days, codes."""
    before = message(path)
    after = etree.fromstring(disguise().payload(before, ours=False))
    kept = re.compile(
        r"\w*(Amount|Code|CodeText|Indicator|Quantity|DateTime|SequenceID|VersionID|NodeName|SuffixText)|Date"
        r"|ObligationCategoryText|\w*ReasonText"
    )
    pairs = list(zip(before.iter(etree.Element), after.iter(etree.Element), strict=True))
    assert [old.tag for old, _ in pairs] == [new.tag for _, new in pairs]
    changed = 0
    for old, new in pairs:
        above = etree.QName(old.getparent()).localname if old.getparent() is not None else ""
        statute = above.startswith("StatuteCode")
        is_kept = kept.fullmatch(etree.QName(old).localname) and above != "PersonBirthDate"
        if len(old) == 0 and (old.text or "").strip() and not is_kept and not statute:
            assert new.text != old.text, old.tag
            changed += 1
    assert changed > 3


def test_a_fault_is_anonymized_by_its_detail() -> None:
    error = next(path for path in SAMPLES if path.stem == "FCC807-error")
    fault = etree.Element(q(SOAP12, "Fault"), nsmap={"soap": SOAP12, MARK: "urn:x"})
    code = etree.SubElement(fault, q(SOAP12, "Code"))
    etree.SubElement(code, q(SOAP12, "Value")).text = "soap:Sender"
    text = etree.SubElement(etree.SubElement(fault, q(SOAP12, "Reason")), q(SOAP12, "Text"))
    text.text = "A balance cannot be asked for a day that has not come."
    etree.SubElement(fault, q(SOAP12, "Detail")).append(message(error))
    written = disguise().payload(fault, ours=False)
    assert SoapVersion.SOAP12.namespace.encode() in written
    assert MARK.encode() not in written
    assert b">soap:Sender<" in written


@pytest.mark.parametrize(
    ("sentence", "stays"),
    [
        ("must hold: SendingParty is the signer (FTB); TestIndicator is false here", True),
        ("must hold: SendingParty is the signer (Desmond Okafor)", False),
        ("must hold: Desmond Okafor", False),
        ("Desmond Okafor is not on file", False),
    ],
)
def test_a_sentence_of_the_court_is_kept_if_it_repeats_nothing(sentence: str, stays: bool) -> None:
    root = message(next(path for path in SAMPLES if path.stem == "FCC807-error"))
    reason = next(root.iter(q(EXT, "ErrorReasonText")))
    reason.text = sentence
    if not stays:
        with pytest.raises(NotAnonymized, match="may repeat a value"):
            disguise().payload(root, ours=True)
        return
    written = disguise().payload(root, ours=True)
    assert b"the signer (AGENCY); TestIndicator is false here" in written


# -- names and numbers ------------------------------------------------------------------------------------------------
def false(name: PersonName, names: FalseNames) -> PersonName:
    given, surname, middle = (names.of(part) if part else "" for part in (name.given, name.surname, name.middle))
    return PersonName(given, surname, middle, name.suffix)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PersonName("Siobhan", "O'Brien-Núñez"), PersonName("SIOBHAN", "OBRIEN NUNEZ")),
        (PersonName("Walter", "Hargrove", "", "Jr"), PersonName("Walter", "Hargrove Jr.")),
        (PersonName("Walter", "Hargrove", "", "Jr"), PersonName("Walter", "Hargrove Sr.")),
        (PersonName("Ana María", "de la Cruz"), PersonName("Ana", "Cruz", "Maria")),
        (PersonName("Desmond", "Okafor", "Uche"), PersonName("Desmond", "Okafor", "U.")),
        (PersonName("Desmond", "Okafor", "Uche"), PersonName("Desmond", "Okafor", "R.")),
        (PersonName("Luis", "García Márquez"), PersonName("Luis", "Garcia")),
        (PersonName("Luis", "García"), PersonName("Luisa", "García")),
        (PersonName("-", "García"), PersonName("Luis", "García")),
    ],
)
def test_names_that_agree_still_agree_and_others_still_do_not(one: PersonName, other: PersonName) -> None:
    for seed in range(20):
        names = FalseNames(random.Random(seed))
        assert same_name(false(one, names), false(other, names)) == same_name(one, other)


def test_two_names_never_become_one() -> None:
    names = FalseNames(random.Random(3))
    made = [names.of(f"B{number}ker") for number in range(300)]
    assert len(set(made)) == 300
    assert names.of("'") == names.of("-") == "-"


def test_a_short_id_becomes_a_long_one_that_is_hardly_the_id_of_another_person() -> None:
    root = message(next(path for path in SAMPLES if path.stem == "FCC807-query"))
    identification = next(root.iter(q(NC, "CaseTrackingID")))
    identification.text = "V-3"
    written = etree.fromstring(disguise().payload(root, ours=False))
    made = next(written.iter(q(NC, "CaseTrackingID"))).text or ""
    assert re.fullmatch(r"[A-Z]-[0-9]{6}", made)


def test_short_numbers_do_not_run_out_and_spellings_of_one_stay_so() -> None:
    number = disguise()._number
    assert len({number(str(digit)) for digit in range(10)}) == 10
    license = number("D8830142")
    assert license != "D8830142"
    assert number("d883 0142") == f"{license[0].lower()}{license[1:4]} {license[4:]}"
    assert number("ÑANDÚ-Ж1")[-3:] != "-Ж1"
    assert number("\u00df\u2028#") != "\u00df\u2028#"
