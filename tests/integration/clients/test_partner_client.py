"""The partner client against the simulated partner, over real sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from ccms_ws.clients import FailureCause, PartnerClient, Receipt, TransportSettings
from ccms_ws.clock import SystemClock
from ccms_ws.config import Settings
from ccms_ws.contract.namespaces import q
from ccms_ws.domain.messages import OutgoingMessage
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import Limits, SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import DeliveryError, PermanentDeliveryError, TransientDeliveryError
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from ccms_ws.exchanges.dmv907.wire import NAMESPACE as DMV907
from ccms_ws.simulator import Pace, RunningPartner, Simulation, read_script
from tests.support.partner_settings import make_keys, make_settings, message

Send = Callable[[OutgoingMessage], Receipt]
Start = Callable[..., Send]
QUICK = Pace(answer_after=timedelta(milliseconds=10), slow=timedelta(seconds=4))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("pki"))


def pins(settings: Settings) -> TrustStore:
    return TrustStore(
        PinnedCertificate(partner.id, x509.load_pem_x509_certificate(partner.certificates[0].read_bytes()))
        for partner in settings.partners
    )


@pytest.fixture
def start(keys: Path, tmp_path: Path) -> Iterator[Start]:
    """Start a partner with a script, and get a way to send to it."""
    opened: list[RunningPartner | PartnerClient] = []

    def begin(
        name: str,
        script: str = "",
        soap: str = "1.2",
        *,
        synchronous: bool = True,
        policy: SecurityPolicy = SecurityPolicy(),  # noqa: B008 - a value
    ) -> Send:
        settings = make_settings(tmp_path, keys, synchronous=[name] if synchronous else [], soap=soap)
        partner = RunningPartner(settings, name, Simulation(temper=read_script(script), pace=QUICK))
        opened.append(partner.__enter__())
        (push,) = settings.partner(name).receives.values()
        client = PartnerClient(
            push.wsdl,
            partner_id=name,
            identity=Identity.load(settings.identity.key, settings.identity.certificate),
            trust=pins(settings),
            policy=policy,
            clock=SystemClock(),
            transport=TransportSettings(connect_timeout=3, read_timeout=3.0),
        )
        opened.append(client)
        version = SoapVersion.SOAP12 if soap == "1.2" else SoapVersion.SOAP11
        return lambda outgoing: client.send(outgoing, url=push.url, soap=version)

    yield begin
    for one in reversed(opened):
        one.close() if isinstance(one, PartnerClient) else one.__exit__(None, None, None)


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_a_declared_reply_is_the_answer(start: Start, soap: str) -> None:
    receipt = start("DMV", soap=soap)(message("DMV907-hold", "DMV"))
    assert receipt.http_status == 200
    assert receipt.answer is not None
    assert receipt.answer.payload.tag == q(DMV907, "FailureToComplyAbstractResponse")
    assert receipt.answer.payload.findtext(q(DMV907, "MessageCodeText")) == "ACCEPTED"
    assert receipt.answer.envelope.partner_id == "DMV"


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
def test_a_declared_fault_is_the_answer_too(start: Start, soap: str) -> None:
    receipt = start("AGENCY", "items", soap)(message("COL903-batch", "AGENCY"))
    assert receipt.http_status == 500
    assert receipt.answer is not None
    assert receipt.answer.payload.tag == q(COL903, "CollectionBalanceUpdateError")
    assert receipt.answer.envelope.fault is not None


def test_a_message_that_is_too_large_to_be_sealed_is_given_up_at_once(start: Start) -> None:
    send = start("DMV", policy=SecurityPolicy(send_limits=Limits(message=500)))
    with pytest.raises(PermanentDeliveryError, match="500"):
        send(message("DMV907-hold", "DMV"))


def test_an_empty_body_is_success_without_an_answer(start: Start) -> None:
    receipt = start("AGENCY", "accept")(message("COL903-batch", "AGENCY"))
    assert (receipt.http_status, receipt.answer) == (200, None)


def test_a_bare_202_is_success_without_an_answer(start: Start) -> None:
    receipt = start("FTB", "accept", synchronous=False)(message("COL903-batch", "FTB"))
    assert (receipt.http_status, receipt.answer) == (202, None)


@pytest.mark.parametrize(
    ("act", "cause", "status"),
    [
        ("fault", FailureCause.FAULT_SERVER, 500),
        ("503", FailureCause.HTTP_SERVER_ERROR, 503),
        ("drop", FailureCause.CUT, None),
        ("cut", FailureCause.CUT, None),
        ("slow", FailureCause.ANSWER_TIMEOUT, None),
        ("unsigned", FailureCause.ANSWER_UNTRUSTED, 200),
        ("wrong-signer", FailureCause.ANSWER_UNTRUSTED, 200),
        ("expired", FailureCause.ANSWER_UNTRUSTED, 200),
        ("stray", FailureCause.ANSWER_UNRELATED, 200),
    ],
)
def test_what_time_may_heal_is_transient(start: Start, act: str, cause: FailureCause, status: int | None) -> None:
    send = start("DMV", f"{act}, accept")
    hold = message("DMV907-hold", "DMV")
    with pytest.raises(TransientDeliveryError) as caught:
        send(hold)
    assert (caught.value.cause, caught.value.http_status) == (cause, status)
    assert send(hold).answer is not None


def test_a_signed_fault_that_blames_the_court_is_permanent(start: Start) -> None:
    with pytest.raises(PermanentDeliveryError) as caught:
        start("DMV", "client-fault")(message("DMV907-hold", "DMV"))
    assert caught.value.cause == FailureCause.FAULT_CLIENT


def test_retry_after_is_carried(start: Start) -> None:
    with pytest.raises(TransientDeliveryError) as caught:
        start("DMV", "503")(message("DMV907-hold", "DMV"))
    assert caught.value.retry_after == timedelta(seconds=1)


def test_the_same_message_again_gets_the_same_answer(start: Start) -> None:
    send = start("DMV")
    hold = message("DMV907-hold", "DMV")
    first, second = send(hold).answer, send(hold).answer
    assert first is not None
    assert second is not None
    assert first.envelope.content_digest == second.envelope.content_digest
    assert first.envelope.addressing.message_id == second.envelope.addressing.message_id
    assert first.envelope.signature_digest != second.envelope.signature_digest


def test_another_partner_cannot_answer_for_this_one(keys: Path, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, keys, synchronous=["DMV"])
    push = settings.partner("DMV").receives["DMV907"]
    client = PartnerClient(
        push.wsdl,
        partner_id="FTB",
        identity=Identity.load(settings.identity.key, settings.identity.certificate),
        trust=pins(settings),
        policy=SecurityPolicy(),
        clock=SystemClock(),
    )
    with RunningPartner(settings, "DMV", Simulation()), pytest.raises(TransientDeliveryError) as caught:
        client.send(message("DMV907-hold", "DMV"), url=push.url, soap=SoapVersion.SOAP12)
    client.close()
    assert caught.value.cause == FailureCause.ANSWER_UNTRUSTED


def test_nobody_listening_is_transient(keys: Path, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, keys)
    push = settings.partner("DMV").receives["DMV907"]
    client = PartnerClient(
        push.wsdl,
        partner_id="DMV",
        identity=Identity.load(settings.identity.key, settings.identity.certificate),
        trust=pins(settings),
        policy=SecurityPolicy(),
        clock=SystemClock(),
    )
    with pytest.raises(DeliveryError) as caught:
        client.send(message("DMV907-hold", "DMV"), url=push.url, soap=SoapVersion.SOAP12)
    client.close()
    assert caught.value.cause == FailureCause.CONNECT


def test_a_restarted_partner_remembers_and_its_journal_holds_ids_and_outcomes_only(keys: Path, tmp_path: Path) -> None:
    settings = make_settings(tmp_path, keys, synchronous=["DMV"])
    push = settings.partner("DMV").receives["DMV907"]
    client = PartnerClient(
        push.wsdl,
        partner_id="DMV",
        identity=Identity.load(settings.identity.key, settings.identity.certificate),
        trust=pins(settings),
        policy=SecurityPolicy(),
        clock=SystemClock(),
    )
    simulation = Simulation(memory=tmp_path / "memory.db", journal=tmp_path / "journal.jsonl")
    hold = message("DMV907-hold", "DMV")
    answers, tallies = [], []
    for _ in range(2):
        with RunningPartner(settings, "DMV", simulation) as partner:
            answers.append(client.send(hold, url=push.url, soap=SoapVersion.SOAP12).answer)
            tallies.append(partner.memory.tally())
    client.close()
    first, second = answers
    assert first is not None
    assert second is not None
    assert first.envelope.content_digest == second.envelope.content_digest
    assert tallies[1] == [(f"urn:uuid:{hold.message_id}", "DMV907", "ACCEPTED", 2)]
    text = (tmp_path / "journal.jsonl").read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert [line["outcome"] for line in lines] == ["ACCEPTED", "duplicate (ACCEPTED)"]
    assert {line["message_id"] for line in lines} == {str(hold.message_id)}
    assert "Osei-Lindqvist" in hold.body.decode()
    assert not {"Osei-Lindqvist", "F5077213"} & set(text.replace('"', " ").split())
