"""The court's client sends by a WSDL as partners write them, over a real socket, with the partner's own action."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.clients import PartnerClient
from ccms_ws.clock import SystemClock
from ccms_ws.contract.namespaces import WSA, q
from ccms_ws.contract.wsdl_check import check_wsdl
from ccms_ws.contract.wsdl_import import gather
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import TransientDeliveryError
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from tests.support.http_server import HttpReply, HttpRequest, http_server, url_of
from tests.support.partner_settings import make_keys, message
from tests.support.partner_wsdls import MESSAGE, bound, port, written, wsdl

ASMX = wsdl(
    messages=MESSAGE + '<wsdl:message name="Get"><wsdl:part name="n" type="xs:string"/></wsdl:message>',
    more='<wsdl:portType name="CodGet"><wsdl:operation name="Submit"><wsdl:input message="t:Get"/></wsdl:operation>'
    "</wsdl:portType>",
    bindings=bound()
    + '<wsdl:binding name="Get" type="t:CodGet"><http:binding verb="GET"/><wsdl:operation name="Submit">'
    '<http:operation location="/Submit"/><wsdl:input><http:urlEncoded/></wsdl:input></wsdl:operation></wsdl:binding>',
    ports=port() + '<wsdl:port name="G" binding="t:Get"><http:address location="https://agency.example/"/></wsdl:port>',
)


class Partner:
    """Takes every POST with 202 and keeps it."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        self.url = ""

    def receive(self, request: HttpRequest) -> HttpReply:
        self.received.append((request.headers.get("SOAPAction", ""), request.body))
        return HttpReply(202)


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    with http_server(made.receive) as server:
        made.url = f"{url_of(server)}/cod.asmx"
        yield made


@pytest.fixture
def client(tmp_path: Path) -> Iterator[PartnerClient]:
    """A client made from the imported WSDL of an asmx service."""
    keys = make_keys(tmp_path / "pki")
    gathering = gather(str(written(tmp_path / "given", ASMX)))
    assert not any(each.fatal for each in check_wsdl(gathering, q(COL903, "CollectionBalanceUpdateBatch")))
    gathering.write(tmp_path / "imported")
    made = PartnerClient(
        tmp_path / "imported" / gathering.entry,
        partner_id="AGENCY",
        identity=Identity.load(keys / "court.key", keys / "court.crt"),
        trust=TrustStore([]),
        policy=SecurityPolicy(),
        clock=SystemClock(),
    )
    yield made
    made.close()


def test_a_batch_goes_to_an_asmx_service_with_its_action(client: PartnerClient, partner: Partner) -> None:
    receipt = client.send(message("COL903-batch", "AGENCY"), url=partner.url, soap=SoapVersion.SOAP11)
    assert (receipt.http_status, receipt.answer) == (202, None)
    ((soap_action, body),) = partner.received
    envelope = etree.fromstring(body)
    assert soap_action == '"urn:agency:Submit"'
    assert envelope.findtext(f".//{q(WSA, 'Action')}") == "urn:agency:Submit"
    assert envelope.find(f".//{q(COL903, 'CollectionBalanceUpdateBatch')}") is not None


def test_a_soap_version_that_the_wsdl_lacks_is_a_matter_of_settings(client: PartnerClient, partner: Partner) -> None:
    with pytest.raises(TransientDeliveryError, match=r"in SOAP 1\.1 only") as error:
        client.send(message("COL903-batch", "AGENCY"), url=partner.url, soap=SoapVersion.SOAP12)
    assert 'set soap = "1.1"' in error.value.hint
    assert partner.received == []
