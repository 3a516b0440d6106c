"""FCC807: every kind of answer, by every kind of key, and every odd layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.domain.courts import DriverLicense, PersonName
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807
from ccms_ws.replay.case import ExpectedOutcome
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.variants import LAYOUTS
from replay_cases.scene import Scene, remove

SOAP11, SOAP12 = SoapVersion.SOAP11, SoapVersion.SOAP12
JUVENILE = "JUVENILE-PROBATION"
CASE, PERSON = "CR-2023-002931", "P-1002"

Keys = dict[str, Any]
ANSWERED: tuple[tuple[str, str, str, SoapVersion, Keys], ...] = (
    ("balance-by-case", "A balance, by case number alone", "", SOAP12, {"case_number": "TR-2025-004417"}),
    ("balance-soap11", "A balance, asked for in SOAP 1.1", "", SOAP11, {"case_number": "TR-2025-004417"}),
    ("balance-by-case-and-participant", "A balance with eight kinds of fees", "", SOAP12,
     {"case_number": CASE, "participant_id": PERSON}),
    ("balance-by-participant", "A balance, by participant id alone", "", SOAP11, {"participant_id": "P-1001"}),
    ("balance-by-name", "A balance, by name and date of birth, accents left out", "", SOAP12,
     {"name": PersonName("Siobhan", "O'Brien-Nunez"), "birth_date": date(1988, 3, 17)}),
    ("balance-by-license", "A balance, by driver license", "", SOAP12,
     {"driver_license": DriverLicense("F1204567", "CA")}),
    ("balance-all-keys", "A balance, every key given and fitting", "", SOAP11,
     {"case_number": "TR-2025-011250", "participant_id": "P-1004", "name": PersonName("Rafael", "Monteverde"),
      "birth_date": date(1995, 5, 30), "driver_license": DriverLicense("Y2087713", "CA")}),
    ("balance-as-of", "The balance at the end of a past day", "", SOAP12,
     {"case_number": CASE, "participant_id": PERSON, "as_of": date(2024, 1, 31)}),
    ("balance-zero", "Paid in full: a balance of 0.00 is a balance", "", SOAP12, {"case_number": "TR-2024-019302"}),
    ("balance-credit", "Paid twice: a credit", "", SOAP11, {"case_number": "TR-2024-020118"}),
    ("balance-vacated", "A civil assessment that a statute vacated is in no balance", "", SOAP12,
     {"case_number": "TR-2021-007755"}),
    ("balance-returned-cheque", "A payment that was reversed does not count", "", SOAP11,
     {"case_number": "TR-2025-009020"}),
    ("balance-purpose", "A purpose in the asker's own words, accents and an ampersand in it", "", SOAP12,
     {"case_number": "TR-2025-004417", "purpose": "Revisión anual & cobro <2026>"}),
    ("balance-juvenile", "Juvenile probation asks about a minor", JUVENILE, SOAP12,
     {"case_number": "JV-2025-000318", "participant_id": "P-2001"}),
    ("rejected-case-not-found", "Rejected: CaseNotFound", "", SOAP12, {"case_number": "TR-2099-000001"}),
    ("rejected-participant-not-found", "Rejected: ParticipantNotFound", "", SOAP11, {"participant_id": "P-9999"}),
    ("rejected-not-on-case", "Rejected: ParticipantNotOnCase", "", SOAP12,
     {"case_number": CASE, "participant_id": "P-1003"}),
    ("rejected-multiple-matches", "Rejected: MultipleMatches, and nobody is named", "", SOAP12,
     {"name": PersonName("Thuy", "Tran"), "birth_date": date(1992, 11, 4)}),
    ("rejected-insufficient", "Rejected: InsufficientCriteria, a name alone says too little", "", SOAP11,
     {"name": PersonName("Marisol", "Aldana")}),
    ("rejected-no-financial-record", "Rejected: NoFinancialRecord", "", SOAP12,
     {"case_number": "CR-2026-000455", "participant_id": "P-1015"}),
    ("rejected-other-unit", "Rejected: NotAuthorized, adult probation asks in the name of juvenile", "", SOAP12,
     {"case_number": CASE, "participant_id": PERSON, "unit": ProbationUnit.JUVENILE}),
    ("rejected-juvenile-to-adult", "To adult probation a juvenile case does not exist", "", SOAP12,
     {"case_number": "JV-2025-000318", "participant_id": "P-2001"}),
    ("rejected-sealed", "A sealed case does not exist", "", SOAP11, {"case_number": "CR-2020-001999"}),
)  # fmt: skip


def scenes(house: Courthouse) -> Iterator[Scene]:
    for name, title, partner, version, keys in ANSWERED:
        scene = Scene(house, f"fcc807-{name}", title, "FCC807")
        asker = partner or "ADULT-PROBATION"
        scene.post(scene.query(asker, **keys), ExpectedOutcome.REPLY, partner=asker, version=version)
        yield scene
    yield from _errors(house)
    yield from _layouts(house)


def _layouts(house: Courthouse) -> Iterator[Scene]:
    for number, layout in enumerate(LAYOUTS):
        scene = Scene(house, f"fcc807-layout-{layout.name}", f"Accepted: {layout.says}", "FCC807",
                      clauses=["security profile 6"])  # fmt: skip
        version = SOAP11 if number % 2 else SOAP12
        scene.post(
            scene.query(case_number="TR-2025-004417"), ExpectedOutcome.REPLY, layout=layout.name, version=version
        )
        yield scene


# -- error messages ---------------------------------------------------------------------------------------------------
def _set(namespace: str, name: str, text: str) -> Callable[[_Element], None]:
    def change(message: _Element) -> None:
        next(message.iter(q(namespace, name))).text = text

    return change


def _remove(namespace: str, name: str) -> Callable[[_Element], None]:
    def change(message: _Element) -> None:
        remove(next(message.iter(q(namespace, name))))

    return change


def _extra(message: _Element) -> None:
    message.append(message.makeelement(q("urn:example:unknown", "Extra")))


ERRORS: tuple[tuple[str, str, str, SoapVersion, Keys, Callable[[_Element], None] | None], ...] = (
    ("other-court", "Error message: a court that this endpoint does not serve", "exchange.court-unknown", SOAP12,
     {"case_number": CASE, "court_ori": "CA019015J"}, None),
    ("day-to-come", "Error message: a balance for a day that has not come", "exchange.as-of-date-in-future", SOAP11,
     {"case_number": CASE, "as_of": date(2199, 1, 1)}, None),
    ("element-missing", "Error message: a required element is missing", "contract.schema-violated", SOAP12,
     {"case_number": CASE}, _remove(FCC807, "QuerySubmitter")),
    ("element-unknown", "Error message: an element that the schema does not know", "contract.schema-violated", SOAP11,
     {"case_number": CASE}, _extra),
    ("value-invalid", "Error message: a value that the schema does not allow", "contract.schema-violated", SOAP12,
     {"case_number": CASE}, _set(EXT, "TestIndicator", "perhaps")),
    ("other-sender", "Error message: the message says that somebody else sends it", "exchange.metadata-contradicted",
     SOAP12, {"case_number": CASE}, _set(EXT, "PartyID", "FTB")),
    ("other-exchange", "Error message: the message says that it is of another exchange",
     "exchange.metadata-contradicted", SOAP11, {"case_number": CASE}, _set(EXT, "ExchangeCode", "COL903")),
    ("test-message", "Error message: a test message to a court that is none", "exchange.metadata-contradicted", SOAP12,
     {"case_number": CASE}, _set(EXT, "TestIndicator", "true")),
    ("other-transaction", "Error message: the TransactionID is not the wsa:MessageID",
     "exchange.metadata-contradicted", SOAP12, {"case_number": CASE},
     _set(EXT, "TransactionID", "00000000-0000-4000-8000-000000000001")),
)  # fmt: skip


def _errors(house: Courthouse) -> Iterator[Scene]:
    for name, title, code, version, keys, change in ERRORS:
        scene = Scene(house, f"fcc807-error-{name}", title, "FCC807")
        query = scene.query(**keys)
        if change is not None:
            change(query)
        scene.post(query, ExpectedOutcome.ERROR, code, version=version)
        yield scene
    scene = Scene(house, "fcc807-not-permitted", "FTB may not ask for balances", "FCC807")
    scene.post(scene.query(case_number=CASE), ExpectedOutcome.FAULT, "envelope.not-permitted", partner="FTB")
    yield scene
    scene = Scene(house, "fcc807-http-put", "Messages are sent with POST", "FCC807", clauses=["BP R1132"])
    scene.post(scene.query(case_number=CASE), ExpectedOutcome.HTTP, "http.method-not-allowed",
               change=lambda request: replace(request, method="PUT"))  # fmt: skip
    yield scene
