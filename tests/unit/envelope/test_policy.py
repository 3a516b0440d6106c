"""A policy that cannot be kept is refused when it is made."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ccms_ws.contract.namespaces import DS
from ccms_ws.envelope.algorithms import DIGESTS, RSA_SHA256, SHA256, SIGNATURES
from ccms_ws.envelope.policy import Profile, SecurityPolicy
from ccms_ws.errors import ConfigError


def test_the_default_is_the_justice_profile() -> None:
    policy = SecurityPolicy()
    assert policy.profile is Profile.GFIPM_S2S
    assert (policy.skew, policy.lifetime) == (timedelta(seconds=60), timedelta(seconds=300))
    assert policy.require_signed_token
    assert (policy.rsa_signature, policy.digest) == (RSA_SHA256, SHA256)


def test_nothing_weak_is_on_the_allow_lists() -> None:
    listed = " ".join([*SIGNATURES, *DIGESTS]).lower()
    assert not any(weak in listed for weak in ("sha1", "md5", "hmac", "sha224", "dsa-sha1", "#dsa"))


@pytest.mark.parametrize("profile", ["tls-endorsing-timestamp", "mtls-only"])
def test_a_profile_that_is_not_built_is_refused_by_name(profile: str) -> None:
    with pytest.raises(ConfigError, match=profile):
        SecurityPolicy(profile=Profile(profile))


@pytest.mark.parametrize(
    "changes",
    [
        {"signature_methods": frozenset({DS + "rsa-sha1"})},
        {"digest_methods": frozenset({DS + "sha1"})},
        {"rsa_signature": DS + "hmac-sha1"},
        {"digest": DS + "sha1"},
        {"skew": timedelta(seconds=-1)},
        {"lifetime": timedelta()},
    ],
)
def test_what_is_not_on_the_allow_list_cannot_be_configured(changes: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SecurityPolicy(**changes)  # type: ignore[arg-type]
