"""The settings of one court's installation: `ccms-ws.toml` and the profiles in `partners/*.toml`."""

from ccms_ws.config.court import CourtSettings
from ccms_ws.config.endpoint import EndpointSettings, RateSettings
from ccms_ws.config.model import Settings
from ccms_ws.config.partners import PartnerSettings, PushSettings
from ccms_ws.config.programs import AuditSettings, ConsoleSettings, DatabaseSettings, DeliverySettings, LogSettings
from ccms_ws.config.reading import load_settings
from ccms_ws.config.security import IdentitySettings, SecuritySettings

__all__ = [
    "AuditSettings",
    "ConsoleSettings",
    "CourtSettings",
    "DatabaseSettings",
    "DeliverySettings",
    "EndpointSettings",
    "IdentitySettings",
    "LogSettings",
    "PartnerSettings",
    "PushSettings",
    "RateSettings",
    "SecuritySettings",
    "Settings",
    "load_settings",
]
