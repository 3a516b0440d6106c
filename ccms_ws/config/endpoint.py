"""Settings: where the court listens, with TLS of its own or behind a proxy."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ccms_ws.config.fields import ExistingFile, Section, Url


def _network(text: str) -> str:
    """An IPv4 network in the form of IPv6 (`::ffff:10.0.0.5`) is written as IPv4, as clients' addresses are."""
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError("it should be an address or a network: 10.0.0.5 or 10.0.0.0/24") from None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        return f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}"
    return str(network)


class RateSettings(Section):
    """How many messages a partner may send. Each serving process counts separately."""

    requests_per_second: float = Field(
        default=100.0, gt=0, description="the average rate of messages that a partner may send"
    )
    burst: int = Field(default=200, ge=1, description="how many a partner may send at once after a pause")


class TlsSettings(Section):
    """TLS that the endpoint serves itself. A court that has a proxy in front leaves it out."""

    certificate: ExistingFile = Field(description="the server's certificate and the chain above it (PEM)")
    key: ExistingFile = Field(description="its private key (PEM, readable by its owner alone)")
    client_authorities: ExistingFile | None = Field(
        default=None,
        description="authorities of client certificates (PEM); if set, a client must present a certificate of theirs",
    )
    minimum: Literal["1.2", "1.3"] = Field(default="1.2", description="the oldest version of TLS that is accepted")


class ProxySettings(Section):
    """A proxy in front that terminates TLS and passes on the client's certificate."""

    addresses: tuple[Annotated[str, AfterValidator(_network)], ...] = Field(
        min_length=1,
        description="addresses of the proxy, whose connections are not limited; from others the header is ignored",
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
        default=32, ge=0, le=1024, description="messages that may wait for a thread; others get 503 with Retry-After"
    )
    connections: int = Field(
        default=1024, ge=16, le=65536, description="connections of each process; others wait to be accepted"
    )
    connections_per_address: int = Field(
        default=128,
        ge=1,
        description="connections of one client address to each process; a proxy of [endpoint.proxy] has no limit",
    )
    rate: RateSettings = RateSettings()
    tls: TlsSettings | None = Field(default=None, description="TLS that the endpoint serves itself")
    proxy: ProxySettings | None = Field(default=None, description="a proxy that passes clients' certificates on")
