"""Sealing a payload that is too large to be held: gone through once for its digest, and once more when it is sent."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ccms_ws.clock import Clock
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.algorithms import DIGESTS
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.outbound import BODY_END, ENVELOPE_END, addressing_blocks, body_start, sealed_head
from ccms_ws.envelope.parsing import check_own_size
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion


@dataclass(frozen=True, slots=True)
class SealedStream:
    """A sealed message in pieces; it can be gone through again. `len` is the number of its bytes."""

    head: bytes
    pieces: Iterable[bytes]
    size: int

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        yield self.head
        yield from self.pieces
        yield ENVELOPE_END


def seal_stream(
    pieces: Iterable[bytes],
    addressing: Addressing,
    version: SoapVersion,
    *,
    identity: Identity,
    policy: SecurityPolicy,
    clock: Clock,
    token_reference: TokenReference = TokenReference.DIRECT,
) -> SealedStream:
    """What `seal_payload` gives, around a payload in `pieces` that can be gone through more than once.

    Together they are one element in exclusive canonical form, which uses neither of the prefixes `soap` and `wsu` nor
    xsi:type: who writes a payload piece by piece knows that, and here nothing could be done about it. Errors:
    `LimitExceeded` if it grows beyond the policy's `send_limits`.
    """
    mark, size = secrets.token_hex(8), 0
    digest = hashlib.new(DIGESTS[policy.digest], body_start(version, mark))
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        check_own_size(size, policy.send_limits)
    digest.update(BODY_END)
    head = sealed_head(
        digest.digest(),
        mark,
        addressing_blocks(addressing, mark),
        version,
        identity=identity,
        policy=policy,
        clock=clock,
        token_reference=token_reference,
    )
    return SealedStream(head, pieces, len(head) + size + len(ENVELOPE_END))
