"""A court with its partners on free loopback ports, as settings: keys on disk, partners pinned, no database yet."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID, uuid4

from lxml import etree

from ccms_ws.clock import SystemClock
from ccms_ws.config import (
    CourtSettings,
    DatabaseSettings,
    DeliverySettings,
    EndpointSettings,
    IdentitySettings,
    PartnerSettings,
    PushSettings,
    Settings,
)
from ccms_ws.contract.catalog import sample, wsdl_path
from ccms_ws.demo.pki import make_pki
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.message_parts.metadata import (
    Q_COURT,
    Q_COURT_ORI,
    Q_METADATA,
    Q_PARTY_ID,
    Q_RECEIVER,
    Q_SENDER,
    Q_TRANSACTION,
)
from ccms_ws.message_parts.xml import child

ORI = "CA037015J"
_NAMES = ("court", "FTB", "AGENCY", "DMV", "ADULT")


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listened on a moment ago."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in held]
    for one in held:
        one.close()
    return ports


def make_keys(folder: Path) -> Path:
    """Keys for everybody, valid now; making them takes a second."""
    make_pki(folder, _NAMES, SystemClock().now())
    return folder


def make_settings(folder: Path, keys: Path, *, synchronous: Iterable[str] = (), soap: str = "1.2") -> Settings:
    """FTB and AGENCY (COL903) and DMV (DMV907). Those in `synchronous` answer in the HTTP response."""
    court_port, *ports = free_ports(4)
    exchanges = {"FTB": "COL903", "AGENCY": "COL903", "DMV": "DMV907"}
    kinds = {"FTB": "franchise-tax-board", "AGENCY": "collection-agency", "DMV": "motor-vehicles"}
    partners = [
        PartnerSettings.model_validate(
            {
                "id": name,
                "name": f"{name} of the tests",
                "kind": kinds[name],
                "certificates": [keys / f"{name}.crt"],
                "receives": {
                    code: PushSettings.model_validate(
                        {
                            "wsdl": wsdl_path(
                                f"partner/{code}-1.0{'-synchronous' if name in synchronous else ''}.wsdl"
                            ),
                            "url": f"http://127.0.0.1:{port}/{code}",
                            "soap": soap,
                        }
                    )
                },
            }
        )
        for (name, code), port in zip(exchanges.items(), ports, strict=True)
    ]
    adult = {"id": "ADULT", "name": "Adult Probation", "kind": "probation", "unit": "adult", "sends": ["FCC807"]}
    partners.append(PartnerSettings.model_validate(adult | {"certificates": [keys / "ADULT.crt"]}))
    return Settings(
        court=CourtSettings(ori=ORI, name="Superior Court of the Tests", county_code="37", dmv_court_code="37100"),
        endpoint=EndpointSettings(public_url=f"http://127.0.0.1:{court_port}", port=court_port),
        identity=IdentitySettings(key=keys / "court.key", certificate=keys / "court.crt"),
        database=DatabaseSettings(url=f"sqlite:///{folder / 'court.db'}"),
        delivery=DeliverySettings(
            poll_seconds=0.05,
            first_retry_seconds=0.1,
            longest_retry_seconds=0.5,
            first_rest_seconds=0.1,
            longest_rest_seconds=0.3,
            threads=2,
            read_timeout_seconds=5.0,
        ),
        partners=tuple(partners),
    )


def message(name: str, partner_id: str, message_id: UUID | None = None, **texts: str) -> OutgoingMessage:
    """The sample message of that name, on its way from the test court to a partner; `texts` by local element name."""
    message_id = message_id or uuid4()
    payload = etree.fromstring(sample(name), etree.XMLParser(remove_blank_text=True))
    metadata = child(payload, Q_METADATA)
    child(metadata, Q_TRANSACTION).text = str(message_id)
    child(child(metadata, Q_SENDER), Q_PARTY_ID).text = ORI
    child(child(metadata, Q_RECEIVER), Q_PARTY_ID).text = partner_id
    child(child(metadata, Q_COURT), Q_COURT_ORI).text = ORI
    for local_name, text in texts.items():
        for element in payload.iter("{*}" + local_name):
            element.text = text
    body = etree.tostring(payload, method="c14n", exclusive=True, with_comments=False)
    exchange = name.partition("-")[0]
    return OutgoingMessage(message_id, exchange, partner_id, str(payload.tag), body, (), SystemClock().now())
