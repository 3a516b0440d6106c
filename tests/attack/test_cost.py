"""Until the sender of a message is known, its cost grows no faster than its size; what would grow faster is found.

The limits here have room for a busy machine. `tools/fuzz --cost` measures everything, against the real ones.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from cryptography import x509
from lxml import etree
from lxml.etree import _Element

import ccms_ws.clients
import ccms_ws.envelope
import ccms_ws.message_parts
import ccms_ws.services
from ccms_ws.contract import schemas
from ccms_ws.contract.namespaces import WSSE, XSI
from ccms_ws.envelope import parsing, signature_xml, signatures
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.inbound import HttpMessage
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import SecurityHeaderInvalid
from tests.attack import cost
from tests.attack.cost import Growth

_GENEROUS_S = 10 * cost.BOUND_S
_KIB = 1024


# -- the search --------------------------------------------------------------------------------------------------------
def test_growth_is_judged_by_its_costs() -> None:
    sizes = [32 * _KIB, 64 * _KIB, 128 * _KIB, 256 * _KIB]
    assert not cost.judge([(size, size * 1e-7) for size in sizes])
    assert not cost.judge([(size, 1e-3 + size * 1e-7) for size in sizes])
    assert "times the size" in cost.judge([(size, size**2 * 5e-13) for size in sizes])
    assert "allowed" in cost.judge([(size, size * 2e-7) for size in sizes])
    assert not cost.judge([(size * 16, size * 16e-7) for size in sizes])


@pytest.mark.parametrize("bound", [cost.BOUND_S, 60.0])
def test_a_quadratic_function_is_found(bound: float) -> None:
    """By the bound, and by its growth alone."""

    def quadratic(message: HttpMessage) -> None:
        re.sub(rb"\s*,", b",", message.body)

    def linear(message: HttpMessage) -> None:
        re.sub(rb"\s*+", b",", message.body)

    blanks = Growth("blanks", lambda size: HttpMessage(b" " * size, "text/xml"))
    sizes = [700, 1400, 2800, 5600]
    assert [finding.name for finding in cost.examine([blanks], subject=quadratic, sizes=sizes, bound=bound)] == [
        "blanks"
    ]
    assert not list(cost.examine([blanks], subject=linear, sizes=sizes, bound=bound))


def _name_before_number(store: TrustStore, issuer: str, serial: int) -> None:
    _read_name(issuer)


@lru_cache(maxsize=256)
def _read_name(text: str) -> x509.Name | None:
    plain = re.sub(r'"((?:[^"\\]|\\.)*)"', "", text.strip())
    plain = re.sub(r"(?<!\\)\s*([,;+=])\s*", r"\1", plain)
    try:
        return x509.Name.from_rfc4514_string(plain)
    except ValueError:
        return None


def _canonical_first(signed_info: _Element, policy: SecurityPolicy) -> object:
    listed = next(iter(signed_info.iter("{*}InclusiveNamespaces")), None)
    canonical(signed_info, [] if listed is None else listed.get("PrefixList", "").split())
    raise SecurityHeaderInvalid


def _comments_by_xpath(root: _Element) -> None:
    if etree.XPath("boolean(//w:Security//comment())", namespaces={"w": WSSE})(root):
        raise SecurityHeaderInvalid


def _instructions_by_xpath(root: _Element) -> bool:
    return bool(etree.XPath("boolean(//processing-instruction())")(root))


def _namespaces_of_all_ancestors(apex: _Element, _octets: bytes) -> None:
    for element in apex.iter(etree.Element):
        if element.get(f"{{{XSI}}}type"):
            for node in (element, *element.iterancestors()):
                list(node.nsmap.values())


def _names_by_search(octets: bytes) -> Iterator[bytes]:
    for tag in re.finditer(rb"<[^/\s>][^>]*>", octets):
        yield b" ".join(re.findall(rb'<[^\s>]+|xmlns[^=]*="[^"]*"', tag[0])) + b">"


def _not_at_all(*_: object) -> None:
    return None


_PAYLOAD = "by direct: Envelope/Body/Query"
BREAKS: dict[str, tuple[object, str, Callable[..., object], Callable[[], Iterable[Growth]], str, int]] = {
    "quotes in an issuer's name": (
        TrustStore, "by_issuer_serial", _name_before_number, cost.fields, "X509IssuerName '\\\\\"' behind", 12,
    ),
    "blanks in an issuer's name": (
        TrustStore, "by_issuer_serial", _name_before_number, cost.fields, "X509IssuerName ' ' within", 10,
    ),
    "SignedInfo canonicalized before it is read": (
        signature_xml, "_read_signed_info", _canonical_first, cost.prefix_lists_of_signed_info,
        "in SignedInfo, 1 levels", 30,
    ),
    "prefix lists, declarations and elements": (
        signature_xml, "_check_searches", _not_at_all, lambda: cost.combinations(signed=False),
        "elements with white space in depth 50, 50 and 50 prefixes declared, 60 listed", 120,
    ),
    "values that speak of declarations": (
        signatures, "names_of_start_tags", _names_by_search, lambda: cost.structures(signed=False),
        _PAYLOAD + ": an attribute that speaks", 100,
    ),
    "xsi:type": (
        signatures, "check_qname_values", _namespaces_of_all_ancestors, lambda: cost.combinations(signed=True),
        "elements with xsi:type in depth 50, 50 and 50 prefixes declared, 0 listed", 20,
    ),
    "comments": (
        parsing, "drop_comments", _comments_by_xpath, lambda: cost.structures(signed=False),
        "Envelope/Header/Security: comments in its content", 60,
    ),
    "processing instructions": (
        parsing, "_holds_instruction", _instructions_by_xpath, lambda: cost.structures(signed=False),
        "Envelope/Header: processing instructions in its content", 60,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BREAKS)
def test_what_was_broken_once_is_found_if_it_breaks_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, function, broken, growths, title, kib = BREAKS[name]
    growth = next(growth for growth in growths() if title in growth.name)
    assert not list(cost.examine([growth], sizes=[kib * _KIB], bound=_GENEROUS_S))
    monkeypatch.setattr(where, function, broken)
    assert list(cost.examine([growth], sizes=[kib * _KIB]))


@pytest.mark.parametrize(
    ("growths", "step"),
    [
        (cost.headers, 9), (cost.prologs, 9), (cost.fields, 53), (cost.prefix_lists_of_signed_info, 1),
        (lambda: cost.structures(signed=False), 11), (lambda: cost.structures(signed=True), 29),
        (lambda: cost.combinations(signed=False), 17), (lambda: cost.combinations(signed=True), 97),
    ],
    ids=["headers", "prologs", "fields", "prefix lists", "structures", "signed structures", "combinations",
         "signed combinations"],
)  # fmt: skip
def test_a_sample_of_all_growths_costs_little(growths: Callable[[], Iterator[Growth]], step: int) -> None:
    """One of `step`, at one size: where a cost grows with the square of the size, this takes seconds."""
    sample = list(itertools.islice(growths(), 0, None, step))
    assert len(sample) >= 9
    assert not [str(finding) for finding in cost.examine(sample, sizes=[110 * _KIB], bound=_GENEROUS_S)]


# -- what sees the words of unauthenticated senders --------------------------------------------------------------------
def _modules() -> list[Any]:
    packages = (ccms_ws.envelope, ccms_ws.message_parts, ccms_ws.services, ccms_ws.clients)
    names = [
        f"{package.__name__}.{each.name}" for package in packages for each in pkgutil.iter_modules(package.__path__)
    ]
    return [schemas, *map(importlib.import_module, names)]


def _may_backtrack(parsed: Any) -> bool:
    """Whether a repetition without an upper bound, in the expression or in a part of it, gives back what it took."""
    for operation, argument in parsed:
        if str(operation) in ("MAX_REPEAT", "MIN_REPEAT") and argument[1] is _parser.MAXREPEAT:
            return True
        parts = argument if isinstance(argument, (tuple, list)) else [argument]
        for part in itertools.chain.from_iterable(each if isinstance(each, list) else [each] for each in parts):
            if isinstance(part, _parser.SubPattern) and _may_backtrack(part):
                return True
    return False


def test_no_regular_expression_gives_back_what_it_took() -> None:
    patterns = {
        f"{module.__name__}.{name}": value
        for module in _modules()
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    }
    assert len(patterns) >= 12
    assert not [name for name, each in patterns.items() if _may_backtrack(_parser.parse(each.pattern, each.flags))]
    for planted in (r'"((?:[^"\\]|\\.)*)"', r"a(b+?)?", r"(?:x|y(?:[z]*))", r"(?=a+)", r"(?>a*)b"):
        assert _may_backtrack(_parser.parse(planted))
    for sound in (r'"((?:[^"\\]|\\.)*+)"', r"a{1,5}", r"(?:x|y(?:[z]++))"):
        assert not _may_backtrack(_parser.parse(sound))


def test_nothing_that_an_unauthenticated_sender_writes_is_remembered() -> None:
    """What is remembered is ours: algorithms that we sign with, requirements of the profile, the published keys."""
    remembering = {
        f"{module.__name__.removeprefix('ccms_ws.envelope.')}.{name}"
        for module in _modules()
        for name, value in vars(module).items()
        if hasattr(value, "cache_info") and value.__module__.startswith("ccms_ws.envelope")
    }
    assert remembering == {"signatures._signer", "conformance.requirements", "published_keys.published_keys"}
