"""All settings of an installation. Each table has a module of its own; `reading` reads them from files.

Every value is checked by itself and against related values, so that a model that exists can be used. Descriptions
are shown to the operator when a key is missing or wrong.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from ccms_ws.config.court import CourtSettings
from ccms_ws.config.endpoint import EndpointSettings
from ccms_ws.config.fields import ResolvedPath, Section
from ccms_ws.config.partners import PartnerSettings
from ccms_ws.config.programs import AuditSettings, ConsoleSettings, DatabaseSettings, DeliverySettings, LogSettings
from ccms_ws.config.security import IdentitySettings, SecuritySettings
from ccms_ws.errors import ConfigError


class Settings(Section):
    """The whole installation, made by `load_settings`."""

    court: CourtSettings = Field(description="the identity of the court")
    endpoint: EndpointSettings = Field(description="where the court listens")
    identity: IdentitySettings = Field(description="the court's signing key and certificate")
    database: DatabaseSettings = Field(description="the database of cases, ledger and messages")
    security: SecuritySettings = SecuritySettings()
    delivery: DeliverySettings = DeliverySettings()
    console: ConsoleSettings | None = None
    log: LogSettings = LogSettings()
    audit: AuditSettings = Field(default={}, validate_default=True)  # read, so that its paths are relative to the file
    partners_folder: ResolvedPath = Field(default=Path("partners"), validate_default=True)
    partners: tuple[PartnerSettings, ...] = ()

    def partner(self, partner_id: str) -> PartnerSettings:
        """The partner with that id. Raises ConfigError with the known ids."""
        found = next((partner for partner in self.partners if partner.id == partner_id), None)
        if found is None:
            known = ", ".join(partner.id for partner in self.partners) or "none"
            raise ConfigError(f"there is no partner {partner_id!r}", hint=f"known partners: {known}")
        return found
