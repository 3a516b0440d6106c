"""The algorithms that may appear in a signature: allow-lists and nothing else. No SHA-1, no HMAC, no encryption."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ccms_ws.contract.namespaces import DS, DSIG_MORE, XENC

_MGF1: Final = "http://www.w3.org/2007/05/xmldsig-more#"

RSA_SHA256: Final = DSIG_MORE + "rsa-sha256"
RSA_SHA384: Final = DSIG_MORE + "rsa-sha384"
RSA_SHA512: Final = DSIG_MORE + "rsa-sha512"
RSA_PSS_SHA256: Final = _MGF1 + "sha256-rsa-MGF1"
RSA_PSS_SHA384: Final = _MGF1 + "sha384-rsa-MGF1"
RSA_PSS_SHA512: Final = _MGF1 + "sha512-rsa-MGF1"
ECDSA_SHA256: Final = DSIG_MORE + "ecdsa-sha256"
ECDSA_SHA384: Final = DSIG_MORE + "ecdsa-sha384"

SHA256: Final = XENC + "sha256"
SHA384: Final = DSIG_MORE + "sha384"
SHA512: Final = XENC + "sha512"

ENVELOPED_SIGNATURE: Final = DS + "enveloped-signature"

SIGNATURES: Final = MappingProxyType({
    RSA_SHA256: "rsa", RSA_SHA384: "rsa", RSA_SHA512: "rsa",
    RSA_PSS_SHA256: "rsa", RSA_PSS_SHA384: "rsa", RSA_PSS_SHA512: "rsa",
    ECDSA_SHA256: "ec", ECDSA_SHA384: "ec",
})  # fmt: skip
"""Signature algorithm URI to the kind of key it takes."""

DIGESTS: Final = MappingProxyType({SHA256: "sha256", SHA384: "sha384", SHA512: "sha512"})
"""Digest algorithm URI to its name in hashlib."""

ECDSA_BY_CURVE: Final = MappingProxyType({"secp256r1": ECDSA_SHA256, "secp384r1": ECDSA_SHA384})
"""Curve to the one algorithm that our own keys on it sign with."""
