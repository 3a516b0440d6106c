#!/usr/bin/env python3
"""Asks a court what a participant owes on a case (FCC807). What it needs, says and returns: ../README.md."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4
from xml.sax.saxutils import escape

from envelope import MEDIA, Identity, NotProven, Refused, fault_text, parse, prove, sign

EXCHANGE, EXT = "urn:ccms-ws:exchange:FCC807:1.0", "urn:ccms-ws:extension:1.0"
NIEM = "http://niem.gov/niem/niem-core/2.0"
NAMES = {"q": EXCHANGE, "ext": EXT, "nc": NIEM}


def setting(name: str, otherwise: str) -> str:
    return os.environ.get(f"CCMS_{name}") or otherwise


def query(message_id: str, case: str, participant: str) -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    court, as_of = setting("COURT", "CA099015J"), setting("AS_OF", "")
    day = f"<q:BalanceAsOfDate><nc:Date>{as_of}</nc:Date></q:BalanceAsOfDate>" if as_of else ""
    return (
        f'<q:CaseParticipantBalanceQuery xmlns:q="{EXCHANGE}" xmlns:ext="{EXT}" xmlns:nc="{NIEM}"><ext:MessageMetadata>'
        f"<ext:TransactionID>{message_id}</ext:TransactionID><ext:MessageDateTime>{now}</ext:MessageDateTime>"
        "<ext:ExchangeCode>FCC807</ext:ExchangeCode><ext:MessageKindCode>Query</ext:MessageKindCode>"
        "<ext:SchemaVersionID>1.0</ext:SchemaVersionID>"
        f"<ext:SendingParty><ext:PartyID>{setting('PARTNER', 'ADULT-PROBATION')}</ext:PartyID></ext:SendingParty>"
        f"<ext:ReceivingParty><ext:PartyID>{court}</ext:PartyID></ext:ReceivingParty>"
        f"<ext:Court><ext:CourtORIID>{court}</ext:CourtORIID><ext:CountyCode>{setting('COUNTY', '54')}</ext:CountyCode>"
        f"</ext:Court><ext:TestIndicator>{setting('TEST', 'false')}</ext:TestIndicator></ext:MessageMetadata>"
        "<q:QuerySubmitter><nc:OrganizationName>Probation</nc:OrganizationName>"
        f"<q:SubmitterUnitCode>{setting('UNIT', 'AdultProbation')}</q:SubmitterUnitCode></q:QuerySubmitter>"
        f"<q:SearchCriteria><nc:CaseTrackingID>{escape(case)}</nc:CaseTrackingID><ext:CaseParticipantIdentification>"
        f"<nc:IdentificationID>{escape(participant)}</nc:IdentificationID></ext:CaseParticipantIdentification>"
        f"</q:SearchCriteria>{day}</q:CaseParticipantBalanceQuery>"
    )


def ask(url: str, who: Identity, case: str, participant: str) -> int:
    version = setting("SOAP", "1.2")
    with urlopen(f"{url}?wsdl", timeout=30) as answer:  # noqa: S310
        wsdl = parse(answer.read())
    binding = "http://schemas.xmlsoap.org/wsdl/" + ("soap12/" if version == "1.2" else "soap/")
    to = setting("TO", next(wsdl.iter(f"{{{binding}}}address")).get("location", ""))
    action = next(wsdl.iter(f"{{{binding}}}operation")).get("soapAction", "")
    transaction_id = str(uuid4())
    message_id = f"urn:uuid:{transaction_id}"
    message = sign(version, query(transaction_id, case, participant), who, To=to, Action=action, MessageID=message_id)
    headers = {"Content-Type": f"{MEDIA[version]}; charset=utf-8"}
    if version == "1.2":
        headers["Content-Type"] += f'; action="{action}"'
    else:
        headers["SOAPAction"] = f'"{action}"'
    try:
        with urlopen(Request(url, message, headers), timeout=30) as answer:  # noqa: S310
            came = answer.read()
    except HTTPError as error:  # a fault
        came = error.read()
    _, body = prove(came, who, RelatesTo=message_id)

    def text(path: str) -> str:
        return (body.findtext(f".//{path}", "", NAMES)).strip()

    if text("ext:ErrorCodeText"):
        print(f"Error message: {text('ext:ErrorCodeText')}: {text('ext:ErrorReasonText')}")
        return 4
    if text("q:RejectionReasonCodeText"):
        print(f"Rejected: {text('q:RejectionReasonCodeText')}: {text('q:RejectionReasonText')}")
        return 3
    due = body.find(".//q:BalanceDueAmount", NAMES)
    if due is None:
        raise Refused(fault_text(body))
    print(
        f"Balance due: {due.text} {due.get(f'{{{NIEM}}}currencyCode')} as of {text('q:BalanceAsOfDate/nc:Date')}, "
        f"case {text('nc:CaseTrackingID')}, participant {text('nc:IdentificationID')}"
    )
    return 0


def main(given: list[str]) -> int:
    if len(given) != 6:
        print("python3 query.py URL KEY CERTIFICATE COURT-CERTIFICATE CASE PARTICIPANT", file=sys.stderr)
        return 2
    try:
        url, key, certificate, court, case, participant = given
        return ask(url, Identity(key, certificate, court), case, participant)
    except Refused as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 5
    except NotProven as error:
        print(f"Answer not proven: {error}", file=sys.stderr)
        return 6
    except Exception as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
