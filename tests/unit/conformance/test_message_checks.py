"""One message looked at demand by demand: what is wrong is found under its demand, and nothing else is blamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from lxml import etree

from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.findings import CheckResults, Verdict
from ccms_ws.conformance.message_checks import Examiner, MessageCheck, Standard
from ccms_ws.conformance.requirements import Level
from ccms_ws.contract.namespaces import WSU, q
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.demo.installation import COURT
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.exchanges.fcc807.messages import Query
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.message_parts.metadata import MessageKind, Metadata
from ccms_ws.replay import pki
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.mutations import DEFECTS, get_mutation
from ccms_ws.replay.resign import one, resign
from ccms_ws.replay.variants import LAYOUTS, Variant

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
URL = "http://127.0.0.1:8807/FCC807/1.0"
(OPERATION,) = load_wsdl("FCC807-1.0-service.wsdl").operations.values()
ID = UUID("5b1f0a52-5b0b-4a39-9a7e-9a4f6f9f7d10")


def draft(version: SoapVersion = SoapVersion.SOAP12, spoil: Callable[[Any], object] = id, **changes: Any) -> Draft:
    metadata = Metadata(
        transaction_id=ID, correlation_id=None, at=NOW, exchange="FCC807", kind=MessageKind.QUERY, version="1.0",
        sender_id="ADULT-PROBATION", sender_name="Probation", receiver_id=COURT.ori, receiver_name=COURT.name,
        court_ori=COURT.ori, court_name=COURT.name, county_code=COURT.county_code, test=True,
    )  # fmt: skip
    query = Query(
        metadata=replace(metadata, **changes), court_ori=COURT.ori, unit=ProbationUnit.ADULT, agency="Probation",
        case_number="TR-1",
    )  # fmt: skip
    message = query_to_xml(query)
    spoil(message)
    return Draft(
        payload=etree.tostring(message, method="c14n", exclusive=True), to=URL, action=OPERATION.input_action,
        message_id=ID, version=version, signer=pki.identity("adult-probation"), at=NOW,
    )  # fmt: skip


def examined(request: Request) -> tuple[set[str], MessageCheck]:
    """The ids of the demands that it does not fulfil."""
    ledger = CheckResults(req.MESSAGE)
    standard = Standard(
        trust=TrustStore([PinnedCertificate("P", pki.identity("adult-probation").certificate)]),
        policy=SecurityPolicy(),
        acceptance=ReceivePolicy(
            to=frozenset({URL}),
            operations={OPERATION.input: OPERATION.input_action},
            permits=lambda _partner, _root: True,
        ),
        now=NOW,
        expected=lambda metadata: "" if metadata.sender_id == "ADULT-PROBATION" and metadata.test else "another party",
    )
    received = HttpMessage(request.body, request.content_type, request.soap_action)
    seen = Examiner(ledger).examine(received, standard)
    return {check.requirement.id for check in ledger.checks() if check.verdict is Verdict.FAILED}, seen


@pytest.mark.parametrize("version", list(SoapVersion))
def test_a_good_message_fulfils_every_demand(version: SoapVersion) -> None:
    wrong, seen = examined(draft(version).request())
    assert wrong == set()
    assert seen.believed is not None


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_an_odd_layout_is_nothing_wrong(layout: Variant) -> None:
    wrong, seen = examined(layout.make(draft()))
    assert wrong <= {"M20"}
    assert seen.believed is not None


FOUND = {
    "media-type-unknown": "M01", "document-type": "M02", "processing-instruction": "M02", "cut-off": "M02",
    "two-bodies": "M03", "empty-body": "M03", "two-payloads": "M03", "unknown-mandatory-header": "M03",
    "soap-versions-crossed": "M03", "unsigned": "M04", "signature-missing": "M04", "timestamp-missing": "M04",
    "signature-twice": "M04", "token-missing": "M04", "id-twice": "M04 M18", "sha1-digest": "M05",
    "sha1-signature": "M05", "hmac-signature": "M05", "inclusive-c14n": "M05", "stranger": "M06",
    "borrowed-certificate": "M07", "signature-changed": "M07", "body-changed": "M07", "to-changed": "M07 M15",
    "expires-changed": "M07 M20", "body-not-signed": "M08", "body-wrapped": "M08", "timestamp-not-signed": "M09",
    "to-not-signed": "M10", "action-not-signed": "M10", "message-id-not-signed": "M10", "token-exchanged": "M06 M11",
    "stale": "M13", "from-the-future": "M13", "stale-lives-long": "M13 M20", "action-of-another": "M14",
    "soap-action-of-another": "M14", "to-another": "M15", "message-id-missing": "M15 M16",
    "message-id-relative": "M15 M16", "action-twice": "M15 M16", "reply-elsewhere": "M17", "unknown-message": "M18",
}  # fmt: skip


SEEN_ELSEWHERE = {"compressed", "soap-action-unquoted"}  # they show in HTTP, or in SOAP 1.1 alone


@pytest.mark.parametrize("name", [defect.name for defect in DEFECTS if defect.name not in SEEN_ELSEWHERE])
def test_a_defect_is_found_under_its_demand_alone(name: str) -> None:
    wrong, seen = examined(get_mutation(name).make(draft()))
    assert wrong == set(FOUND[name].split())
    assert seen.believed is None


def test_a_soap_action_that_is_not_in_quotes_is_found() -> None:
    assert examined(get_mutation("soap-action-unquoted").make(draft(SoapVersion.SOAP11)))[0] == {"M14"}


@pytest.mark.parametrize(
    ("change", "demand"),
    [({"sender_id": "FTB"}, "M19"), ({"test": False}, "M19"), ({"transaction_id": uuid4()}, "M16")],
)
def test_a_metadata_block_that_contradicts_the_envelope_is_found(change: dict[str, Any], demand: str) -> None:
    assert examined(draft(**change).request())[0] == {demand}


def test_a_message_that_breaks_the_schema_is_found() -> None:
    wrong, _ = examined(draft(spoil=lambda m: m.remove(m.find(q(FCC807, "QuerySubmitter")))).request())
    assert wrong == {"M18"}


def test_fine_fractions_of_a_second_are_only_discouraged() -> None:
    given = draft()
    envelope = given.sealed()
    created = one(envelope, q(WSU, "Created"))
    created.text = (created.text or "").replace("Z", "0Z")
    wrong, seen = examined(given.request(resign(envelope, given.signer)))
    assert wrong == {"M20"}
    assert req.PRECISION.level is Level.SHOULD
    assert seen.believed is not None


def test_two_faults_are_both_found() -> None:
    """The court's gate would stop at the first."""
    stale = replace(draft(sender_id="FTB"), at=NOW.replace(hour=16))
    wrong, _ = examined(get_mutation("to-not-signed").make(stale))
    assert wrong == {"M10", "M13", "M19"}
