"""What partners answer besides what they should: over sockets, with real signatures."""

from __future__ import annotations

import gzip
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from lxml import etree

from ccms_ws.clients import FailureCause, PartnerClient, Receipt, TransportSettings
from ccms_ws.clock import SystemClock
from ccms_ws.contract.catalog import wsdl_path
from ccms_ws.contract.namespaces import SOAP11, WSA, q
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from tests.support.partner_settings import make_keys, message

Push = Callable[[bytes | Callable[[str], bytes]], Receipt]
_MESSAGE_ID = re.compile(rb"MessageID[^>]*>(urn:uuid:[0-9a-f-]{36})<")
CXF = "urn:partner:Service:UpdateBalances:Fault:SOAPFaultException"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("pki"))


def identity(keys: Path, name: str) -> Identity:
    return Identity.load(keys / f"{name}.key", keys / f"{name}.crt")


def response(status: str, body: bytes = b"", content_type: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, *([f"Content-Type: {content_type}"] if content_type else []), "", ""]).encode() + body


@pytest.fixture
def pushing(keys: Path) -> Iterator[Callable[..., Push]]:
    """A way to send a batch (COL903, one-way or with replies) to a server that gives one answer: bytes, or what is made
    of the id of the message.
    """
    opened: list[PartnerClient | socket.socket] = []

    def serve(listener: socket.socket, answer: bytes | Callable[[str], bytes]) -> None:
        with suppress(OSError), listener.accept()[0] as connection:
            connection.settimeout(10)
            request = b""
            while b"Envelope>" not in request[-40:]:
                request += connection.recv(65536)
            found = _MESSAGE_ID.search(request)
            assert found is not None
            connection.sendall(answer if isinstance(answer, bytes) else answer(found[1].decode()))

    def make(code: str = "COL903", *, synchronous: bool = False, trusted: str = "FTB") -> Push:
        def push(answer: bytes | Callable[[str], bytes]) -> Receipt:
            listener = socket.create_server(("127.0.0.1", 0))
            opened.append(listener)
            threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
            client = PartnerClient(
                wsdl_path(f"partner/{code}-1.0{'-synchronous' if synchronous else ''}.wsdl"),
                partner_id="FTB",
                identity=identity(keys, "court"),
                trust=TrustStore(
                    [PinnedCertificate(trusted, x509.load_pem_x509_certificate((keys / "FTB.crt").read_bytes()))]
                ),
                policy=SecurityPolicy(),
                clock=SystemClock(),
                transport=TransportSettings(connect_timeout=5, read_timeout=5, max_answer_bytes=100_000),
            )
            opened.append(client)
            sent: OutgoingMessage = message(f"{code}-{'batch' if code == 'COL903' else 'hold'}", "FTB")
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
            return client.send(sent, url=url, soap=SoapVersion.SOAP11)

        return push

    yield make
    for one in opened:
        one.close()


# -- a success is one, whatever is written beside it -------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answer", "remark"),
    [
        (response("200 OK", b"OK", "text/plain"), "no SOAP message (2 bytes, 'text/plain')"),
        (response("200 OK", b" \r\n", "text/html"), "blank"),
        (response("200 OK", b"\n", "text/xml"), "blank"),
        (response("200 OK", b"<html><body>Thanks</body></html>", "text/html; charset=utf-8"), "no SOAP message"),
        (response("200 OK", b"<ok/>", "text/xml; charset=utf-8"), "no SOAP message"),
        (response("202 Accepted", b'{"ok": true}', "application/json"), "no SOAP message"),
        (response("200 OK", b"received"), "'of no type'"),
        (response("201 Created", b"created", "text/plain"), "no SOAP message"),
        (response("200 OK", gzip.compress(b"OK"), "text/plain", "Content-Encoding: gzip"), "compressed"),
        (response("200 OK", b"x" * 200_000, "text/plain"), "larger than"),
        (response("201 Created"), ""),
        (response("204 No Content"), ""),
    ],
)
def test_a_success_of_a_one_way_push_is_a_delivery(pushing: Callable[..., Push], answer: bytes, remark: str) -> None:
    receipt = pushing()(answer)
    assert receipt.answer is None
    assert remark in receipt.remark
    assert bool(receipt.remark) == bool(remark)


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_responses_are_skipped(pushing: Callable[..., Push], interim: str) -> None:
    early = f"HTTP/1.1 {interim}\r\nLink: <x>\r\n\r\n".encode()
    assert pushing()(early * 2 + response("202 Accepted")) == Receipt(202)


def test_interim_responses_without_end_are_a_failure(pushing: Callable[..., Push]) -> None:
    with pytest.raises(TransientDeliveryError):
        pushing()(b"HTTP/1.1 102 Processing\r\n\r\n" * 50 + response("202 Accepted"))


@pytest.mark.parametrize(
    "body",
    [
        f'<s:Envelope xmlns:s="{SOAP11}"><s:Body><a/></s:Body></s:Envelope>'.encode(),
        f'<?xml version="1.0"?><Envelope xmlns="{SOAP11}"><Body'.encode(),
        f'<s:Envelope xmlns:s="{SOAP11}"><s:Body><a/></s:Body></s:Envelope>'.encode("utf-16"),
    ],
)
@pytest.mark.parametrize("content_type", ["text/xml", "text/html"])
def test_an_envelope_beside_a_success_is_judged_as_one(
    pushing: Callable[..., Push], body: bytes, content_type: str
) -> None:
    with pytest.raises(TransientDeliveryError):
        pushing()(response("200 OK", body, content_type))


@pytest.mark.parametrize(
    "answer", [response("200 OK", b"<html/>", "text/html"), response("200 OK", b"<ok/>", "text/xml")]
)
def test_where_a_reply_is_declared_a_page_is_none(pushing: Callable[..., Push], answer: bytes) -> None:
    with pytest.raises(TransientDeliveryError) as caught:
        pushing("DMV907", synchronous=True)(answer)
    assert caught.value.cause == FailureCause.ANSWER_MALFORMED


@pytest.mark.parametrize("status", ["400 Bad Request", "413 Content Too Large", "415 Unsupported Media Type", "422 No"])
def test_what_anyone_on_the_way_can_answer_ends_no_message(pushing: Callable[..., Push], status: str) -> None:
    with pytest.raises(TransientDeliveryError) as caught:
        pushing()(response(status, b"<html/>", "text/html", f"Retry-After: {'9' * 50}"))
    assert caught.value.cause == FailureCause.HTTP_CLIENT_ERROR


# -- faults as Apache CXF sends them ----------------------------------------------------------------------------------
def fault(
    keys: Path, code: str, detail: etree._Element | None, *, action: str = CXF, signer: str = "FTB"
) -> Callable[[str], bytes]:
    def answer(relates_to: str) -> bytes:
        made = etree.Element(q(SOAP11, "Fault"), nsmap={"soap": SOAP11, "wsa": WSA})
        etree.SubElement(made, "faultcode").text = code
        etree.SubElement(made, "faultstring").text = "It went wrong."
        if detail is not None:
            etree.SubElement(made, "detail").append(detail)
        addressing = Addressing.answer(
            action=action, message_id="urn:uuid:5f1c6c0e-58a4-4f2c-8a0e-7b9c2d1e4f60", relates_to=relates_to
        )
        envelope = compose_envelope(made, addressing, SoapVersion.SOAP11)
        envelope = seal_envelope(
            envelope, identity=identity(keys, signer), policy=SecurityPolicy(), clock=SystemClock()
        )
        return response("500 Internal Server Error", to_bytes(envelope), "text/xml; charset=utf-8")

    return answer


def test_a_declared_error_message_under_an_action_of_the_stack_is_the_answer(
    pushing: Callable[..., Push], keys: Path
) -> None:
    detail = etree.Element(q(COL903, "CollectionBalanceUpdateError"))
    receipt = pushing("COL903", synchronous=True)(fault(keys, "soap:Client", detail))
    assert receipt.answer is not None
    assert receipt.answer.payload.tag == detail.tag
    assert CXF in receipt.remark


@pytest.mark.parametrize(
    ("code", "kind", "cause"),
    [
        ("soap:Server", TransientDeliveryError, FailureCause.FAULT_SERVER),
        ("soap:Client", PermanentDeliveryError, FailureCause.FAULT_CLIENT),
        ("wsa:EndpointUnavailable", TransientDeliveryError, FailureCause.FAULT_SERVER),
    ],
)
def test_a_fault_of_the_partner_s_service_is_named_as_that(
    pushing: Callable[..., Push], keys: Path, code: str, kind: type[DeliveryError], cause: FailureCause
) -> None:
    with pytest.raises(kind, match=r"the partner's service answered a fault: .*It went wrong") as caught:
        pushing()(fault(keys, code, None))
    assert caught.value.cause == cause


def test_only_the_partner_that_was_asked_answers(pushing: Callable[..., Push], keys: Path) -> None:
    """Whose signature it is, is known: it is just not that of the partner."""
    with pytest.raises(TransientDeliveryError) as caught:
        pushing(trusted="AGENCY")(fault(keys, "soap:Client", None))
    assert caught.value.cause == FailureCause.ANSWER_UNTRUSTED
