"""What is asked of a partner, each demand under an id of its own: of its messages, its client, its endpoint.

The list is the product: reports name these ids, and so may an agreement with a partner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ccms_ws.exchange import Exchange
from ccms_ws.replay.mutations import DEFECTS, Mutation
from ccms_ws.replay.variants import LAYOUTS, Variant


class Level(StrEnum):
    """How much a demand weighs."""

    MUST = "must"
    SHOULD = "should"
    """Wanted for the sake of others; a partner conforms without."""


@dataclass(frozen=True, slots=True)
class TestRequirement:
    """`says` is a sentence that must hold; `source`: the clause it comes from."""

    id: str
    says: str
    source: str
    level: Level = Level.MUST


def _message(number: int, says: str, source: str, level: Level = Level.MUST) -> TestRequirement:
    return TestRequirement(f"M{number:02}", says, source, level)


# -- every message of a partner, request or answer ---------------------------------------------------------------------
MEDIA: Final = _message(1, "the media type is that of its SOAP version, in UTF-8 or UTF-16", "BP R1115, R1012")
XML: Final = _message(2, "it is XML without document type and processing instruction", "BP R1008, R1009")
STRUCTURE: Final = _message(3, "it has one Header and one Body with one message", "BP R9980, R9981, R1011")
SECURITY: Final = _message(4, "one security header holds Timestamp, certificate and signature; no id twice", "WSS 6")
ALGORITHMS: Final = _message(5, "exclusive C14N, SHA-256 or better, RSA or ECDSA", "BSP R5404, R5420, R5421, R5423")
CERTIFICATE: Final = _message(6, "the certificate is the registered one, and valid", "WSS X.509 3.1, RFC 5280 6.1")
SIGNATURE: Final = _message(7, "signature value and digests verify", "XMLDSig 3.2")
SIGNED_BODY: Final = _message(8, "the Body is signed", "GFIPM S2S")
SIGNED_TIMESTAMP: Final = _message(9, "the Timestamp is signed", "GFIPM S2S")
SIGNED_ADDRESSING: Final = _message(10, "every WS-Addressing header is signed", "GFIPM S2S")
SIGNED_TOKEN: Final = _message(11, "a certificate in the message is signed", "GFIPM S2S", Level.SHOULD)
TIMESTAMP: Final = _message(12, "the Timestamp is Created and Expires in UTC", "BSP R3203 to R3227")
FRESH: Final = _message(13, "it is fresh: made five minutes ago at most, and not expired", "WSS 10")
ACTION: Final = _message(14, "wsa:Action, SOAPAction and the message agree", "BP R1144, R2744, R1109")
ADDRESS: Final = _message(
    15, "wsa:To is where it was sent; an answer relates to the message it answers", "WSA 3.2, 3.4"
)
IDENTITY: Final = _message(16, "wsa:MessageID is urn:uuid: and the TransactionID", "message metadata")
REPLY: Final = _message(17, "answers are asked for in the HTTP response alone", "WSA SOAP 6.4.1.7")
SCHEMA: Final = _message(18, "the message is valid against the schema", "XML Schema")
METADATA: Final = _message(19, "the metadata block says what envelope and address say", "message metadata")
PRECISION: Final = _message(
    20, "it keeps to what is only recommended: three fraction digits, certificate before signature, Expires five "
    "minutes after Created at most, SOAPAction in quotes, charset utf-8",
    "BSP R3220, R3229, R5205, BP R1109, R1012", Level.SHOULD,
)  # fmt: skip

MESSAGE: Final = (
    MEDIA, XML, STRUCTURE, SECURITY, ALGORITHMS, CERTIFICATE, SIGNATURE, SIGNED_BODY, SIGNED_TIMESTAMP,
    SIGNED_ADDRESSING, SIGNED_TOKEN, TIMESTAMP, FRESH, ACTION, ADDRESS, IDENTITY, REPLY, SCHEMA, METADATA, PRECISION,
)  # fmt: skip

# -- a client that asks ------------------------------------------------------------------------------------------------
UNIQUE_IDS: Final = TestRequirement("C01", "every new message has an id of its own", "WSA 3.2")
UNAVAILABLE: Final = TestRequirement(
    "C05", "after HTTP 503 it waits as long as asked, then asks again", "RFC 9110 10.2.3, message profile",
)  # fmt: skip
CUT_OFF: Final = TestRequirement("C06", "after a cut connection it asks again", "message profile")
RESEALED: Final = TestRequirement("C07", "a message that is sent again is signed afresh", "WSS 10")
TAMPERED: Final = TestRequirement("C08", "it does not believe a changed answer, and asks again", "XMLDSig 3.2")
STRANGER: Final = TestRequirement(
    "C09", "it does not believe an answer that another key signed, and asks again", "GFIPM S2S"
)
UNRELATED: Final = TestRequirement(
    "C10", "it does not take another message's answer for its own, and asks again", "WSA 3.4"
)
STALE: Final = TestRequirement("C11", "it does not believe an answer of an hour ago, and asks again", "WSS 10")
BOTH_VERSIONS: Final = TestRequirement("C12", "it speaks SOAP 1.2", "WSDL", Level.SHOULD)
SAME_MESSAGE: Final = TestRequirement(
    "C13", "what it asks again is the same message: id and Body as they were", "message profile"
)

CLIENT: Final = (
    UNAVAILABLE, CUT_OFF, RESEALED, TAMPERED, STRANGER, UNRELATED, STALE,
    BOTH_VERSIONS, SAME_MESSAGE,
)  # fmt: skip

# -- an endpoint that receives -----------------------------------------------------------------------------------------
TAKES: Final = TestRequirement("P01", "it takes a message that the court sends", "BP R1111, R1112")
TAKES_OTHER: Final = TestRequirement("P02", "it takes the other SOAP version that its WSDL offers", "WSDL")
SAME_AGAIN: Final = TestRequirement("P03", "it takes the same message again, with no second effect", "message profile")
SAME_BYTES: Final = TestRequirement("P04", "it takes the same bytes again, with no second effect", "message profile")
REUSED_ID: Final = TestRequirement("P05", "it refuses another message under a used id", "WSA SOAP 6.4.1.8")
SILENT: Final = TestRequirement("P06", "what it says of a refusal shows nothing of its inside", "WSS4J safe error")
NO_ANSWER: Final = TestRequirement("P07", "no answer comes to what it refused", "GFIPM S2S")
METHOD: Final = TestRequirement("P08", "messages are taken with POST alone", "BP R1114, R1132", Level.SHOULD)
ANSWERS: Final = TestRequirement("P09", "it answers what it has processed", "data sheet")
ANSWER_FITS: Final = TestRequirement(
    "P10", "the answer names the message, and what is in it", "data sheet of the exchange"
)
ANSWER_KEPT: Final = TestRequirement(
    "P11", "an answer that the court could not take comes again, under the same id", "message profile"
)
KNOWN_CODES: Final = TestRequirement("P12", "its codes are on the agreed lists", "code lists", Level.SHOULD)
ONE_ANSWER: Final = TestRequirement("P13", "one message has one answer", "message profile")
FAULT_STATUS: Final = TestRequirement("P14", "a fault comes with an HTTP error status, never with 200", "BP R1126")
FORBIDDEN: Final = TestRequirement(
    "P15", "a message that the schema forbids is refused, or answered with an error message", "XML Schema"
)

ENDPOINT: Final = (
    TAKES, TAKES_OTHER, SAME_AGAIN, SAME_BYTES, REUSED_ID, SILENT, NO_ANSWER, METHOD, ANSWERS, ANSWER_FITS, ANSWER_KEPT,
    KNOWN_CODES, ONE_ANSWER, FAULT_STATUS, FORBIDDEN,
)  # fmt: skip

_LENIENT: Final = frozenset({
    "compressed", "media-type-unknown", "soap-versions-crossed", "soap-action-of-another", "soap-action-unquoted",
    "action-twice", "reply-elsewhere", "message-id-relative", "sha1-digest", "sha1-signature", "stale-lives-long",
    "token-exchanged", "id-twice", "empty-body", "two-payloads", "action-of-another",
})  # fmt: skip
"""What a partner should refuse, and conforms without: it harms the partner itself at most."""


def refuses(defect: Mutation) -> TestRequirement:
    """The demand to refuse a message with this defect."""
    level = Level.SHOULD if defect.name in _LENIENT else Level.MUST
    return TestRequirement(f"R-{defect.name}", f"refused: {defect.says}", defect.rule, level)


def accepts(layout: Variant) -> TestRequirement:
    """The wish to accept a message in this layout: the court sends the plain one, other partners do not."""
    return TestRequirement(f"L-{layout.name}", f"accepted: {layout.says}", "security profile 6", Level.SHOULD)


def answers_everything(exchange: Exchange) -> bool:
    """True if a partner answers every message; False if it sends error messages alone, and silence is success."""
    return any(incoming.root.endswith("Response") for incoming in exchange.incoming)


def of_endpoint(exchange: Exchange) -> tuple[TestRequirement, ...]:
    """Everything that is asked of an endpoint, in the order of the report.

    Where the exchange has error messages only, silence is success: that an answer comes is a wish then.
    """
    wish = replace(ANSWERS, level=Level.SHOULD)
    conduct = ENDPOINT if answers_everything(exchange) else (wish if each is ANSWERS else each for each in ENDPOINT)
    return (*conduct, *map(refuses, DEFECTS), *map(accepts, LAYOUTS), *MESSAGE)


def of_client(own: Iterable[TestRequirement]) -> tuple[TestRequirement, ...]:
    """Everything that is asked of a client. `own`: what its exchange's own tasks show."""
    return (UNIQUE_IDS, *own, *CLIENT, *MESSAGE)
