"""The envelopes that a simulated partner writes: sealed as they should be, or, if the act says so, not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml.etree import _Element

from ccms_ws.clock import Clock
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import VerifiedEnvelope
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.simulator.behaviors import Behavior


@dataclass(frozen=True, slots=True)
class _SlowClock:
    """An hour behind."""

    clock: Clock

    def now(self) -> datetime:
        return self.clock.now() - timedelta(hours=1)


def untrusted_identity(now: datetime) -> Identity:
    """A new key with a certificate that is pinned nowhere."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stranger")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return Identity(key, certificate)


@dataclass(frozen=True, slots=True)
class Signatures:
    """Who the partner is and whom it trusts."""

    identity: Identity
    trust: TrustStore
    policy: SecurityPolicy
    clock: Clock
    untrusted_identity: Identity

    def for_act(self, act: str) -> tuple[Identity, Clock]:
        """Whose key and which time an envelope bears."""
        identity = self.untrusted_identity if act == Behavior.WRONG_SIGNER else self.identity
        return identity, _SlowClock(self.clock) if act == Behavior.EXPIRED else self.clock

    def answer(
        self, payload: _Element | None, action: str, asked: VerifiedEnvelope, answer_id: UUID, act: Behavior
    ) -> bytes:
        """The envelope that answers `asked` in the HTTP response."""
        relates_to = f"urn:uuid:{uuid4()}" if act is Behavior.STRAY else asked.addressing.message_id
        addressing = Addressing.answer(action=action, message_id=f"urn:uuid:{answer_id}", relates_to=relates_to)
        envelope = compose_envelope(payload, addressing, asked.version)
        if act is not Behavior.UNSIGNED:
            identity, clock = self.for_act(act)
            envelope = seal_envelope(envelope, identity=identity, policy=self.policy, clock=clock)
        return to_bytes(envelope)

    def unsigned(self, fault: _Element, action: str, version: SoapVersion) -> bytes:
        """A fault for an unauthenticated sender."""
        addressing = Addressing.answer(action=action, message_id=f"urn:uuid:{uuid4()}", relates_to="")
        return to_bytes(compose_envelope(fault, addressing, version))
