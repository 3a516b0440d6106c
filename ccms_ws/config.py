"""The settings of one court's installation: `ccms-ws.toml` and the profiles in `partners/*.toml`.

Unknown and missing keys are refused in plain words. Relative paths count from the file they stand in. Each value of
`ccms-ws.toml` can be overridden from the environment (`CCMS_WS_DATABASE__URL`), which keeps secrets out of files.
"""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, HttpUrl, ValidationError, ValidationInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ccms_ws.errors import ConfigError


def _resolved(path: Path, info: ValidationInfo) -> Path:
    return (info.context["base"] / path).resolve() if info.context else path


def _plain_url(url: HttpUrl) -> str:
    return str(url).rstrip("/")


RelativePath = Annotated[Path, AfterValidator(_resolved)]
Url = Annotated[HttpUrl, AfterValidator(_plain_url)]
ProfileName = Literal["gfipm-s2s"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CourtSettings(_Section):
    """Who this court is. `ori`: its nine-character NCIC identification; `county_code`: the state's 01-58."""

    ori: str = Field(pattern=r"^[A-Z0-9]{9}$")
    name: str
    county_code: str = Field(pattern=r"^(0[1-9]|[1-4][0-9]|5[0-8])$")
    dmv_court_code: str = Field(pattern=r"^[0-9]{5}$")
    test: bool = False


class EndpointSettings(_Section):
    """Where the court listens. `public_url` is what partners see; it alone is published, never the Host header."""

    public_url: Url
    host: str = "127.0.0.1"
    port: int = Field(ge=1, le=65535)
    workers: int = Field(default=1, ge=1)
    threads: int = Field(default=8, ge=1)


class IdentitySettings(_Section):
    """The court's signing key and certificate (PEM)."""

    key: RelativePath
    certificate: RelativePath


class DatabaseSettings(_Section):
    """An SQLAlchemy URL: `sqlite:///court.db` (path from the file) or `postgresql+psycopg://...`."""

    url: str


class SecuritySettings(_Section):
    """Freshness: how far clocks may differ, and how long a message may live, in seconds."""

    skew_seconds: int = Field(default=60, ge=0, le=600)
    lifetime_seconds: int = Field(default=300, ge=10, le=3600)


class DeliverySettings(_Section):
    """The worker: how long one attempt may hold a message, and how retries back off (seconds)."""

    lease_seconds: int = Field(default=120, ge=5)
    poll_seconds: float = Field(default=1.0, gt=0)
    first_retry_seconds: float = Field(default=5.0, gt=0)
    longest_retry_seconds: float = Field(default=3600.0, gt=0)
    give_up_after_attempts: int = Field(default=20, ge=1)
    connect_timeout_seconds: float = Field(default=5.0, gt=0)
    read_timeout_seconds: float = Field(default=30.0, gt=0)


class LogSettings(_Section):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["console", "json"] = "console"


class PushSettings(_Section):
    """An exchange that the court pushes to this partner: the partner's WSDL decides how it answers."""

    wsdl: RelativePath
    url: Url
    soap: Literal["1.1", "1.2"] = "1.2"
    answer_days: float = Field(default=10.0, gt=0)
    batch_size: int = Field(default=1000, ge=1, le=100_000)
    client_id: str = ""

    @property
    def answer_window(self) -> timedelta:
        """How long the partner may take to answer; then silence means what the exchange says it means."""
        return timedelta(days=self.answer_days)


class PartnerSettings(_Section):
    """One partner: who it is, which certificates it signs with, what it may send and what it receives.

    `certificates` may hold an old and a new one during a rollover. `sends` lists exchanges whose messages the partner
    may send to the court; `receives` those that the court pushes.
    """

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")
    name: str
    kind: Literal["probation", "franchise-tax-board", "revenue-recovery", "collection-agency", "motor-vehicles"]
    unit: Literal["adult", "juvenile"] | None = None
    profile: ProfileName = "gfipm-s2s"
    certificates: tuple[RelativePath, ...] = Field(min_length=1)
    sends: tuple[str, ...] = ()
    receives: dict[str, PushSettings] = Field(default_factory=dict)


class Settings(BaseSettings):
    """The whole installation. Made by `load_settings`."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="CCMS_WS_", env_nested_delimiter="__", nested_model_default_partial_update=True
    )

    court: CourtSettings
    endpoint: EndpointSettings
    identity: IdentitySettings
    database: DatabaseSettings
    security: SecuritySettings = SecuritySettings()
    delivery: DeliverySettings = DeliverySettings()
    log: LogSettings = LogSettings()
    partners_folder: RelativePath = Path("partners")
    partners: tuple[PartnerSettings, ...] = ()

    def partner(self, partner_id: str) -> PartnerSettings:
        """The partner of that id. Raises ConfigError that lists the known ones."""
        found = next((partner for partner in self.partners if partner.id == partner_id), None)
        if found is None:
            known = ", ".join(partner.id for partner in self.partners) or "none"
            raise ConfigError(f"there is no partner {partner_id!r}", hint=f"known partners: {known}")
        return found

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (sources["env_settings"], init_settings)


def load_settings(path: Path) -> Settings:
    """The settings in `path` with its partner profiles. Raises ConfigError that names each wrong key and what to do."""
    raise NotImplementedError
