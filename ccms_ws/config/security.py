"""Settings: the court's signing key, freshness of messages, revocation lists."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ccms_ws.config.fields import ExistingFile, Section

RsaSignatureName = Literal[
    "rsa-sha256", "rsa-sha384", "rsa-sha512", "sha256-rsa-MGF1", "sha384-rsa-MGF1", "sha512-rsa-MGF1"
]


class IdentitySettings(Section):
    """The court's signing key and certificate."""

    key: ExistingFile = Field(description="the private key that signs for the court: PEM, or a PKCS#12 file")
    certificate: ExistingFile = Field(description="its certificate (PEM), which partners pin; with PKCS#12 as well")
    password_file: ExistingFile | None = Field(
        default=None, description="a file with the key's password, readable by its owner alone"
    )
    password_variable: str | None = Field(
        default=None, min_length=1, description="the environment variable that holds the key's password"
    )
    rsa_signature: RsaSignatureName = Field(default="rsa-sha256", description="the signature algorithm of an RSA key")

    @model_validator(mode="after")
    def _check_password(self) -> Self:
        if self.password_file and self.password_variable:
            raise ValueError("password_file and password_variable exclude each other")
        return self


class CrlSettings(Section):
    """A revocation list. Once the date of its next update has passed, every certificate of its issuer is refused."""

    file: ExistingFile = Field(description="the list (PEM or DER)")
    issuer: ExistingFile = Field(description="the certificate of the authority that signs it (PEM)")


class SecuritySettings(Section):
    """Freshness and revocation. Wider windows tolerate worse clocks, and a captured message stays usable for longer."""

    skew_seconds: int = Field(default=60, ge=0, le=600, description="how far a partner's clock may differ")
    lifetime_seconds: int = Field(
        default=300, ge=10, le=3600, description="how long a message is valid after Created, whatever its Expires says"
    )
    crls: tuple[CrlSettings, ...] = Field(default=(), description="revocation lists: { file = ..., issuer = ... }")
