"""A kit as it lies in its folder: for which exchange, for which kind of partner, with whose keys."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509

from ccms_ws.envelope.identity import Identity
from ccms_ws.errors import ConfigError
from ccms_ws.exchange import Direction, Exchange
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki

FILE: Final = "kit.toml"
_KEYS: Final = {"exchange", "version", "partner", "wsdl", "made_by"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """`partner`: the demo partner whose part is played; `wsdl`: of the partner's endpoint, None if it has none."""

    folder: Path
    exchange: Exchange
    partner: str
    wsdl: Path | None
    made_by: str

    @property
    def tests_client(self) -> bool:
        """True if the partner sends requests to the court; otherwise it receives messages."""
        return self.exchange.direction is Direction.INBOUND

    @property
    def court(self) -> Identity:
        """The court's key of this kit, which everybody has."""
        return pki.identity("court")

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that the kit gives the partner, if it has none of its own to be tested with."""
        return pki.identity(pki.NAME_OF[self.partner]).certificate


def read_kit(folder: Path) -> Kit:
    """The kit in `folder`. Raises ConfigError, and UnknownMessage for an exchange that this program does not have."""
    path = folder / FILE
    try:
        table = tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} cannot be read: {why}", hint="ccms-ws kit CODE -o DIR makes a kit") from None
    if table.keys() != _KEYS or table["partner"] not in pki.NAME_OF:
        raise ConfigError(f"{path} was modified after it was created", hint="create it again with `ccms-ws kit`")
    exchange = get_exchange(table["exchange"])
    if exchange.version != table["version"]:
        raise ConfigError(
            f"{path} is for {table['exchange']} {table['version']}, this program has {exchange.version}",
            hint="create it again with `ccms-ws kit`",
        )
    wsdl = (folder / table["wsdl"]).resolve() if table["wsdl"] else None
    return Kit(folder=folder, exchange=exchange, partner=table["partner"], wsdl=wsdl, made_by=table["made_by"])


def certificate_in(path: Path) -> x509.Certificate:
    """The PEM certificate in a file. Raises ConfigError."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{path} is not a readable PEM certificate", hint="a PEM file begins with -----BEGIN CERTIFICATE-----"
        ) from error
