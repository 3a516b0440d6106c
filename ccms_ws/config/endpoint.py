"""Settings: where the court listens, with TLS of its own or behind a proxy."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ccms_ws.config.fields import ExistingFile, Section, Url


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise ValueError("it should be an address or a network: 10.0.0.5 or 10.0.0.0/24") from None


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
