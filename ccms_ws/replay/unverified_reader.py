"""Read envelopes without verifying them: their content, signed or not."""

from __future__ import annotations

from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSA, q
from ccms_ws.envelope.parsing import parse
from ccms_ws.envelope.policy import Limits, SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import CcmsWsError, ConfigError

LIMITS: Final = Limits(message=64 * 1024 * 1024, elements=5_000_000)
POLICY: Final = SecurityPolicy(limits=LIMITS)
"""The published profile, for messages of any size that a recording can have."""

_ENVELOPES: Final = tuple(q(version.namespace, "Envelope") for version in SoapVersion)


def find_tree(raw: bytes) -> _Element | None:
    """The document in `raw`; None if it holds none."""
    try:
        return parse(raw, LIMITS)
    except CcmsWsError:
        return None


def get_tree(raw: bytes, what: str) -> _Element:
    """The document in `raw`. Raises ConfigError that says of `what`."""
    try:
        return parse(raw, LIMITS)
    except CcmsWsError as error:
        raise ConfigError(f"{what} holds no message: {error}") from error


def is_envelope(root: _Element) -> bool:
    return root.tag in _ENVELOPES


def payload_of(envelope: _Element) -> _Element | None:
    """The Body's first element."""
    body = envelope[-1] if len(envelope) else None
    return body[0] if body is not None and len(body) else None


def addressing_of(envelope: _Element) -> dict[str, str]:
    """The texts of the wsa headers, by local name."""
    blocks = envelope[0] if len(envelope) > 1 else ()
    return {
        etree.QName(block).localname: (block.text or "").strip()
        for block in blocks
        if block.tag.startswith(f"{{{WSA}}}")
    }


def message_id_of(raw: bytes) -> str:
    """The wsa:MessageID in a message; empty if there is none."""
    root = find_tree(raw)
    return "" if root is None else addressing_of(root).get("MessageID", "")
