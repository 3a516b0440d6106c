"""Code lists: read with their days, extended by a court, and in agreement with code, schemas and samples."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from lxml import etree

import ccms_ws.bootstrap  # noqa: F401 - every module that declares an error
from ccms_ws.contract import catalog
from ccms_ws.contract.codes import CodeLists, code_list, load_codes, published_codes
from ccms_ws.contract.namespaces import XSD
from ccms_ws.domain.abstracts import ReleaseReason
from ccms_ws.envelope.faults import public_reason
from ccms_ws.errors import CcmsWsError, ConfigError, ContractMissing, ExchangeError
from ccms_ws.exchanges.col903.messages import CollectionStatus
from ccms_ws.exchanges.fcc807.messages import RejectionReason

DAY = date(2026, 11, 20)
NEVER_SENT = {
    "config.invalid": "it ends a program at its start",
    "file.refused": "it is about files that the court loads or sends",
    "contract.missing": "it ends a program at its start",
    "store.not-found": "only the command line asks for what may be missing",
    "delivery.transient": "it is about what the court sends",
    "delivery.permanent": "it is about what the court sends",
    "addressing.answer-unrelated": "it is about answers that the court gets",
    "dmv907.notice-refused": "it is about what the court's clerk orders",
    "exchange.answer-mismatch": "such an answer is quarantined: its sender gets no fault",
    "col903.nothing-to-correct": "it is about what the court's clerk orders",
    "fcc807.query-refused": "it is about what a client of the package asks",
    "col903.not-representable": "it is about what the court's clerk orders",
    "dmv907.already-ordered": "it is about what the court's clerk orders",
    "col903.referral-refused": "it is about what the court's clerk orders",
    "store.damaged": "found before a program takes messages",
    "store.read-only": "found before a program takes messages",
    "operator.message-not-dead": "only operators deal with dead messages",
    "operator.message-not-waiting": "only operators hold messages back",
    "operator.subjects-differ": "only operators deal with dead messages",
}


def leaves(kind: type[CcmsWsError]) -> Iterator[type[CcmsWsError]]:
    """The conditions themselves: error classes of the package that no other is derived from."""
    below = [each for each in kind.__subclasses__() if each.__module__.startswith("ccms_ws.")]
    if not below:
        yield kind
    for each in below:
        yield from leaves(each)


def test_every_error_that_a_partner_can_get_is_on_the_list() -> None:
    conditions = {error.code for error in leaves(CcmsWsError) if not error.__module__.startswith("ccms_ws.simulator")}
    listed = set(code_list("error-codes").codes)
    assert not listed & set(NEVER_SENT)
    assert conditions - set(NEVER_SENT) == listed


@pytest.mark.parametrize(
    "error",
    [error for error in leaves(CcmsWsError) if error.code in code_list("error-codes").codes],
    ids=lambda e: e.code,
)
def test_an_error_is_listed_in_the_words_that_partners_read(error: type[CcmsWsError]) -> None:
    listed = code_list("error-codes")[error.code]
    assert listed.text == (error().detail if issubclass(error, ExchangeError) else public_reason(error()))
    assert listed.resend is error.retryable


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("fcc807-rejection-reasons", list(RejectionReason)),
        ("dmv907-release-reasons", list(ReleaseReason)),
    ],
)
def test_the_codes_that_the_court_uses_are_those_of_the_list(name: str, codes: list[str]) -> None:
    assert [str(code) for code in codes] == list(code_list(name).codes)


def test_the_court_sends_no_collection_status_that_is_not_on_the_list() -> None:
    assert {str(status) for status in CollectionStatus} <= set(code_list("col903-collection-statuses").codes)


def test_every_fee_of_the_demo_court_is_on_the_list() -> None:
    text = resources.files("ccms_ws.demo").joinpath("court.toml").read_text("utf-8")
    lines = [line for case in tomllib.loads(text)["cases"] for line in case.get("ledger", ())]
    fees = {line["fee"] for line in lines if "fee" in line}
    assert fees
    assert fees <= set(code_list("fee-kinds").codes)


def enumerated(element: str) -> dict[str, str]:
    """The values that the schemas enumerate for an element, with what they say of each."""
    prefix, _, local = element.partition(":")
    schema = next(
        root
        for root in map(catalog.parse, (catalog.folder("xsd") / "exchange").glob("*.xsd"))
        if root.get("targetNamespace") == catalog.prefixes()[prefix]
    )
    namespaces = {"xs": XSD}
    values = schema.findall(f"xs:simpleType[@name='{local}SimpleType']//xs:enumeration", namespaces)
    text = "xs:annotation/xs:documentation"
    return {value.get("value") or "": " ".join((value.findtext(text, "", namespaces)).split()) for value in values}


@pytest.mark.parametrize("name", [each.name for each in published_codes()])
def test_a_closed_list_is_the_enumeration_of_its_element_and_an_open_one_has_none(name: str) -> None:
    codes = code_list(name)
    if codes.closed:
        assert enumerated(codes.element) == {code.code: code.text for code in codes.codes.values()}
    else:
        assert all(element.endswith(("CodeText", "fault:ErrorCode")) for element in codes.element.split(", "))


@pytest.mark.parametrize("sample", catalog.sample_names())
def test_a_sample_has_only_codes_of_the_lists(sample: str) -> None:
    root = etree.fromstring(catalog.sample(sample))
    for codes in published_codes():
        for name in codes.element.split(", "):
            for element in root.iterfind(f".//{name}", catalog.prefixes()):
                known = {code for each in published_codes() if name in each.element for code in each.codes}
                assert element.text in known, name


def test_every_code_is_explained_and_has_a_day() -> None:
    for codes in published_codes():
        assert codes.title
        assert codes.source
        assert codes.exchanges
        for code in codes.codes.values():
            assert code.text.endswith(".")
            assert code.effective <= DAY


# -- a court's own -----------------------------------------------------------------------------------------------------
def test_a_court_adds_to_an_open_list_and_replaces_what_it_says_anew(tmp_path: Path) -> None:
    (tmp_path / "dmv907-message-codes.toml").write_text(
        '[codes."0042"]\ntext = "Taken over."\noutcome = "accepted"\neffective = 2026-06-01\nended = 2027-01-01\n'
        '[codes.ACCEPTED]\ntext = "Filed."\noutcome = "accepted"\neffective = 2026-02-01\n',
        encoding="utf-8",
    )
    codes = load_codes(tmp_path)["dmv907-message-codes"]
    assert codes["ACCEPTED"].text == "Filed."
    assert "LICENSE-NOT-FOUND" in codes.codes
    found = codes.find("0042", DAY)
    assert found is not None
    assert found.outcome == "accepted"


@pytest.mark.parametrize("day", [date(2026, 5, 31), date(2027, 1, 1)])
def test_a_code_that_is_not_used_on_a_day_is_not_found_on_it(tmp_path: Path, day: date) -> None:
    (tmp_path / "dmv907-message-codes.toml").write_text(
        '[codes."0042"]\ntext = "Taken over."\noutcome = "accepted"\neffective = 2026-06-01\nended = 2027-01-01\n',
        encoding="utf-8",
    )
    assert load_codes(tmp_path)["dmv907-message-codes"].find("0042", day) is None


def test_what_one_court_adds_no_other_one_sees(tmp_path: Path) -> None:
    (tmp_path / "dmv907-message-codes.toml").write_text(
        '[codes."0042"]\ntext = "Taken over."\neffective = 2026-06-01\n', encoding="utf-8"
    )

    def has_it(codes: CodeLists) -> bool:
        return "0042" in codes["dmv907-message-codes"].codes

    before, own, after = load_codes(), load_codes(tmp_path), load_codes()
    assert [has_it(each) for each in (before, own, after, published_codes())] == [False, True, False, False]


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("message-codes.toml", "", "no code list message-codes"),
        ("dmv907-release-reasons.toml", "", "is closed"),
        ("fee-kinds.toml", "no toml", "no code list"),
        ("fee-kinds.toml", "[codes.X]\ntext = 'X.'\n", "effective"),
        ("fee-kinds.toml", "[codes.X]\ntext = 'X.'\neffective = '2026-01-01'\n", "without quotes"),
        ("fee-kinds.toml", "[codes.X]\ntext = 'X.'\neffective = 2026-01-01\ncolour = 1\n", "colour"),
    ],
)
def test_a_file_that_cannot_extend_a_list_is_refused(tmp_path: Path, file: str, content: str, complaint: str) -> None:
    (tmp_path / file).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match=complaint):
        load_codes(tmp_path)


def test_a_list_that_does_not_exist_is_missing() -> None:
    with pytest.raises(ContractMissing):
        code_list("colours")
