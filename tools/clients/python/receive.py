#!/usr/bin/env python3
"""Receives what a court sends (COL903 batches, DMV907 abstracts), proves it, and answers at the court's service.

What it needs, says and does: ../README.md.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4
from xml.sax.saxutils import escape

from envelope import MEDIA, SOAP, Identity, NotProven, canonical, fault_text, parse, prove, sign
from lxml import etree

COL903, DMV907 = "urn:ccms-ws:exchange:COL903:1.0", "urn:ccms-ws:exchange:DMV907:1.0"
EXT, NIEM = "urn:ccms-ws:extension:1.0", "http://niem.gov/niem/niem-core/2.0"
NAMES = {"col903": COL903, "dmv907": DMV907, "ext": EXT, "nc": NIEM}
LARGEST = 64 << 20
BATCH, ABSTRACT = f"{{{COL903}}}CollectionBalanceUpdateBatch", f"{{{DMV907}}}FailureToComplyAbstract"
ACTIONS = {
    BATCH: "urn:ccms-ws:partner:COL903:1.0:CollectionBalanceUpdates:CollectionBalanceUpdateBatch",
    ABSTRACT: "urn:ccms-ws:partner:DMV907:1.0:FailureToComplyAbstracts:FailureToComplyAbstract",
}
SERVICES = {
    "CollectionBalanceUpdateError": "urn:ccms-ws:service:COL903-answers:1.0:CollectionBalanceAnswers",
    "FailureToComplyAbstractResponse": "urn:ccms-ws:service:DMV907-answers:1.0:FailureToComplyAnswers",
    "FailureToComplyAbstractError": "urn:ccms-ws:service:DMV907-answers:1.0:FailureToComplyAnswers",
}


class Receiver:
    """What was received, and what is answered."""

    def __init__(self, address: str, who: Identity, court_service: str) -> None:
        self.address, self.who, self.court_service = address, who, court_service
        schema = os.environ.get("CCMS_SCHEMA")
        self.schema = etree.XMLSchema(etree.parse(schema)) if schema else None
        self.received: dict[str, bytes] = {}
        self.lock = threading.Lock()

    def receive(self, version: str, message: bytes) -> int:
        """The HTTP status for a message. Raises NotProven if the court has not sent it, or not to us."""
        said, body = prove(message, self.who, To=self.address)
        if len(body) != 1 or said.get("Action") != ACTIONS.get(body[0].tag):
            raise NotProven("the Action is not that of the message")
        if self.schema and not self.schema.validate(etree.fromstring(canonical(body[0]))):
            raise NotProven("the message is not valid against the schema")
        message_id, content = said.get("MessageID", ""), canonical(body[0])
        transaction_id = body[0].findtext("ext:MessageMetadata/ext:TransactionID", "", NAMES)
        if message_id.lower() != f"urn:uuid:{transaction_id}".lower():
            raise NotProven("the MessageID is not the TransactionID")
        with self.lock:  # a real receiver keeps ids and messages in its database, in one transaction
            if message_id in self.received:
                return 202 if self.received[message_id] == content else 500
            self.received[message_id] = content
        print(f"Received: {etree.QName(body[0]).localname} {message_id}", flush=True)
        answer = answer_to(body[0])
        if answer:
            threading.Thread(target=self.send, args=(version, message_id, *answer)).start()
        return 202

    def send(self, version: str, relates_to: str, name: str, answer_id: str, payload: str) -> None:
        """Send an answer to the court's service, again under the same id until the court has it."""
        action = f"{SERVICES[name]}:{name}"
        headers = {"Content-Type": f"{MEDIA[version]}; charset=utf-8"}
        if version == "1.2":
            headers["Content-Type"] += f'; action="{action}"'
        else:
            headers["SOAPAction"] = f'"{action}"'
        for wait in (0, 1, 5, 30, 120):
            time.sleep(wait)
            message = sign(version, payload, self.who, To=self.court_service, Action=action,
                           MessageID=f"urn:uuid:{answer_id}", RelatesTo=relates_to)  # fmt: skip
            try:
                with urlopen(Request(self.court_service, message, headers), timeout=30) as answer:  # noqa: S310
                    print(f"Answered: {name} {relates_to} {answer.status}", flush=True)
                    return
            except HTTPError as error:
                print(f"The court refuses the answer: {error.code} {reason(error.read())}", file=sys.stderr, flush=True)
                if error.code not in (503, 429):
                    return
            except URLError as error:
                print(f"The court cannot be reached: {error.reason}", file=sys.stderr, flush=True)


def answer_to(message: etree._Element) -> tuple[str, str, str] | None:
    """Name, id and text of the answer to a message; None if silence is the answer."""
    wrong = os.environ.get("CCMS_REFUSE", "")
    answer_id = str(uuid4())

    def text(path: str) -> str:
        return escape(message.findtext(path, "", NAMES).strip())

    if message.tag == BATCH:
        count = len(message.findall("col903:CollectionBalanceUpdate", NAMES))
        if not wrong and text("col903:BatchRecordQuantity") == str(count):
            return None
        root = "col903:CollectionBalanceUpdateError"
        about = f"<col903:BatchID>{text('col903:BatchID')}</col903:BatchID>"
        about += "<col903:BatchRefusedIndicator>true</col903:BatchRefusedIndicator>"
        about += error(wrong or "ControlTotalMismatch")
    else:
        about = f"<dmv907:AbstractID>{text('dmv907:AbstractID')}</dmv907:AbstractID>"
        if wrong:
            root, about = "dmv907:FailureToComplyAbstractError", about + error(wrong)
        else:
            root = "dmv907:FailureToComplyAbstractResponse"
            about += etree.tostring(message.find(".//ext:DriverLicense", NAMES), encoding="unicode", with_tail=False)
            about += f"<nc:CaseTrackingID>{text('nc:CaseTrackingID')}</nc:CaseTrackingID>"
            about += "<dmv907:MessageCodeText>ACCEPTED</dmv907:MessageCodeText>"
    metadata = message.find("ext:MessageMetadata", NAMES)
    said = {etree.QName(each).localname: (each.text or "").strip() for each in metadata}
    court, party = text(".//ext:SendingParty/ext:PartyID"), text(".//ext:ReceivingParty/ext:PartyID")
    kind = "Response" if root.endswith("Response") else "Error"
    declared = " ".join(f'xmlns:{prefix}="{name}"' for prefix, name in NAMES.items())
    return root.partition(":")[2], answer_id, (
        f"<{root} {declared}><ext:MessageMetadata><ext:TransactionID>{answer_id}</ext:TransactionID>"
        f"<ext:CorrelationID>{said['TransactionID']}</ext:CorrelationID>"
        f"<ext:MessageDateTime>{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}</ext:MessageDateTime>"
        f"<ext:ExchangeCode>{said['ExchangeCode']}</ext:ExchangeCode><ext:MessageKindCode>{kind}</ext:MessageKindCode>"
        "<ext:SchemaVersionID>1.0</ext:SchemaVersionID>"
        f"<ext:SendingParty><ext:PartyID>{party}</ext:PartyID></ext:SendingParty>"
        f"<ext:ReceivingParty><ext:PartyID>{court}</ext:PartyID></ext:ReceivingParty>"
        f"<ext:Court><ext:CourtORIID>{text('.//ext:CourtORIID')}</ext:CourtORIID>"
        f"<ext:CountyCode>{text('.//ext:CountyCode')}</ext:CountyCode></ext:Court>"
        f"<ext:TestIndicator>{said['TestIndicator']}</ext:TestIndicator></ext:MessageMetadata>{about}</{root}>"
    )  # fmt: skip


def error(code: str) -> str:
    return (
        f"<ext:MessageError><ext:ErrorCodeText>{escape(code)}</ext:ErrorCodeText>"
        "<ext:ErrorReasonText>The message cannot be processed.</ext:ErrorReasonText></ext:MessageError>"
    )


def reason(fault: bytes) -> str:
    try:
        return fault_text(parse(fault))
    except NotProven:
        return "(no SOAP)"


def fault(version: str) -> bytes:
    """What a sender hears who is not proven to be the court: nothing about the reason."""
    soap, sentence = SOAP[version], "The message is not accepted."
    code = f"<faultcode>s:Client</faultcode><faultstring>{sentence}</faultstring>"
    if version == "1.2":
        code = "<s:Code><s:Value>s:Sender</s:Value></s:Code>"
        code += f'<s:Reason><s:Text xml:lang="en">{sentence}</s:Text></s:Reason>'
    return f'<s:Envelope xmlns:s="{soap}"><s:Body><s:Fault>{code}</s:Fault></s:Body></s:Envelope>'.encode()


def handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_POST(self) -> None:
            media = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            version = next((version for version, name in MEDIA.items() if name == media), "")
            length = int(self.headers.get("Content-Length") or 0)
            if not version or not 0 < length <= LARGEST:
                self.answer(415 if not version else 411, b"", "text/plain")
                self.close_connection = True
                return
            try:
                status, body = receiver.receive(version, self.rfile.read(length)), b""
            except Exception as error:
                print(f"Refused: {error}", file=sys.stderr, flush=True)
                status, body = 500 if version == "1.1" else 400, fault(version)
            self.answer(status, body, MEDIA[version])

        def answer(self, status: int, body: bytes, media: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{media}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler


def main(given: list[str]) -> int:
    if len(given) != 5:
        print("python3 receive.py ADDRESS KEY CERTIFICATE COURT-CERTIFICATE COURT-SERVICE", file=sys.stderr)
        return 2
    address, key, certificate, court, court_service = given
    receiver = Receiver(os.environ.get("CCMS_TO") or address, Identity(key, certificate, court), court_service)
    at = urlsplit(address)
    server = ThreadingHTTPServer((at.hostname or "", at.port or 80), handler(receiver))
    print(f"Listening at {address}", flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
