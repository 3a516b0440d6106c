"""What an installation can set, and what each setting means. Reading it from files stands in `reading`.

Every value is checked on its own and against its neighbours; a model that exists is one that can be used. Descriptions
are shown to the operator when a key is missing or wrong.
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from ccms_ws.errors import ConfigError

ProfileName = Literal["gfipm-s2s", "tls-endorsing-timestamp", "mtls-only"]
PushProfileName = Literal["gfipm-s2s", "tls-endorsing-timestamp"]
TokenReferenceName = Literal["direct", "issuer-serial", "ski", "thumbprint"]
RsaSignatureName = Literal[
    "rsa-sha256", "rsa-sha384", "rsa-sha512", "sha256-rsa-MGF1", "sha384-rsa-MGF1", "sha512-rsa-MGF1"
]
CaseTypeName = Literal["criminal", "traffic", "juvenile-delinquency", "juvenile-dependency", "civil", "other"]
PartnerKindName = Literal["probation", "franchise-tax-board", "revenue-recovery", "collection-agency", "motor-vehicles"]


def _resolved(path: Path, info: ValidationInfo) -> Path:
    base: Path = (info.context or {}).get("base", Path())
    return (base / path.expanduser()).resolve()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}")
    return path


def _plain_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it should be an http:// or https:// address")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("it should have no user, no ? and no #")
    parts.port  # noqa: B018 - raises ValueError if it is no port
    return url.rstrip("/")


def _database_url(url: str, info: ValidationInfo) -> str:
    kind, _, rest = url.partition("://")
    if kind == "sqlite" and re.fullmatch(r"/[^:?]+", rest):
        return f"sqlite:///{_resolved(Path(rest[1:]), info)}"
    if kind == "postgresql+psycopg" and rest:
        return url
    raise ValueError("it should be sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")


def _some(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    if not paths:
        raise ValueError("it should name at least one file")
    return paths


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("it should be an address or a network: 10.0.0.5 or 10.0.0.0/24") from None


def _both_directions(profile: Any) -> Any:
    """A bare name means both directions."""
    return {"sends": profile, "receives": profile} if isinstance(profile, str) else profile


ResolvedPath = Annotated[Path, AfterValidator(_resolved)]
ExistingFolder = Annotated[Path, AfterValidator(_resolved), AfterValidator(_existing_folder)]
ExistingFile = Annotated[Path, AfterValidator(_resolved), AfterValidator(_existing)]
Url = Annotated[str, AfterValidator(_plain_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]


class Section(BaseModel):
    """A table of a settings file. Unknown keys are refused: a misspelt one would silently change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CourtSettings(Section):
    """Who this court is. It stands in every message."""

    ori: str = Field(pattern=r"^[A-Z0-9]{9}$", description="the court's NCIC identification: nine capitals or digits")
    name: str = Field(min_length=1, description="the court's name as partners know it")
    county_code: str = Field(
        pattern=r"^(0[1-9]|[1-4][0-9]|5[0-8])$", description="the state's county code: 01 to 58, in quotes"
    )
    dmv_court_code: str = Field(pattern=r"^[0-9]{5}$", description="the court's code at DMV: five digits, in quotes")
    case_number_pattern: str = Field(
        default="",
        description="a regular expression with named groups for a case number in capitals; without it, any text is one",
    )
    case_number_form: str = Field(
        default="", description='how the groups make the court\'s own spelling: "{kind}-{year}-{serial:0>6}"'
    )
    test: bool = Field(default=False, description="true marks every message as a test; partners must not act on it")
    codes: ExistingFolder | None = Field(
        default=None, description="a folder with the court's own code lists; they add to those of xsd/codes/"
    )
    law: ExistingFile | None = Field(
        default=None, description="a file with what the court's counsel adds to the law as data (domain/law.toml)"
    )

    @model_validator(mode="after")
    def _check_case_numbers(self) -> Self:
        if bool(self.case_number_pattern) != bool(self.case_number_form):
            raise ValueError("case_number_pattern and case_number_form go together")
        try:
            groups = dict.fromkeys(re.compile(self.case_number_pattern).groupindex, "1")
            fields = [field for _, field, _, _ in Formatter().parse(self.case_number_form) if field is not None]
            self.case_number_form.format(**groups)
        except (re.error, ValueError, LookupError, AttributeError) as error:
            raise ValueError(f"case_number_pattern and case_number_form do not fit together: {error!r}") from error
        if set(fields) - set(groups):
            raise ValueError("case_number_form should hold names of groups alone")
        return self


class TlsSettings(Section):
    """TLS that the endpoint serves itself. A court that has a proxy in front leaves it out."""

    certificate: ExistingFile = Field(description="the server's certificate and the chain above it (PEM)")
    key: ExistingFile = Field(description="its private key (PEM, readable by its owner alone)")
    client_authorities: ExistingFile | None = Field(
        default=None, description="who may certify clients (PEM); if set, a client must show such a certificate"
    )
    minimum: Literal["1.2", "1.3"] = Field(default="1.2", description="the oldest version of TLS that is spoken")


class ProxySettings(Section):
    """A proxy in front that ends TLS and tells which certificate the client has shown."""

    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        min_length=1, description="where the proxy calls from; whoever else sends the header is not listened to"
    )
    header: str = Field(
        default="X-SSL-Client-Cert",
        pattern=r"^[A-Za-z0-9-]+$",
        description="the header with the client's certificate: URL-encoded PEM (nginx), or base64 of its DER",
    )


class EndpointSettings(Section):
    """Where the court listens."""

    public_url: Url = Field(
        description="the address that partners see; it alone is published and accepted in wsa:To, never the Host header"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="the interface to listen on")
    port: int = Field(ge=1, le=65535, description="the port to listen on")
    workers: int = Field(default=1, ge=1, description="processes that serve; more use more cores and connections")
    threads: int = Field(default=8, ge=1, le=256, description="messages served at once by each process")
    waiting: int = Field(
        default=32, ge=0, le=1024, description="messages that may wait for their turn; others get 503 with Retry-After"
    )
    tls: TlsSettings | None = Field(default=None, description="TLS that the endpoint serves itself")
    proxy: ProxySettings | None = Field(default=None, description="a proxy that passes clients' certificates on")


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
    rsa_signature: RsaSignatureName = Field(default="rsa-sha256", description="what an RSA key signs with")

    @model_validator(mode="after")
    def _check_password(self) -> Self:
        if self.password_file and self.password_variable:
            raise ValueError("password_file and password_variable exclude each other")
        return self


class DatabaseSettings(Section):
    """Where the court's books and messages are kept."""

    url: DatabaseUrl = Field(
        repr=False, description="sqlite:///FILE (counts from this file) or postgresql+psycopg://USER@HOST/DATABASE"
    )


class CrlSettings(Section):
    """A revocation list. Once the date of its next update has passed, nobody whom it concerns is let in."""

    file: ExistingFile = Field(description="the list (PEM or DER)")
    issuer: ExistingFile = Field(description="the certificate of the authority that signs it (PEM)")


class SecuritySettings(Section):
    """Freshness and revocation. Wider windows forgive bad clocks and keep a captured message usable for longer."""

    skew_seconds: int = Field(default=60, ge=0, le=600, description="how far a partner's clock may differ")
    lifetime_seconds: int = Field(default=300, ge=10, le=3600, description="how long a message may live")
    crls: tuple[CrlSettings, ...] = Field(default=(), description="revocation lists: { file = ..., issuer = ... }")


class DeliverySettings(Section):
    """The worker that empties the outbox."""

    threads: int = Field(default=8, ge=1, le=256, description="messages sent at once, to all partners together")
    lease_seconds: int = Field(
        default=120, ge=5, description="how long one attempt may hold a message; longer than both timeouts together"
    )
    poll_seconds: float = Field(default=1.0, gt=0, description="how often an idle worker looks for messages")
    first_retry_seconds: float = Field(default=5.0, gt=0, description="the first wait after a failure; it then doubles")
    longest_retry_seconds: float = Field(default=3600.0, gt=0, description="the longest wait between two attempts")
    give_up_after_attempts: int = Field(
        default=20, ge=1, description="then, if the hours are over too, a message is dead until an operator acts"
    )
    give_up_after_hours: float = Field(
        default=72.0, ge=0, description="how long a message is tried at least, however often that is"
    )
    down_after_failures: int = Field(
        default=5, ge=1, description="failures in a row after which a partner's line rests; its messages then only wait"
    )
    first_rest_seconds: float = Field(default=10.0, gt=0, description="the first rest of a line; it then doubles")
    longest_rest_seconds: float = Field(
        default=300.0, gt=0, description="the longest rest between two probes of a line"
    )
    connect_timeout_seconds: float = Field(default=5.0, gt=0, description="how long to wait for a connection")
    read_timeout_seconds: float = Field(default=30.0, gt=0, description="how long to wait for a partner's answer")

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if self.lease_seconds <= self.connect_timeout_seconds + self.read_timeout_seconds:
            # A lease that ends during an attempt lets a second worker send the same message beside the first.
            raise ValueError("lease_seconds should be longer than connect_timeout_seconds + read_timeout_seconds")
        if self.longest_retry_seconds < self.first_retry_seconds:
            raise ValueError("longest_retry_seconds should not be shorter than first_retry_seconds")
        if self.longest_rest_seconds < self.first_rest_seconds:
            raise ValueError("longest_rest_seconds should not be shorter than first_rest_seconds")
        return self


class LogSettings(Section):
    """What the programs write to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="the least that is written")
    format: Literal["console", "json"] = Field(default="console", description="for people, or one JSON object a line")


class PushSettings(Section):
    """An exchange that the court pushes to this partner. The partner's WSDL decides how it answers."""

    wsdl: ExistingFile = Field(description="the partner's WSDL: its operations, and how it answers")
    url: Url = Field(description="the partner's address; it takes the place of the one in the WSDL")
    soap: Literal["1.1", "1.2"] = Field(default="1.2", description="the SOAP version to send")
    answer_days: float = Field(default=10.0, gt=0, description="how long the partner may take to answer")
    batch_size: int = Field(default=1000, ge=1, le=100_000, description="the most updates in one batch")
    client_id: str = Field(default="", max_length=32, description="the identification that the partner gave the court")
    give_up_after_attempts: int | None = Field(default=None, ge=1, description="this partner's own [delivery] value")
    give_up_after_hours: float | None = Field(default=None, ge=0, description="this partner's own [delivery] value")
    tls_ca: ExistingFile | None = Field(
        default=None,
        description="who may vouch for the partner's server (PEM); the system's authorities, if not set",
    )
    tls_certificate: ExistingFile | None = Field(
        default=None, description="the certificate that the court shows in mutual TLS (PEM)"
    )
    tls_key: ExistingFile | None = Field(default=None, description="its private key (PEM, not encrypted)")

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        if (self.tls_ca or self.tls_certificate) and not self.url.startswith("https://"):
            raise ValueError("tls_ca, tls_certificate and tls_key are for an https:// address")
        return self

    @property
    def client_certificate(self) -> tuple[Path, Path] | None:
        """Certificate and key that the court shows in mutual TLS."""
        return (self.tls_certificate, self.tls_key) if self.tls_certificate and self.tls_key else None

    @property
    def answer_window(self) -> timedelta:
        """How long the partner may take to answer; then silence means what the exchange says it means."""
        return timedelta(days=self.answer_days)


class ProfileSettings(Section):
    """What must be signed in each direction. A weaker profile is one that somebody has written here."""

    sends: ProfileName = Field(default="gfipm-s2s", description="what the partner signs when it sends to the court")
    receives: PushProfileName = Field(default="gfipm-s2s", description="what the court signs when it pushes")

    @property
    def in_words(self) -> str:
        """For people: the name, or both directions with what is weaker said to be so."""
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
        default=None, description="which side of probation; it decides who sees juvenile cases"
    )
    case_types: tuple[CaseTypeName, ...] | None = Field(
        default=None,
        description="the only types of cases that the partner may know of; all that its kind may, if not set",
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
        default=(), description="the certificates (PEM) the partner shows as a TLS client; for the weaker profiles"
    )
    token_reference: TokenReferenceName = Field(
        default="direct", description="how our signatures name our certificate to this partner"
    )
    sends: tuple[str, ...] = Field(default=(), description="exchanges whose messages the partner may send to the court")
    receives: dict[str, PushSettings] = Field(default={}, description="exchanges that the court pushes to the partner")
    at_once: int = Field(default=4, ge=1, le=256, description="messages sent to this partner at once")

    @model_validator(mode="after")
    def _check_unit(self) -> Self:
        if (self.kind == "probation") != (self.unit is not None):
            raise ValueError('a partner of kind "probation", and no other, has a unit: "adult" or "juvenile"')
        return self

    @model_validator(mode="after")
    def _check_trust(self) -> Self:
        if (self.authority is None) != (self.subject is None):
            raise ValueError("authority and subject go together: an authority alone vouches for everybody it certifies")
        if not (self.certificates or self.authority or self.profile.sends == "mtls-only"):
            raise ValueError("a partner has certificates, or authority and subject")
        if self.profile.sends != "gfipm-s2s" and not self.tls_certificates:
            raise ValueError(f"the profile {self.profile.sends} needs tls_certificates: they alone show who is there")
        if self.profile.receives != "gfipm-s2s" and not all(
            push.tls_ca and push.client_certificate for push in self.receives.values()
        ):
            what = f"the profile {self.profile.receives} needs tls_ca, tls_certificate and tls_key for all it receives"
            raise ValueError(what)
        return self


class Settings(Section):
    """The whole installation, made by `load_settings`."""

    court: CourtSettings = Field(description="who this court is")
    endpoint: EndpointSettings = Field(description="where the court listens")
    identity: IdentitySettings = Field(description="the court's signing key and certificate")
    database: DatabaseSettings = Field(description="where the court's books and messages are kept")
    security: SecuritySettings = SecuritySettings()
    delivery: DeliverySettings = DeliverySettings()
    log: LogSettings = LogSettings()
    partners_folder: ResolvedPath = Field(default=Path("partners"), validate_default=True)
    partners: tuple[PartnerSettings, ...] = ()

    def partner(self, partner_id: str) -> PartnerSettings:
        """The partner of that id. Raises ConfigError that lists the known ones."""
        found = next((partner for partner in self.partners if partner.id == partner_id), None)
        if found is None:
            known = ", ".join(partner.id for partner in self.partners) or "none"
            raise ConfigError(f"there is no partner {partner_id!r}", hint=f"known partners: {known}")
        return found
