"""The page at `/`: services, operations, versions, files, security policy and codes, for a person in a browser."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from importlib import resources
from typing import Final, Protocol
from urllib.parse import quote

from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.codes import CodeLists
from ccms_ws.contract.policy import in_words
from ccms_ws.contract.wsdl import published_queries
from ccms_ws.domain.courts import Court
from ccms_ws.envelope.policy import Profile, SecurityPolicy
from ccms_ws.html_templates import render
from ccms_ws.services.contract_package import describe
from ccms_ws.services.soap import SoapService

_STYLE: Final = resources.files(__package__).joinpath("page.css").read_text("utf-8")
STYLE_HASH: Final = f"sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}"
"""What the Content-Security-Policy of the page allows as its style."""

_PURPOSES: Final = {
    "xsd=exchange/": "the messages",
    "xsd=extension.xsd": "what all exchanges share",
    "xsd=fault.xsd": "the detail of a refusal",
    "xsd=niem/": "NIEM 2.1, the part that is used",
}
_WEAKER: Final = {
    Profile.TLS_ENDORSING_TIMESTAMP: (
        "tls-endorsing-timestamp. Only the Timestamp is signed, over mutual TLS; what the message says rests on the "
        "connection alone. The policy in the WSDL does not hold for these."
    ),
    Profile.MTLS_ONLY: (
        "mtls-only. Nothing is signed; the partner is known by its TLS certificate alone, and may only answer what the "
        "court has sent. The policy in the WSDL does not hold for these."
    ),
}


class Publisher(Protocol):
    """What the page says of the court."""

    @property
    def court(self) -> Court: ...
    @property
    def test(self) -> bool: ...
    @property
    def public_url(self) -> str: ...
    @property
    def policy(self) -> SecurityPolicy: ...
    @property
    def codes(self) -> CodeLists: ...
    @property
    def weaker_profiles(self) -> Sequence[Profile]: ...


def front_page(publisher: Publisher, services: Sequence[SoapService]) -> str:
    """The whole page."""
    return render(
        "ccms_ws.services",
        "landing_page.html",
        style=_STYLE,
        court=publisher.court,
        test=publisher.test,
        services=[_service(publisher.public_url, service) for service in services],
        demands=in_words(describe(publisher.policy)),
        weaker=[_WEAKER[profile] for profile in publisher.weaker_profiles],
        code_lists=publisher.codes,
        local_name=_local,
    )


def _service(public_url: str, service: SoapService) -> dict[str, object]:
    exchange = service.exchange
    return {
        "exchange": exchange,
        "wsdl": service.wsdl,
        "id": f"{exchange.code}-{exchange.version}",
        "url": public_url + exchange.path,
        "samples": [(f"sample={quote(name)}", _sample(name)) for name in catalog.samples_of(exchange.namespace)],
        "files": [(query, _file(query)) for query in published_queries(exchange.service)[1:]],
    }


def _sample(name: str) -> str:
    return f"{name}: {_local(str(catalog.parse(catalog.xsd_path(f'samples/{name}.xml')).tag))}"


def _file(query: str) -> str:
    """A file as its link says it: its name, and what is in it."""
    name = query.partition("=")[2]
    purpose = next((words for start, words in _PURPOSES.items() if query.startswith(start)), "messages and operations")
    return f"{name}: {purpose}"


def _local(name: str) -> str:
    return etree.QName(name).localname
