"""One line of the file of heads: the ends of the chains at some time, chained to the line before it, and signed.

A line is one JSON object. The signature covers it without `signature`, as it is written: keys sorted, no blanks. Lines
are verified with the court's own certificates, never with a certificate that a line itself contains.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from ccms_ws.envelope.identity import Identity
from ccms_ws.store.hash_chain import Head

NO_LINE: Final = "0" * 64
"""The first line's value for the hash of the line before it."""


class Event(StrEnum):
    """Why a line was written."""

    HEADS = "heads"
    """The chains have grown."""
    RESTORED = "restored"
    """The database was replaced by an older copy; entries beyond it are lost."""
    ROLLOVER = "rollover"
    """The court signs with a new key, which confirms by this line that `earlier` was the court's certificate."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that could be read. `signer`: SHA-256 of the signing certificate; `earlier`: for a rollover, DER."""

    at: datetime
    event: Event
    heads: tuple[Head, ...]
    previous: str
    signer: str
    reason: str
    earlier: bytes
    signed: bytes
    signature: bytes


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate, in hexadecimal."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def write_line(
    event: Event,
    heads: Sequence[Head],
    *,
    at: datetime,
    previous: str,
    identity: Identity,
    reason: str = "",
    earlier: x509.Certificate | None = None,
) -> bytes:
    """A signed line, with the line break at its end. `previous`: `hash_of` the line before it, or NO_LINE."""
    facts: dict[str, object] = {
        "at": at.isoformat(),
        "event": event.value,
        "heads": [[head.chain, head.length, head.hash] for head in heads],
        "previous": previous,
        "signer": fingerprint(identity.certificate),
    }
    if reason:
        facts["reason"] = reason
    if earlier is not None:
        facts["earlier"] = b64encode(earlier.public_bytes(Encoding.DER)).decode()
    key, signed = identity.key, _text(facts)
    if isinstance(key, RSAPrivateKey):
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    else:
        signature = key.sign(signed, ec.ECDSA(hashes.SHA256()))
    return _text({**facts, "signature": b64encode(signature).decode()}) + b"\n"


def read_line(raw: bytes) -> Line | None:
    """Parse a line without its line break, unverified; None if it is malformed."""
    try:
        facts: Mapping[str, Any] = json.loads(raw)
        return Line(
            at=datetime.fromisoformat(facts["at"]),
            event=Event(facts["event"]),
            heads=tuple(Head(int(chain), int(length), str(hash_)) for chain, length, hash_ in facts["heads"]),
            previous=str(facts["previous"]),
            signer=str(facts["signer"]),
            reason=str(facts.get("reason", "")),
            earlier=b64decode(facts.get("earlier", "")),
            signed=_text({name: value for name, value in facts.items() if name != "signature"}),
            signature=b64decode(facts["signature"]),
        )
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def hash_of(raw: bytes) -> str:
    """The hash of a line without its line break: `previous` of the next line."""
    return sha256(raw).hexdigest()


def is_signed_by(line: Line, certificate: x509.Certificate) -> bool:
    """Whether the key of this certificate signed the line."""
    key = certificate.public_key()
    try:
        if isinstance(key, RSAPublicKey):
            key.verify(line.signature, line.signed, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(line.signature, line.signed, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def certificates_of_court(lines: Iterable[Line], own: Iterable[x509.Certificate]) -> Mapping[str, x509.Certificate]:
    """The certificates that the court has signed with, by fingerprint: its `own`, and the earlier
    ones that those confirm in rollovers."""
    known = {fingerprint(certificate): certificate for certificate in own}
    waiting = [line for line in lines if line.event is Event.ROLLOVER]
    while vouched := [line for line in waiting if line.signer in known and is_signed_by(line, known[line.signer])]:
        for line in vouched:
            earlier = x509.load_der_x509_certificate(line.earlier)
            known[fingerprint(earlier)] = earlier
            waiting.remove(line)
    return known


def _text(facts: Mapping[str, object]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
