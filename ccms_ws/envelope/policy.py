"""What one side demands of an envelope: the security profile and the structural limits. Values only, no checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from ccms_ws.envelope.algorithms import DIGESTS, RSA_SHA256, SHA256, SIGNATURES
from ccms_ws.errors import ConfigError


class Profile(Enum):
    """A named wire profile; partner configurations use the value."""

    GFIPM_S2S = "gfipm-s2s"
    """Body, Timestamp, every WS-Addressing header and the token are signed with an X.509 certificate."""

    TLS_ENDORSING_TIMESTAMP = "tls-endorsing-timestamp"
    """Only the Timestamp is signed, or it and the token, over mutual TLS. Weaker: a signature shows who is there and
    when, and what was said is the connection's word alone."""

    MTLS_ONLY = "mtls-only"
    """Nothing is signed; the partner is known by its TLS certificate alone. Weaker still: nothing can be proven later.
    For the answers of partners that cannot sign."""

    @property
    def is_weaker(self) -> bool:
        """True for a profile that leans on mutual TLS."""
        return self is not Profile.GFIPM_S2S


class TokenReference(Enum):
    """How a signature names its certificate (WSS X.509 Token Profile 1.1, 3.2); configurations use the value."""

    DIRECT = "direct"
    """A reference to a BinarySecurityToken in the message: the receiver sees the certificate itself."""

    ISSUER_SERIAL = "issuer-serial"
    """Issuer name and serial number: short, but the receiver must already hold the certificate."""

    KEY_IDENTIFIER = "ski"
    """The SubjectKeyIdentifier extension: survives a renewal with the same key."""

    THUMBPRINT = "thumbprint"
    """SHA-1 over the certificate, as a name only, not for security."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits before authentication: each bounds the CPU time or memory that an unauthenticated sender can use."""

    message: int = 256 * 1024
    """Bytes of the whole message. A batch endpoint needs more (4 MiB); everything below scales with it."""

    depth: int = 64
    """Levels of nesting. Raising it makes recursion in later libraries deeper."""

    elements: int = 20_000
    """Elements in the message. Memory is about 40 times the bytes of tiny elements: the cap is what bounds it."""

    attributes: int = 64
    """Attributes of one element. Canonicalization sorts them: 100,000 on one element cost 11 s.
    The whole message may have twice as many attributes as elements.
    """

    namespaces: int = 64
    """Namespace declarations of one element, and prefixes in one PrefixList; an element with its ancestors may have
    twice as many declarations. Canonicalization searches them for every name below.
    """

    attribute_length: int = 64 * 1024
    """Characters in one attribute value."""

    text_length: int = 1024 * 1024
    """Characters in one run of text."""

    references: int = 10
    """References in one signature. Each costs a canonicalization and a digest (BSP has no bound; attackers do)."""


@dataclass(frozen=True, slots=True)
class SecurityPolicy:
    """What a message must show before it is believed, and what our own messages show."""

    profile: Profile = Profile.GFIPM_S2S
    """What our own messages sign. What must be signed of a partner's is said by `Acceptance.profile`."""

    skew: timedelta = timedelta(seconds=60)
    """How far the partner's clock may be off. A message can be sent again for lifetime + 2 x skew: the duplicate
    guard must remember at least that long."""

    lifetime: timedelta = timedelta(seconds=300)
    """Expires - Created of what we write. What we receive is valid for so long at most, whatever its Expires says.
    Longer helps slow partners and thieves."""

    limits: Limits = field(default_factory=Limits)
    """Structural bounds of what is received; see `Limits`."""

    send_limits: Limits = field(default_factory=lambda: Limits(message=256 * 1024 * 1024, elements=20_000_000))
    """Bounds of what we seal: the structure that we take in ourselves, and room for the largest batch. A message beyond
    them is a mistake that the partner need not find for us."""

    signature_methods: frozenset[str] = frozenset(SIGNATURES)
    """Signature algorithm URIs that are accepted. SHA-1 and HMAC cannot be added: there is no code for them here."""

    digest_methods: frozenset[str] = frozenset(DIGESTS)
    """Digest algorithm URIs that are accepted in references."""

    token_references: frozenset[TokenReference] = frozenset(TokenReference)
    """How partners may name their certificate. Only `DIRECT` puts the certificate itself under the signature."""

    rsa_signature: str = RSA_SHA256
    """The algorithm that our RSA keys sign with. RSA-PSS is stronger in theory and unknown to many old stacks."""

    digest: str = SHA256
    """The digest algorithm of our own references."""

    def __post_init__(self) -> None:
        if self.profile is Profile.MTLS_ONLY:
            raise ConfigError("the court signs what it sends; 'mtls-only' is for what a partner sends")
        for name, chosen, known in (
            ("signature_methods", self.signature_methods | {self.rsa_signature}, SIGNATURES.keys()),
            ("digest_methods", self.digest_methods | {self.digest}, DIGESTS.keys()),
        ):
            if unknown := chosen - known:
                raise ConfigError(f"{name}: {', '.join(sorted(unknown))} is not on the allow-list")
        if self.skew < timedelta(0) or self.lifetime <= timedelta(0):
            raise ConfigError("skew must not be negative and lifetime must be positive")
