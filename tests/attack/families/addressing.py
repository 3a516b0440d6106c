"""What is asked for, of whom, and where the answer would go."""

from __future__ import annotations

from datetime import timedelta

from lxml import etree

from ccms_ws.clock import FixedClock
from ccms_ws.contract.namespaces import WSA
from ccms_ws.envelope.soap import to_bytes
from ccms_ws.errors import (
    ActionMismatch,
    ActionNotSupported,
    AddressingHeaderInvalid,
    AddressingHeaderMissing,
    AnswerUnrelated,
    DestinationUnreachable,
    PartNotSigned,
    ReplyAddressRefused,
    SecurityHeaderInvalid,
    TimestampOutOfRange,
)
from tests.attack.attack import Attack, after_seal, before_sign, in_tree, sent_as, signed_with
from tests.support.envelopes import ACTION, QUERY, acceptance, sealed
from tests.support.pki import NOW

_OTHER = "urn:example:test:delete"
_ONE_WAY = {"accept": acceptance(one_way=frozenset({QUERY}))}
_ANSWER = {"accept": acceptance(relates_to="urn:uuid:ours")}


def _endpoint(name: str, address: str) -> str:
    return f'<wsa:{name} wsu:Id="E"><wsa:Address>{address}</wsa:Address></wsa:{name}>'


ATTACKS = [
    Attack(21, "SOAPAction of another operation", sent_as(after_seal(), soap_action=f'"{_OTHER}"'), ActionMismatch),
    Attack(
        21,
        "SOAPAction not in quotes",
        sent_as(after_seal(), soap_action=ACTION),
        None,
        reason="a value without quotes is the same value; it is read and remarked",
        remark="BP R1109",
    ),
    Attack(
        21, "SOAPAction of another operation, not in quotes", sent_as(after_seal(), soap_action=_OTHER), ActionMismatch
    ),
    Attack(21, "SOAPAction with one quote", sent_as(after_seal(), soap_action=f'"{ACTION}'), ActionMismatch),
    Attack(21, "no SOAPAction", sent_as(after_seal(), soap_action=None), ActionMismatch),
    Attack(
        21,
        "the action of another operation in the media type",
        sent_as(after_seal(), content_type=f'text/xml; action="{_OTHER}"'),
        ActionMismatch,
    ),
    Attack(21, "wsa:Action of another operation", sent_as(after_seal(action=_OTHER), soap_action='""'), ActionMismatch),
    Attack(
        21,
        "a payload that is not received here",
        lambda: to_bytes(sealed(etree.fromstring("<x:Other xmlns:x='urn:x'/>"))),
        ActionNotSupported,
    ),
    Attack(
        21,
        "the right name in the wrong namespace",
        lambda: to_bytes(sealed(etree.fromstring("<Query xmlns='urn:x'/>"))),
        ActionNotSupported,
    ),
    *(
        Attack(22, f"answers to {address}", after_seal(reply_to=address), ReplyAddressRefused)
        for address in ("http://169.254.169.254/", "file:///etc/passwd", "https://other.example/", WSA + "/none")
    ),
    *(
        Attack(
            22,
            f"{name} none, of a one-way message",
            signed_with(_endpoint(name, WSA + "/none"), "E", "ReplyTo"),
            None,
            _ONE_WAY,
            reason="no message answers it: CXF writes this by default",
        )
        for name in ("ReplyTo", "FaultTo")
    ),
    Attack(
        22,
        "faults to none, of a message that is answered",
        signed_with(_endpoint("FaultTo", WSA + "/none"), "E"),
        ReplyAddressRefused,
    ),
    Attack(
        22,
        "answers to http://169.254.169.254/, of a one-way message",
        after_seal(reply_to="http://169.254.169.254/"),
        ReplyAddressRefused,
        _ONE_WAY,
    ),
    Attack(
        22,
        "faults to somewhere else, of a one-way message",
        signed_with(_endpoint("FaultTo", "http://10.0.0.1/"), "E"),
        ReplyAddressRefused,
        _ONE_WAY,
    ),
    Attack(
        22, "faults to somewhere else", signed_with(_endpoint("FaultTo", "http://10.0.0.1/"), "E"), ReplyAddressRefused
    ),
    Attack(
        22,
        "reference parameters to be echoed",
        before_sign(
            (
                "</wsa:Address>",
                "</wsa:Address><wsa:ReferenceParameters><x:y xmlns:x='urn:x'/></wsa:ReferenceParameters>",
            )
        ),
        ReplyAddressRefused,
    ),
    Attack(
        22,
        "an endpoint without address",
        before_sign(("wsa:Address", "wsa:Adress"), ("/wsa:Address", "/wsa:Adress")),
        AddressingHeaderInvalid,
    ),
    Attack(23, "a message for another endpoint", after_seal(to="https://court.example/other"), DestinationUnreachable),
    Attack(23, "a request to the anonymous address", after_seal(to=WSA + "/anonymous"), DestinationUnreachable),
    Attack(
        23,
        "wsa:From somebody else",
        signed_with(_endpoint("From", "https://dmv.example/"), "E"),
        None,
        reason="wsa:From is information: nothing is sent to it, and the signer is known by the certificate",
    ),
    Attack(
        23,
        "wsa:From with reference parameters",
        signed_with(
            '<wsa:From wsu:Id="E"><wsa:Address>https://dmv.example/</wsa:Address>'
            "<wsa:ReferenceParameters><x:y xmlns:x='urn:x'/></wsa:ReferenceParameters></wsa:From>",
            "E",
        ),
        None,
        reason="wsa:From is information: no message goes there that could echo them",
    ),
    Attack(23, "wsa:From without address", signed_with('<wsa:From wsu:Id="E"/>', "E"), AddressingHeaderInvalid),
    Attack(
        23,
        "wsa:From that is not signed",
        before_sign(("<wsa:ReplyTo ", _endpoint("From", "https://dmv.example/") + "<wsa:ReplyTo ")),
        PartNotSigned,
    ),
    Attack(23, "an unknown wsa block", signed_with('<wsa:Other wsu:Id="E"/>', "E"), AddressingHeaderInvalid),
    Attack(
        23,
        "a wsa:To with an element inside",
        before_sign(('<wsa:To wsu:Id="To">', '<wsa:To wsu:Id="To"><x/>')),
        AddressingHeaderInvalid,
    ),
    Attack(23, "a message id that is no URI", after_seal(message_id="4711"), AddressingHeaderInvalid),
    Attack(
        23,
        "a relation that is no reply",
        signed_with('<wsa:RelatesTo wsu:Id="E" RelationshipType="urn:x">urn:uuid:1</wsa:RelatesTo>', "E"),
        AddressingHeaderInvalid,
    ),
    Attack(
        42,
        "an answer to another request",
        sent_as(after_seal(relates_to="urn:uuid:other"), soap_action=None),
        AnswerUnrelated,
        _ANSWER,
    ),
    Attack(42, "an answer to no request", sent_as(after_seal(), soap_action=None), AddressingHeaderMissing, _ANSWER),
    Attack(
        42,
        "an unsigned answer",
        sent_as(in_tree(lambda root: root[0].remove(root[0][-1])), soap_action=None),
        SecurityHeaderInvalid,
        _ANSWER,
    ),
    Attack(
        42,
        "an old answer",
        sent_as(after_seal(relates_to="urn:uuid:ours"), soap_action=None),
        TimestampOutOfRange,
        _ANSWER | {"clock": FixedClock(NOW + timedelta(hours=1))},
    ),
]
