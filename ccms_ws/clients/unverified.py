"""Read an unauthenticated answer: whether it is empty, and what it claims, for the operator to read."""

from __future__ import annotations

import re

from lxml import etree
from lxml.etree import _Element

from ccms_ws.envelope.faults import read_fault
from ccms_ws.envelope.parsing import check_parsed, parse
from ccms_ws.envelope.policy import Limits
from ccms_ws.errors import CcmsWsError

_LONGEST_REASON = 200
_HEAD = 8192
_ENVELOPE = re.compile(rb"<(?:[^\s<>:/!?]{1,100}:)?Envelope[\s/>]")


def is_empty(answer: bytes | _Element, limits: Limits) -> bool:
    """True for an envelope with an empty Body: equivalent to an empty response, so it needs no signature."""
    body = _body(answer, limits)
    return body is not None and len(body) == 0 and not (body.text or "").strip()


def is_envelope(answer: bytes) -> bool:
    """Whether the answer seems to be a SOAP envelope, well formed or not."""
    return _ENVELOPE.search(answer[:_HEAD].replace(b"\0", b"")) is not None


def describe_fault(answer: bytes | _Element, limits: Limits) -> str:
    """Code and reason of the fault in an answer; empty if it holds none."""
    body = _body(answer, limits)
    if body is None or not len(body):
        return ""
    try:
        fault = read_fault(body[0])
    except CcmsWsError:
        return ""
    return " ".join(filter(None, (fault.code, fault.subcode, fault.reason[:_LONGEST_REASON])))


def _body(answer: bytes | _Element, limits: Limits) -> _Element | None:
    try:
        if isinstance(answer, bytes):
            root = parse(answer, limits)
        else:
            root = answer
            check_parsed(root, limits)
    except CcmsWsError:
        return None
    last = root[-1] if len(root) else None
    return last if last is not None and etree.QName(last).localname == "Body" else None
