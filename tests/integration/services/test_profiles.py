"""The weaker profiles at the gate: a proxy says whose connection it is, and only a proxy can."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from ccms_ws.contract.catalog import parse, xsd_path
from ccms_ws.contract.namespaces import DS, EXT, WSSE
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.policy import Profile
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.trust import PinnedCertificate
from ccms_ws.errors import ConfigError
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import get_exchange
from ccms_ws.services.client_certificates import Proxy, TlsClients
from tests.support.court import NOW, Court, HttpAnswer, service

PROXY = '[endpoint.proxy]\naddresses = ["10.1.0.0/24"]\n'
ENDORSING = 'profile = { sends = "tls-endorsing-timestamp" }'
MTLS = 'profile = { sends = "mtls-only" }'


def change(folder: Path, partner: str, lines: str, proxy: str = PROXY) -> Court:
    """The court of `folder` after these lines were added to the partner's profile."""
    profile = folder / "partners" / f"{partner}.toml"
    name = partner.lower()
    profile.write_text(f'{lines}\ntls_certificates = ["../pki/{name}.crt"]\n{profile.read_text()}')
    settings = folder / "ccms-ws.toml"
    settings.write_text(settings.read_text() + "\n" + proxy)
    return Court(folder)


def pem(court: Court, name: str) -> str:
    return quote(court.identity(name).certificate.public_bytes(Encoding.PEM))


def der(court: Court, name: str) -> str:
    return b64encode(court.identity(name).certificate.public_bytes(Encoding.DER)).decode()


def refused(court: Court, answer: HttpAnswer) -> str:
    """The code of the refusal in the court's record; "" if it was none."""
    incident = answer.text("IncidentID")
    if not incident:
        return ""
    with court.application.units() as uow:
        return uow.inbox.get_refusal(UUID(incident)).code


# -- tls-endorsing-timestamp -------------------------------------------------------------------------------------------
def ask(court: Court, **environ: str) -> HttpAnswer:
    """A query of which adult probation has signed the Timestamp alone."""
    court.policy = replace(court.policy, profile=Profile.TLS_ENDORSING_TIMESTAMP)
    query = court.query(case_number="TR-2025-004417")
    exchange = get_exchange("FCC807")
    body = court.seal(
        query_to_xml(query), signer="adult-probation", exchange=exchange, message_id=query.metadata.transaction_id
    )
    return court.request(body, path=exchange.path, **environ)


@pytest.mark.parametrize("form", [pem, der])
def test_a_signed_timestamp_is_enough_on_the_connection_that_the_proxy_vouches_for(
    court_folder: Path, form: Callable[[Court, str], str]
) -> None:
    court = change(court_folder, "ADULT-PROBATION", ENDORSING)
    answer = ask(court, REMOTE_ADDR="10.1.0.7", HTTP_X_SSL_CLIENT_CERT=form(court, "adult-probation"))
    assert (answer.status, refused(court, answer)) == (200, "")
    assert etree.fromstring(answer.body).find(f".//{{{DS}}}Signature") is not None


NOT_SIGNED = "security.part-not-signed"


@pytest.mark.parametrize(
    ("address", "shown", "times"),
    [
        ("10.2.0.7", "adult-probation", 1),  # the header forged from elsewhere
        ("127.0.0.1", "adult-probation", 1),
        ("", "adult-probation", 1),
        ("10.1.0.7", "dmv", 1),  # another partner's certificate
        ("10.1.0.7", "court", 1),
        ("10.1.0.7", None, 1),  # no certificate at all
        ("10.1.0.7", "adult-probation", 2),  # the header twice: the proxy's and the client's
    ],
)
def test_it_is_not_on_any_other_connection(court_folder: Path, address: str, shown: str | None, times: int) -> None:
    court = change(court_folder, "ADULT-PROBATION", ENDORSING)
    header = {"HTTP_X_SSL_CLIENT_CERT": ",".join([der(court, shown)] * times)} if shown else {}
    answer = ask(court, REMOTE_ADDR=address, **header)
    assert refused(court, answer) == NOT_SIGNED


def test_it_is_not_if_it_was_not_switched_on(court_folder: Path) -> None:
    court = change(court_folder, "ADULT-PROBATION", "")
    answer = ask(court, REMOTE_ADDR="10.1.0.7", HTTP_X_SSL_CLIENT_CERT=der(court, "adult-probation"))
    assert refused(court, answer) == NOT_SIGNED


@pytest.mark.parametrize("shown", ["", "x", "%00", "-----BEGIN CERTIFICATE-----", "A" * 20_000, "\u00e9"])
def test_a_header_that_is_no_certificate_shows_nobody(court_folder: Path, shown: str) -> None:
    court = change(court_folder, "ADULT-PROBATION", ENDORSING)
    assert refused(court, ask(court, REMOTE_ADDR="10.1.0.7", HTTP_X_SSL_CLIENT_CERT=shown)) == NOT_SIGNED


def test_a_tls_certificate_that_has_ended_shows_nobody(court_folder: Path) -> None:
    court = change(court_folder, "ADULT-PROBATION", ENDORSING)
    clients = court.application.tls_clients
    environ = {"REMOTE_ADDR": "10.1.0.7", "HTTP_X_SSL_CLIENT_CERT": der(court, "adult-probation")}
    assert clients.partner_of(environ, NOW) == "ADULT-PROBATION"
    assert clients.partner_of(environ, NOW + timedelta(days=900)) == ""


# -- mtls-only ---------------------------------------------------------------------------------------------------------
def report(court: Court, code: str = "DMV907", **environ: str) -> HttpAnswer:
    """An error message that nobody has signed."""
    payload = parse(xsd_path(f"samples/{code}-{'error' if code == 'DMV907' else 'batch-error'}.xml"))
    message_id = payload.findtext(f".//{{{EXT}}}TransactionID")
    action = service(code).actions[str(payload.tag)]
    addressing = Addressing.request(to=court.url(code), action=action, message_id=f"urn:uuid:{message_id}")
    body = to_bytes(compose_envelope(payload, addressing, SoapVersion.SOAP12))
    return court.request(body, path=get_exchange(code).path, **environ)


UNSIGNED = "security.header-invalid"


def test_an_unsigned_answer_is_taken_in_from_the_partner_s_own_connection(court_folder: Path) -> None:
    court = change(court_folder, "DMV", MTLS)
    answer = report(court, REMOTE_ADDR="10.1.0.7", HTTP_X_SSL_CLIENT_CERT=pem(court, "dmv"))
    assert answer.text("ErrorCode") == "exchange.metadata-contradicted"  # the sample is another court's
    # Whoever cannot sign cannot read a Security header.
    assert etree.fromstring(answer.body).find(f".//{{{WSSE}}}Security") is None


@pytest.mark.parametrize(("address", "shown"), [("10.2.0.7", "dmv"), ("10.1.0.7", "ftb"), ("10.1.0.7", "court")])
def test_it_is_refused_from_any_other_connection(court_folder: Path, address: str, shown: str) -> None:
    court = change(court_folder, "DMV", MTLS)
    answer = report(court, REMOTE_ADDR=address, HTTP_X_SSL_CLIENT_CERT=pem(court, shown))
    assert refused(court, answer) == UNSIGNED


@pytest.mark.parametrize("lines", ["", ENDORSING])
def test_it_is_refused_under_every_other_profile(court_folder: Path, lines: str) -> None:
    court = change(court_folder, "DMV", lines)
    answer = report(court, REMOTE_ADDR="10.1.0.7", HTTP_X_SSL_CLIENT_CERT=pem(court, "dmv"))
    assert refused(court, answer) == UNSIGNED


def test_a_connection_gives_no_right_to_another_exchange(court_folder: Path) -> None:
    court = change(court_folder, "DMV", MTLS)
    answer = report(court, "COL903", REMOTE_ADDR="10.1.0.7", HTTP_X_SSL_CLIENT_CERT=pem(court, "dmv"))
    assert refused(court, answer) == "envelope.not-permitted"


# -- settings ----------------------------------------------------------------------------------------------------------
def test_whoever_asks_the_court_must_sign(court_folder: Path) -> None:
    with pytest.raises(ConfigError, match="FCC807 under mtls-only"):
        change(court_folder, "ADULT-PROBATION", MTLS)


def test_a_weaker_profile_without_a_proxy_is_refused_at_the_start(court_folder: Path) -> None:
    with pytest.raises(ConfigError, match="proxy"):
        change(court_folder, "DMV", MTLS, proxy="")


def test_the_page_says_that_a_weaker_profile_is_in_use_and_not_whose(court_folder: Path) -> None:
    plain = Court(court_folder).request(path="/", method="GET").body.decode()
    weaker = change(court_folder, "DMV", MTLS).request(path="/", method="GET").body.decode()
    assert "Weaker" not in plain
    assert "mtls-only. Nothing is signed" in weaker
    assert "Motor Vehicles (simulated)" not in weaker


# -- how our answers name our certificate ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("reference", "element"),
    [("direct", "Reference"), ("ski", "KeyIdentifier"), ("thumbprint", "KeyIdentifier"), ("issuer-serial", "X509Data")],
)
def test_answers_name_our_certificate_as_the_partner_wants_it(court_folder: Path, reference: str, element: str) -> None:
    profile = court_folder / "partners" / "ADULT-PROBATION.toml"
    profile.write_text(f'token_reference = "{reference}"\n{profile.read_text()}')
    court = Court(court_folder)
    query = court.query(case_number="TR-2025-004417")
    answer = court.ask(query)
    named = etree.fromstring(answer.body).find(f".//{{{WSSE}}}SecurityTokenReference")
    assert named is not None
    assert etree.QName(named[0]).localname == element
    assert court.open_answer(answer, code="FCC807", relates_to=query.metadata.transaction_id).fault is None


def test_one_tls_key_is_one_partner_s_whatever_certificates_there_are_for_it(court_folder: Path) -> None:
    certificates = []
    key = ec.generate_private_key(ec.SECP256R1())
    for serial in (1, 2):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"client {serial}")])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(serial).not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
        certificates.append(builder.sign(key, hashes.SHA256()))
    proxy = Proxy(addresses=("10.1.0.1",), header="X-SSL-Client-Cert")
    TlsClients([PinnedCertificate("DMV", each) for each in certificates], proxy)
    pins = [PinnedCertificate(who, each) for who, each in zip(("DMV", "FTB"), certificates, strict=True)]
    with pytest.raises(ConfigError, match="one TLS key is that of DMV and of FTB"):
        TlsClients(pins, proxy)
