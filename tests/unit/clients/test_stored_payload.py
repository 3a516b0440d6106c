"""A stored payload through a zeep client: composed by zeep's operation, sealed as the bytes that are kept."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from lxml import etree
from zeep import Client, Settings

from ccms_ws.clients import Identity, PinnedCertificate, TrustStore
from ccms_ws.clients.operations import Operation, read_document, read_operations
from ccms_ws.clients.stored_payload import PayloadSecurity, StoredAddressing, StoredPayload
from ccms_ws.clients.transport import HttpAnswer
from ccms_ws.clock import SystemClock
from ccms_ws.contract.namespaces import q
from ccms_ws.demo.pki import make_pki
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.streaming import SealedStream
from ccms_ws.exchanges.dmv907.wire import NAMESPACE as DMV907

WSDL = Path(__file__).parents[3] / "wsdl" / "partner" / "DMV907-1.0.wsdl"
URL = "http://127.0.0.1:9/dmv"


class Recording:
    """zeep's transport seam, without a network."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, dict[str, str]]] = []

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> HttpAnswer:
        self.sent.append((address, envelope, headers))
        return HttpAnswer(200, {"Content-Type": "text/xml"}, b"<a/>")


@pytest.fixture(scope="module")
def security(tmp_path_factory: pytest.TempPathFactory) -> PayloadSecurity:
    folder = tmp_path_factory.mktemp("pki")
    make_pki(folder, ("court",), SystemClock().now())
    identity = Identity.load(folder / "court.key", folder / "court.crt")
    trust = TrustStore([PinnedCertificate("DMV", identity.certificate)])
    return PayloadSecurity(peer_id="DMV", identity=identity, trust=trust, policy=SecurityPolicy(), clock=SystemClock())


def operation(soap: SoapVersion) -> tuple[str, Operation]:
    return next((root, found) for (version, root), found in read_operations(WSDL).items() if version is soap)


def send(security: PayloadSecurity, soap: SoapVersion, body: bytes, further: Iterable[bytes] = ()) -> Recording:
    root, found = operation(soap)
    transport = Recording()
    client = Client(  # type: ignore[no-untyped-call]
        read_document(WSDL),
        wsse=security,
        transport=transport,
        plugins=[StoredAddressing()],
        settings=Settings(raw_response=True),
    )
    message = OutgoingMessage(uuid4(), "DMV907", "DMV", root, body, (), SystemClock().now(), further)
    payload = StoredPayload.of(message, action=found.action)
    client.create_service(found.binding, URL)[found.name](payload)  # type: ignore[no-untyped-call]
    assert payload.sealed is transport.sent[0][1]
    return transport


@pytest.mark.parametrize("soap", list(SoapVersion))
def test_zeep_sends_the_stored_bytes_sealed(security: PayloadSecurity, soap: SoapVersion) -> None:
    root, found = operation(soap)
    name = etree.QName(root).localname
    body = f'<d:{name} xmlns:d="{DMV907}">&#xD;kept as it is</d:{name}>'.encode()
    assert q(DMV907, name) == root
    ((address, sealed, headers),) = send(security, soap, body).sent
    assert address == URL
    assert sealed.count(body) == 1
    assert etree.fromstring(sealed).tag == q(soap.namespace, "Envelope")
    in_media_type = f'action="{found.soap_action}"' in headers["Content-Type"]
    assert (headers.get("SOAPAction"), in_media_type) == (
        (f'"{found.soap_action}"', False) if soap is SoapVersion.SOAP11 else (None, True)
    )


def test_a_payload_in_pieces_leaves_as_a_stream(security: PayloadSecurity) -> None:
    name = etree.QName(operation(SoapVersion.SOAP12)[0]).localname
    pieces = [f'<d:{name} xmlns:d="{DMV907}">'.encode(), b"<a></a>", f"</d:{name}>".encode()]
    ((_, sealed, _headers),) = send(security, SoapVersion.SOAP12, pieces[0], pieces[1:]).sent
    assert isinstance(sealed, SealedStream)
    assert b"".join(pieces) in b"".join(sealed)
    assert len(sealed) == len(b"".join(sealed))


def test_zeep_cannot_take_an_answer_by_a_tree_of_its_own(security: PayloadSecurity) -> None:
    with pytest.raises(TypeError):
        security.verify(etree.fromstring(b"<a/>"))  # type: ignore[call-arg,arg-type]  # as zeep calls it


def test_an_operation_takes_nothing_but_a_stored_payload(security: PayloadSecurity) -> None:
    envelope = etree.fromstring(b'<e:Envelope xmlns:e="urn:e"><e:Body><a/></e:Body></e:Envelope>')
    with pytest.raises(TypeError, match="StoredPayload"):
        StoredAddressing().egress(envelope, {}, None, {"address": URL})  # type: ignore[arg-type]
