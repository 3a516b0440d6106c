"""A single attack: how it is made and what must come of it.

An attack that a partner could mount with its own key is signed with that key by libxmlsec: what refuses it must be the
rule, not an accidental digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS
from ccms_ws.envelope.inbound import HttpMessage
from ccms_ws.envelope.policy import Limits
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.errors import CcmsWsError
from tests.support.envelopes import POLICY, TEST, parsed, received, sealed
from tests.support.layouts import Layout
from tests.support.oracles import libxmlsec_sign, reference_template

Make = Callable[[], "HttpMessage | bytes"]
Change = tuple[str, str]
WIDE = {"policy": replace(POLICY, limits=Limits(message=8 << 20))}
"""For attacks that the limit of the message's size would refuse already."""

_MANY = 1 << 30
_UNLIMITED = replace(
    POLICY,
    send_limits=Limits(
        message=_MANY, depth=100, elements=_MANY, attributes=_MANY, namespaces=_MANY, attribute_length=_MANY,
        text_length=_MANY,
    ),
)  # fmt: skip
"""Of a partner who heeds no limit when it signs."""


@dataclass(frozen=True)
class Attack:
    """`number`: in the list of attacks that the endpoint must answer. `answer`: the error, or None if the message may
    be accepted because it still says what was signed.
    """

    number: int
    name: str
    make: Make
    answer: type[CcmsWsError] | None
    how: Mapping[str, object] = field(default_factory=dict)
    """Arguments for `opened`."""
    reason: str = ""
    """Why it is accepted, if a stack writes it so."""
    remark: str = ""
    """How the remark about it begins."""

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


def change(raw: bytes, *changes: Change) -> bytes:
    """Replace each first occurrence; there must be one."""
    text = raw.decode()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


def after_seal(*changes: Change, **how: object) -> Callable[[], bytes]:
    """A message of ours, changed after it was sealed."""
    return lambda: change(to_bytes(sealed(**how)), *changes)  # type: ignore[arg-type]


def before_sign(*changes: Change, layout: Layout | None = None, after: Change | None = None) -> Callable[[], bytes]:
    """A message changed before the partner signs it (and perhaps once more `after`)."""

    def make() -> bytes:
        used = layout or Layout()
        raw = libxmlsec_sign(change(used.text(), *changes), used.identity)
        return change(raw, after) if after else raw

    return make


def signed_with(block: str, block_id: str, without: str = "") -> Callable[[], bytes]:
    """A message with one more header block, which the partner signs too; and perhaps `without` one of the usual."""
    layout = Layout()
    if without:
        del layout.addressing[without]
    return before_sign(
        ("<wsa:MessageID ", f"{block}<wsa:MessageID "),
        ("</ds:SignedInfo>", reference_template(block_id) + "</ds:SignedInfo>"),
        layout=layout,
    )


def in_tree(tamper: Callable[[_Element], object]) -> Callable[[], bytes]:
    """A message of ours whose tree is tampered with."""

    def make() -> bytes:
        root = parsed(to_bytes(sealed()))
        tamper(root)
        return etree.tostring(root)

    return make


def part(root: _Element, name: str) -> _Element:
    """The first element of XML Signature with this name."""
    return next(root.iter(f"{{{DS}}}{name}"))


def behind(prolog: str) -> Callable[[], bytes]:
    """A message of ours behind another prolog."""
    return lambda: prolog.encode() + to_bytes(sealed()).partition(b"?>")[2].lstrip()


def flood(make: Callable[[], str]) -> Callable[[], bytes]:
    """A message of ours with something large put into its payload."""
    return lambda: to_bytes(sealed()).replace(b"<t:Case>", make().encode() + b"<t:Case>", 1)


def signed_flood(make: Callable[[], str]) -> Callable[[], bytes]:
    """The same, by a partner who signs it."""

    def sign() -> bytes:
        text = f'<t:Query xmlns:t="{TEST}">{make()}<t:Case>24CR01234</t:Case></t:Query>'
        return to_bytes(sealed(etree.fromstring(text, etree.XMLParser(huge_tree=True)), policy=_UNLIMITED))

    return sign


def sent_as(make: Callable[[], bytes], **headers: str | None) -> Callable[[], HttpMessage]:
    """A message with other HTTP headers."""
    return lambda: received(make(), **headers)  # type: ignore[arg-type]
