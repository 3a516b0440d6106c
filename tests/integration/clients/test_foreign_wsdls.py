"""The court's client sends by a WSDL as partners write them, over a real socket, with the partner's own action."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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


class Partner(ThreadingHTTPServer):
    """Takes every POST with 202 and keeps it."""

    received: list[tuple[str, bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/cod.asmx"


@pytest.fixture
def partner() -> Iterator[Partner]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.received.append((self.headers.get("SOAPAction", ""), body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with Partner(("127.0.0.1", 0), Handler) as server:
        server.received = []
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


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
