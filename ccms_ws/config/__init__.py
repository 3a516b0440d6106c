"""The settings of one court's installation: `ccms-ws.toml` and the profiles in `partners/*.toml`."""

from ccms_ws.config.model import (
    CourtSettings,
    DatabaseSettings,
    DeliverySettings,
    EndpointSettings,
    IdentitySettings,
    LogSettings,
    PartnerSettings,
    PushSettings,
    SecuritySettings,
    Settings,
)
from ccms_ws.config.reading import load_settings

__all__ = [
    "CourtSettings",
    "DatabaseSettings",
    "DeliverySettings",
    "EndpointSettings",
    "IdentitySettings",
    "LogSettings",
    "PartnerSettings",
    "PushSettings",
    "SecuritySettings",
    "Settings",
    "load_settings",
]
