"""What the gate enforces, in the plain description that the contract publishes."""

from __future__ import annotations

from ccms_ws.contract.policy import SignedPart, WireProfile
from ccms_ws.envelope.policy import SecurityPolicy


def describe(policy: SecurityPolicy) -> WireProfile:
    """The description of `policy`. That it is true is tested against the gate itself, part by part."""
    return WireProfile(
        name=policy.profile.value,
        signed=frozenset(SignedPart),
        token_references=frozenset(reference.value for reference in policy.token_references),
        signature_methods=policy.signature_methods,
        digest_methods=policy.digest_methods,
        lifetime=policy.lifetime,
        skew=policy.skew,
    )
