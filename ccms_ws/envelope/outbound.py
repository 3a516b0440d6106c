"""Sealing an envelope: timestamp, token and signature. The mirror of `inbound`."""

from __future__ import annotations

from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference


def seal_envelope(
    envelope: _Element,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
) -> _Element:
    """Sign `envelope` in place and return it: wsse:Security becomes the last header block.

    Signed are the Body, the Timestamp, every wsa header and the token. Sealing again (a retry) replaces an earlier
    Security header.
    """
    raise NotImplementedError
