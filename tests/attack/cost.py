"""How the CPU time for a message grows with each part of it: the search behind `tools/fuzz --cost`.

A growth is a signed message with one part (or a combination of parts) that can be made any size. Its cost is measured
at doubled sizes. A growth is reported if a message costs more than the bound, or if its cost grows faster than its
size.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final
from xml.sax.saxutils import escape

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, XSI
from ccms_ws.envelope.inbound import HttpMessage, VerifiedEnvelope
from ccms_ws.envelope.policy import Limits, TokenReference
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.errors import CcmsWsError
from tests.attack.fillings import CONTENTS, PREFIXED, RAW, TAGS, VALUES, Fill, numbered, random_fills
from tests.attack.fuzzing import name_the_dmv
from tests.attack.hostile import sign_again
from tests.support.envelopes import POLICY, TEST, opened, payload, received, sealed
from tests.support.layouts import LAYOUTS, Layout
from tests.support.oracles import libxmlsec_sign
from tests.support.pki import pki

LARGEST: Final = Limits().message
BOUND_S: Final = 0.050
"""CPU time that a message of `LARGEST` bytes may cost before its sender is known; a larger one in proportion."""
_SMALLEST: Final = 8 * 1024
_HOPELESS_S: Final = 1.0
"""After a measurement this long, no larger message is tried."""
_STEEP: Final = 2.5
"""How many times its share a message of eight times the size may cost, for the growth to be called linear."""
_NOISE_S: Final = 0.005
_TURNS: Final = 4
_LESS: Final = 32
"""Bytes by which the message of each turn is smaller than that of the turn before."""

Make = Callable[[int], HttpMessage]


@dataclass(frozen=True)
class Growth:
    """A message with something in it that takes about as many bytes as it is asked to."""

    name: str
    make: Make


@dataclass(frozen=True)
class Finding:
    """A growth that costs too much, or grows too fast."""

    name: str
    costs: tuple[tuple[int, float], ...]
    """Bytes of each message, and the seconds of CPU time that it took."""
    why: str

    def __str__(self) -> str:
        measured = ", ".join(f"{size / 1024:.0f} KiB {seconds * 1000:.1f} ms" for size, seconds in self.costs)
        return f"{self.name}: {self.why} ({measured})"


def open_it(message: HttpMessage) -> None:
    """What the receiver does with a message before it is dispatched: opened, and the digest of its content taken."""
    policy = replace(POLICY, limits=Limits(message=max(LARGEST, len(message.body))))
    with suppress(CcmsWsError):
        envelope: VerifiedEnvelope = opened(message, policy=policy)
        envelope.content_digest  # noqa: B018 - a computed property


def examine(
    growths: Iterable[Growth],
    *,
    subject: Callable[[HttpMessage], None] = open_it,
    sizes: Sequence[int] = (),
    bound: float = BOUND_S,
) -> Iterator[Finding]:
    """Measure each growth at `sizes` (doubled up to `LARGEST`, if not given) and give those that deserve a look."""
    for growth in growths:
        costs = []
        for size in sizes or list(doubled(LARGEST)):
            costs.append(_cost(growth, size, subject, bound / 2))
            if costs[-1][1] > _HOPELESS_S:
                break
        if why := judge(costs, bound):
            yield Finding(growth.name, tuple(costs), why)


def doubled(largest: int) -> Iterator[int]:
    """Sizes, each twice the one before; the last leaves room for the rest of a message of `largest` bytes."""
    size = _SMALLEST
    while size < largest:
        yield size
        size *= 2
    yield largest - _SMALLEST


def judge(costs: Sequence[tuple[int, float]], bound: float = BOUND_S) -> str:
    """Why these costs of messages of growing sizes are too high; empty if they are not."""
    for size, seconds in costs:
        allowed = bound * max(1.0, size / LARGEST)
        if seconds > allowed:
            return f"{seconds * 1000:.0f} ms for {size / 1024:.0f} KiB, allowed are {allowed * 1000:.0f} ms"
    for (small, little), (large, much) in itertools.combinations(costs, 2):
        share = max(little, _NOISE_S / 8) * large / small
        if large >= 7 * small and much > _NOISE_S and much > _STEEP * share:
            return f"{large / small:.0f} times the size costs {much / little:.0f} times as much"
    return ""


def _cost(growth: Growth, size: int, subject: Callable[[HttpMessage], None], enough: float) -> tuple[int, float]:
    """Bytes of the message, and the seconds of CPU time that `subject` takes for it: of several turns, the least.

    Each turn has a message of its own, so that no cache can hide what it cost first.
    """
    best = 0, float("inf")
    for turn in range(_TURNS):
        message = growth.make(size - turn * _LESS)
        started = time.thread_time()
        subject(message)
        taken = time.thread_time() - started
        best = min(best, (len(message.body), taken), key=lambda cost: cost[1])
        if best[1] < enough or best[1] > _HOPELESS_S:
            break
    return best


# -- messages and their places -----------------------------------------------------------------------------------------
_MARK: Final = "COST-MARK"


@cache
def messages() -> dict[str, bytes]:
    """Good messages of the shapes that have different parts."""
    kinds = {f"by {kind.value}": to_bytes(sealed(payload(Name="x"), reference=kind)) for kind in TokenReference}
    soap12 = {"SOAP 1.2": to_bytes(sealed(payload(Name="x"), version=SoapVersion.SOAP12))}
    lists = ("prefix-list-on-references", "prefix-list-on-method", "enveloped-signature-transform")
    return kinds | soap12 | {name: libxmlsec_sign(LAYOUTS[name].text(), pki().probation) for name in lists}


def _declared(raw: bytes) -> _Element:
    """The message with the prefixes that `CONTENTS` uses declared on its Envelope."""
    for name, uri in (("t", TEST), ("xsi", XSI)):
        raw = raw.replace(b"Envelope ", f'Envelope xmlns:{name}="{uri}" '.encode(), 1)
    return etree.fromstring(raw)


def _name(element: _Element) -> str:
    found = etree.QName(element)
    return f"{'ds:' if found.namespace == DS else ''}{found.localname}"


def _grown(root: _Element, fill: Fill, *, signed: bool = False, markup: bool = False) -> Make:
    """The message `root` with `_MARK` in it, in the place of which `fill` is put."""
    text = etree.tostring(root, encoding="unicode").replace(f' mark="{_MARK}"', _MARK)
    return _grown_text(text, fill, signed=signed, markup=markup)


def _grown_text(text: str, fill: Fill, *, signed: bool, markup: bool) -> Make:
    before, _, after = text.partition(_MARK)

    def make(size: int) -> HttpMessage:
        filled = fill(size) if markup else escape(fill(size), {'"': "&quot;"})
        raw = f"{before}{filled}{after}".encode()
        return _signed(raw) if signed else received(raw)

    return make


def _signed(raw: bytes) -> HttpMessage:
    """The message signed again by a partner; as it is if its tree cannot be signed."""
    try:
        root = etree.fromstring(raw, etree.XMLParser(huge_tree=True, resolve_entities=False))
        name_the_dmv(root)
        sign_again(root)
    except (etree.XMLSyntaxError, etree.C14NError, StopIteration, IndexError, ValueError):
        return received(raw)
    return received(etree.tostring(root))


def fields(fills: dict[str, Fill] | None = None) -> Iterator[Growth]:
    """Every text and every attribute of every message, filled with every text: instead of its value, and behind it."""
    chosen = [(name, fill, False) for name, fill in (VALUES if fills is None else fills).items()]
    chosen += [(name, fill, True) for name, fill in RAW.items()] if fills is None else []
    for where, holder in _fields():
        for how, value in (("instead", _MARK), ("within", holder.around), ("behind", holder.value + _MARK)):
            root = holder.put(value)
            for name, fill, markup in chosen:
                yield Growth(f"{where} {name} {how}", _grown(root, fill, markup=markup))


def headers(fills: dict[str, Fill] | None = None) -> Iterator[Growth]:
    """The HTTP headers that the envelope layer reads, filled likewise."""
    for (name, fill), start in itertools.product((fills or VALUES).items(), ("", "text/xml", "text/xml; a=")):
        yield Growth(f"Content-Type {start}{name}", _with_header("content_type", start, fill))
        yield Growth(f"SOAPAction {start}{name}", _with_header("soap_action", start, fill))


def _with_header(header: str, start: str, fill: Fill) -> Make:
    raw = messages()["by direct"]

    def make(size: int) -> HttpMessage:
        changes: dict[str, Any] = {header: start + fill(size)}
        return replace(received(raw), **changes)

    return make


def prologs() -> Iterator[Growth]:
    """What stands before the Envelope."""
    starts = ("", "<?xml", "<?xml ", '<?xml version="1.0"', '<?xml version="1.0" encoding="', "<!--", "<")
    for (name, fill), start in itertools.product((VALUES | CONTENTS).items(), starts):
        yield Growth(f"prolog {start}{name}", _with_prolog(start, fill))


def _with_prolog(start: str, fill: Fill) -> Make:
    rest = messages()["by direct"].partition(b"?>")[2].lstrip()
    return lambda size: received((start + fill(size)).encode() + rest)


def structures(*, signed: bool) -> Iterator[Growth]:
    """Every element of a message with something in its content or its start tag; in messages signed again if
    `signed`, as a partner without scruples could send them.
    """
    for where, raw, number in _elements():
        for place, fills in (("content", CONTENTS), ("tag", TAGS)):
            root = _marked(_declared(raw), number, place)
            for name, fill in fills.items():
                title = f"{'signed, ' * signed}{where}: {name} in its {place}"
                yield Growth(title, _grown(root, fill, signed=signed, markup=True))


def combinations(*, signed: bool) -> Iterator[Growth]:
    """A Body of many elements with what makes each of them dear: prefixes that are declared on the Envelope and on the
    Body, prefixes in every PrefixList, depth. As they are, these are messages of a partner whose Body was exchanged.
    """
    nests = {"": ("", ""), "in depth 50": ("<t:x>" * 50, "</t:x>" * 50), "in depth 20 with declarations": (
        "".join(f'<n{n}:x xmlns:n{n}="urn:n{n}">' for n in range(20)),
        "".join(f"</n{n}:x>" for n in reversed(range(20))),
    )}  # fmt: skip
    for outer, inner, (nest, (start, end)), listed in itertools.product((0, 50), (0, 50), nests.items(), (0, 10, 60)):
        prefixes = [f"{kind}{n}" for kind in "oi" for n in range(50)][:listed]
        layout = Layout(
            envelope_attributes=_declare("o", outer) + f' xmlns:xsi="{XSI}"', body_attributes=_declare("i", inner),
            reference_prefixes=prefixes, method_prefixes=prefixes,
        )  # fmt: skip
        raw = libxmlsec_sign(layout.text(), pki().probation).decode()
        before, _, after = raw.rpartition("<t:Case>")
        text = f"{before}{start}{_MARK}{end}<t:Case>{after}"
        for name, fill in (CONTENTS | (PREFIXED if outer else {})).items():
            title = f"{name} {nest}, {outer} and {inner} prefixes declared, {listed} listed"
            yield Growth("signed, " * signed + title, _grown_text(text, fill, signed=signed, markup=True))


def prefix_lists_of_signed_info() -> Iterator[Growth]:
    """Prefixes in a PrefixList, declarations and elements in SignedInfo, all growing together: it is canonicalized
    before anything of it is believed.
    """
    layout = Layout(method_prefixes=[_MARK], envelope_attributes=_declare("p", 50))
    text = libxmlsec_sign(layout.text().replace(_MARK.encode(), b"MARK"), pki().probation).decode()
    places = {"SignedInfo": "</ds:SignedInfo>", "a Transform": "</ds:Transform>", "a Reference": "</ds:Reference>"}
    for (where, end), depth in itertools.product(places.items(), (0, 1, 10)):
        nest = "".join(f"<x{_declare(f'd{n}-', 50)}>" for n in range(depth)), "</x>" * depth

        def make(size: int, end: str = end, nest: tuple[str, str] = nest) -> HttpMessage:
            prefixes = numbered("p{} ")(size // 2)
            content = nest[0] + "<x/>" * (size // 8) + nest[1]
            return received(text.replace("MARK", prefixes).replace(end, content + end, 1).encode())

        yield Growth(f"prefixes listed and elements in {where}, {depth} levels of declarations", make)


def groups(seed: int = 0) -> Iterator[Iterator[Growth]]:
    """Everything that is grown. `seed`: of the texts that nobody has thought of."""
    chance = random.Random(seed)
    yield headers()
    yield prologs()
    yield fields()
    yield fields(random_fills(chance, 12))
    yield headers(random_fills(chance, 100))
    yield prefix_lists_of_signed_info()
    for signed in (False, True):
        yield structures(signed=signed)
        yield combinations(signed=signed)


def _declare(kind: str, count: int) -> str:
    return "".join(f' xmlns:{kind}{number}="urn:{kind}{number}"' for number in range(count))


def _marked(root: _Element, number: int, place: str) -> _Element:
    element = list(root.iter(etree.Element))[number]
    if place == "tag":
        element.set("mark", _MARK)
    else:
        element.text = _MARK + (element.text or "")
    return root


@dataclass(frozen=True)
class _Field:
    raw: bytes
    number: int
    attribute: str | None
    value: str

    @property
    def around(self) -> str:
        """The value with the mark in its middle."""
        half = len(self.value) // 2
        return self.value[:half] + _MARK + self.value[half:]

    def put(self, value: str) -> _Element:
        root = _declared(self.raw)
        element = list(root.iter(etree.Element))[self.number]
        if self.attribute is None:
            element.text = value
        else:
            element.set(self.attribute, value)
        return root


def _fields() -> Iterator[tuple[str, _Field]]:
    """Every text and attribute of every message, with its path."""
    for path, raw, number in _elements():
        element = list(_declared(raw).iter(etree.Element))[number]
        found: list[tuple[str | None, str]] = [(str(name), str(value)) for name, value in element.attrib.items()]
        for attribute, value in [*found, *([] if len(element) else [(None, element.text or "")])]:
            where = f"{path}/@{etree.QName(attribute).localname}" if attribute else path
            yield where, _Field(raw, number, attribute, value)


def _elements() -> Iterator[tuple[str, bytes, int]]:
    """The path of every element of every message that is at another path than those before, and its number."""
    seen = set()
    for kind, raw in messages().items():
        for number, element in enumerate(_declared(raw).iter(etree.Element)):
            path = "/".join(map(_name, [*reversed(list(element.iterancestors())), element]))
            if path not in seen:
                seen.add(path)
                yield f"{kind}: {path}", raw, number
