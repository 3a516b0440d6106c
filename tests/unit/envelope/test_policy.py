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
    assert (policy.rsa_signature, policy.digest) == (RSA_SHA256, SHA256)


def test_nothing_weak_is_on_the_allow_lists() -> None:
    listed = " ".join([*SIGNATURES, *DIGESTS]).lower()
    assert not any(weak in listed for weak in ("sha1", "md5", "hmac", "sha224", "dsa-sha1", "#dsa"))


def test_the_court_signs_what_it_sends() -> None:
    with pytest.raises(ConfigError, match="mtls-only"):
        SecurityPolicy(profile=Profile.MTLS_ONLY)


def test_every_profile_but_the_default_is_called_weaker() -> None:
    assert [profile.value for profile in Profile if profile.is_weaker] == ["tls-endorsing-timestamp", "mtls-only"]


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
