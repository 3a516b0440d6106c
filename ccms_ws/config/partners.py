"""Settings: one partner, what it may send, what the court sends to it, and what must be signed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from ccms_ws.config.endpoint import RateSettings
from ccms_ws.config.fields import ExistingFile, Section, Url

ProfileName = Literal["gfipm-s2s", "tls-endorsing-timestamp", "mtls-only"]
PushProfileName = Literal["gfipm-s2s", "tls-endorsing-timestamp"]
TokenReferenceName = Literal["direct", "issuer-serial", "ski", "thumbprint"]
CaseTypeName = Literal["criminal", "traffic", "juvenile-delinquency", "juvenile-dependency", "civil", "other"]
PartnerKindName = Literal["probation", "franchise-tax-board", "revenue-recovery", "collection-agency", "motor-vehicles"]


def _some(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    if not paths:
        raise ValueError("it should name at least one file")
    return paths


def _both_directions(profile: Any) -> Any:
    """A bare name means both directions."""
    return {"sends": profile, "receives": profile} if isinstance(profile, str) else profile


class PushSettings(Section):
    """An exchange whose messages the court sends to this partner. The partner's WSDL decides how it answers."""

    wsdl: ExistingFile = Field(description="the partner's WSDL: its operations, and how it answers")
    url: Url = Field(description="the partner's address; it replaces the one in the WSDL")
    soap: Literal["1.1", "1.2"] = Field(default="1.2", description="the SOAP version to send")
    answer_days: float = Field(default=10.0, gt=0, description="how long the partner may take to answer")
    batch_size: int = Field(default=1000, ge=1, le=100_000, description="the most updates in one batch")
    client_id: str = Field(default="", max_length=32, description="the identification that the partner gave the court")
    delinquent_days: int | None = Field(
        default=None,
        ge=0,
        description="how many days a debt must be delinquent before it is referred; 90 for the Franchise Tax Board "
        "(R&TC 19280(a)) and 0 for others, if not set",
    )
    minimum_debt: Annotated[Decimal, Field(max_digits=14, decimal_places=2)] | None = Field(
        default=None,
        ge=0,
        description="the least, in US dollars, that a debtor must owe on all referable debts together; 100.00 for the "
        "Franchise Tax Board (R&TC 19280(a)) and 0 for others, if not set; a programme may set one (PC 1463.007(a))",
    )
    takes_restitution: bool | None = Field(
        default=None,
        description="victim restitution may be referred; false for the Franchise Tax Board, which takes it only from a "
        "government entity with authority and duty to distribute it (R&TC 19280(a)(2)(B)), and true for others, if "
        "not set",
    )
    own_payments: bool = Field(
        default=False,
        description="payments that the partner itself reported are listed in its balance updates, with their source; "
        "if not, they only reduce the balance that was last reported to it",
    )
    give_up_after_attempts: int | None = Field(default=None, ge=1, description="this partner's own [delivery] value")
    give_up_after_hours: float | None = Field(default=None, ge=0, description="this partner's own [delivery] value")
    tls_ca: ExistingFile | None = Field(
        default=None,
        description="the authorities of the partner's TLS server (PEM); the system's, if not set",
    )
    tls_certificate: ExistingFile | None = Field(
        default=None, description="the certificate that the court presents in mutual TLS (PEM)"
    )
    tls_key: ExistingFile | None = Field(default=None, description="its private key (PEM, not encrypted)")
    test_message: ExistingFile | None = Field(
        default=None,
        description="a message (XML) without effect that the partner's WSDL declares beside the exchange's own: "
        "`ccms-ws partners test` sends it signed, and requires a signed answer",
    )

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if (self.tls_ca or self.tls_certificate) and not self.url.startswith("https://"):
            raise ValueError("tls_ca, tls_certificate and tls_key are for an https:// address")
        return self

    @property
    def client_certificate(self) -> tuple[Path, Path] | None:
        """Certificate and key that the court presents in mutual TLS."""
        return (self.tls_certificate, self.tls_key) if self.tls_certificate and self.tls_key else None

    @property
    def answer_window(self) -> timedelta:
        """How long the partner may take to answer; after that, the exchange defines what silence means."""
        return timedelta(days=self.answer_days)


class ProfileSettings(Section):
    """What must be signed in each direction. A weaker profile applies only if it is set here."""

    sends: ProfileName = Field(default="gfipm-s2s", description="what the partner signs when it sends to the court")
    receives: PushProfileName = Field(
        default="gfipm-s2s", description="what the court signs when it sends to the partner"
    )

    @property
    def in_words(self) -> str:
        """The name, or both directions, with weaker ones marked, for display."""
        names = [f"{name} (weaker)" if name != "gfipm-s2s" else name for name in (self.sends, self.receives)]
        return names[0] if self.sends == self.receives else f"sends: {names[0]}, receives: {names[1]}"


class PartnerSettings(Section):
    """One partner: who it is, which certificates it signs with, what it may send and what it receives.

    `certificates` may hold an old and a new one during a rollover.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$", description="how messages and logs name the partner")
    name: str = Field(min_length=1, description="the partner's full name")
    kind: PartnerKindName = Field(description="what the partner is; rules of the exchanges depend on it")
    unit: Literal["adult", "juvenile"] | None = Field(
        default=None, description="adult or juvenile probation; decides whether juvenile cases are disclosed"
    )
    case_types: tuple[CaseTypeName, ...] | None = Field(
        default=None,
        description="the only types of cases that the partner may see; all that its kind may see, if not set",
    )
    profile: Annotated[ProfileSettings, BeforeValidator(_both_directions)] = Field(
        default=ProfileSettings(),
        description='the security profiles of the messages: a name, or { sends = "...", receives = "..." }',
    )
    certificates: Annotated[tuple[ExistingFile, ...], AfterValidator(_some)] = Field(
        default=(), description="the certificates (PEM) the partner signs with"
    )
    authority: ExistingFile | None = Field(
        default=None, description="instead of pins: the authority that certifies the partner, root included (PEM)"
    )
    subject: str | None = Field(
        default=None, description='with authority: the whole subject of the partner\'s certificate, "CN=...,O=...,C=US"'
    )
    tls_certificates: tuple[ExistingFile, ...] = Field(
        default=(), description="the certificates (PEM) the partner presents as a TLS client; for the weaker profiles"
    )
    token_reference: TokenReferenceName = Field(
        default="direct", description="how our signatures name our certificate to this partner"
    )
    sends: tuple[str, ...] = Field(default=(), description="exchanges whose messages the partner may send to the court")
    receives: dict[str, PushSettings] = Field(
        default={}, description="exchanges whose messages the court sends to the partner"
    )
    rate: RateSettings | None = Field(
        default=None, description="how many messages this partner may send; [endpoint.rate], if not set"
    )
    at_once: int = Field(default=4, ge=1, le=256, description="messages sent to this partner at once")

    @model_validator(mode="after")
    def _check_unit(self) -> Self:
        if (self.kind == "probation") != (self.unit is not None):
            raise ValueError('a partner of kind "probation", and no other, has a unit: "adult" or "juvenile"')
        return self

    @model_validator(mode="after")
    def _check_trust(self) -> Self:
        if (self.authority is None) != (self.subject is None):
            raise ValueError(
                "authority and subject go together: an authority alone would admit every holder of its certificates"
            )
        if not (self.certificates or self.authority or self.profile.sends == "mtls-only"):
            raise ValueError("a partner has certificates, or authority and subject")
        if self.profile.sends != "gfipm-s2s" and not self.tls_certificates:
            raise ValueError(f"the profile {self.profile.sends} needs tls_certificates: they alone identify the sender")
        if self.profile.receives != "gfipm-s2s" and not all(
            push.tls_ca and push.client_certificate for push in self.receives.values()
        ):
            what = f"the profile {self.profile.receives} needs tls_ca, tls_certificate and tls_key for all it receives"
            raise ValueError(what)
        return self
