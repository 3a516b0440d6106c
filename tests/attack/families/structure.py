"""Parts that are missing, doubled, out of place or not signed."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from lxml import etree

from ccms_ws.contract.namespaces import DS, SOAP11, SOAP12, WSSE, WSU
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.errors import (
    AddressingHeaderInvalid,
    AddressingHeaderMissing,
    AlgorithmRefused,
    HeaderNotUnderstood,
    MalformedEnvelope,
    PartNotSigned,
    SecurityHeaderInvalid,
    SignatureInvalid,
    SignerNotTrusted,
    SoapVersionMismatch,
)
from tests.attack.attack import Attack, after_seal, before_sign, change, in_tree, part, signed_with
from tests.support.envelopes import ADDRESS, parsed, sealed
from tests.support.layouts import BODY, TIMESTAMP, Layout
from tests.support.oracles import reference_template
from tests.support.pki import pki

_SECURITY = "<wsse:Security "
_NEXT11 = "http://schemas.xmlsoap.org/soap/actor/next"
_END = "</wsse:Security>"
_BLOCK = "<x:y xmlns:x='urn:x' soap:mustUnderstand='{}'/>" + _SECURITY
_ENVELOPE = f'<s:Envelope xmlns:s="{SOAP11}"><s:Body>{BODY}</s:Body></s:Envelope>'


def _without(name: str) -> Layout:
    layout = Layout()
    del layout.addressing[name]
    return layout


def _id_taken(name: str) -> Callable[[], bytes]:
    def make() -> bytes:
        raw = to_bytes(sealed())
        body_id = parsed(raw)[1].get(f"{{{WSU}}}Id")
        return change(raw, (_SECURITY, f"<x:y xmlns:x='urn:x' {name}='{body_id}'/>{_SECURITY}"))

    return make


ATTACKS = [
    Attack(
        3,
        "a payload attribute takes the id of the Timestamp",
        in_tree(lambda root: root[1][0].set("id", next(root.iter(f"{{{WSU}}}Timestamp")).get(f"{{{WSU}}}Id", ""))),
        SecurityHeaderInvalid,
    ),
    Attack(3, "one id twice in the payload", after_seal(("<t:Case>", "<t:Case Id='a' ID='a'>")), SecurityHeaderInvalid),
    *(
        Attack(3, f"an unsigned block takes the id of the Body as {name}", _id_taken(name), SecurityHeaderInvalid)
        for name in ("Id", "ID", "id", "xml:id", "x:Id", "wsu:Id", "AssertionID")
    ),
    Attack(
        4,
        "two Bodies",
        after_seal(("</soap:Body>", f"</soap:Body><soap:Body>{BODY}</soap:Body>")),
        MalformedEnvelope,
    ),
    Attack(4, "two Headers", after_seal(("<soap:Header>", "<soap:Header/><soap:Header>")), MalformedEnvelope),
    Attack(4, "two elements in the Body", before_sign(layout=Layout(body=BODY + BODY)), MalformedEnvelope),
    Attack(4, "an empty Body", before_sign(layout=Layout(body="")), MalformedEnvelope),
    Attack(4, "a payload in no namespace", before_sign(layout=Layout(body="<Query/>")), MalformedEnvelope),
    Attack(4, "text beside the payload", before_sign(layout=Layout(body="evil" + BODY)), MalformedEnvelope),
    Attack(
        4,
        "something after the Body",
        after_seal(("</soap:Envelope>", "<x:y xmlns:x='urn:x'/></soap:Envelope>")),
        MalformedEnvelope,
    ),
    Attack(
        4,
        "two Security headers",
        after_seal((_SECURITY, f'<wsse:Security xmlns:wsse="{WSSE}"/>{_SECURITY}')),
        SecurityHeaderInvalid,
    ),
    Attack(
        4,
        "a Security header for another actor",
        after_seal((_SECURITY, _SECURITY + 'soap:actor="urn:other" ')),
        SecurityHeaderInvalid,
    ),
    Attack(
        4,
        "two SignedInfo",
        in_tree(lambda root: part(root, "Signature").insert(0, deepcopy(part(root, "SignedInfo")))),
        SecurityHeaderInvalid,
    ),
    Attack(4, "encodingStyle", after_seal(("<soap:Body", '<soap:Body soap:encodingStyle="x"')), MalformedEnvelope),
    Attack(
        4,
        "encodingStyle on the Header",
        after_seal(("<soap:Header", '<soap:Header soap:encodingStyle="x"')),
        MalformedEnvelope,
    ),
    Attack(
        4,
        "an attribute of SOAP on the Body",
        after_seal(("<soap:Body", '<soap:Body soap:mustUnderstand="1"')),
        MalformedEnvelope,
    ),
    Attack(4, "no Envelope", BODY.encode, MalformedEnvelope),
    Attack(4, "a SOAP of another time", lambda: _ENVELOPE.replace(SOAP11, "urn:soap").encode(), SoapVersionMismatch),
    Attack(5, "two Timestamps", after_seal((_END, TIMESTAMP + _END)), SecurityHeaderInvalid),
    Attack(
        5,
        "a second wsa:To, signed",
        signed_with(f'<wsa:To wsu:Id="Two">{ADDRESS}</wsa:To>', "Two"),
        AddressingHeaderInvalid,
    ),
    Attack(
        5,
        "a second wsa:To, not signed",
        before_sign(("<wsa:Action", f"<wsa:To>{ADDRESS}</wsa:To><wsa:Action")),
        PartNotSigned,
    ),
    Attack(6, "no Header", _ENVELOPE.encode, SecurityHeaderInvalid),
    Attack(6, "no Security header", in_tree(lambda root: root[0].remove(root[0][-1])), SecurityHeaderInvalid),
    Attack(6, "no Signature", Layout(order=("timestamp", "token")).text, SecurityHeaderInvalid),
    Attack(
        6,
        "no Timestamp",
        before_sign((reference_template("TS"), ""), layout=Layout(order=("token", "signature"))),
        SecurityHeaderInvalid,
    ),
    Attack(
        6,
        "a Signature without references",
        in_tree(lambda root: etree.strip_elements(root, f"{{{DS}}}Reference")),
        SecurityHeaderInvalid,
    ),
    *(
        Attack(6, f"{name} is not signed", before_sign((reference_template(name), "")), PartNotSigned)
        for name in ("Body", "TS", "To", "Action", "MessageID", "ReplyTo")
    ),
    Attack(
        6,
        "X509 is not signed",
        before_sign((reference_template("X509"), "")),
        None,
        reason="a pinned certificate is known from the court's own settings; WSS4J and node-soap do not sign the token",
        remark="GFIPM S2S: the token is not signed",
    ),
    Attack(
        6,
        "a token that an authority vouches for is not signed",
        before_sign((reference_template("X509"), ""), layout=Layout(identity=pki().chained)),
        PartNotSigned,
    ),
    Attack(
        6,
        "a token that an authority vouches for is signed",
        before_sign(layout=Layout(identity=pki().chained)),
        None,
    ),
    *(
        Attack(
            15,
            f"an unsigned token exchanged for {whose}",
            before_sign((reference_template("X509"), ""), after=(pki().probation.certificate_text, other)),
            answer,
        )
        for whose, other, answer in (
            ("another partner's", pki().dmv.certificate_text, AlgorithmRefused),
            ("one that an authority vouches for", pki().chained.certificate_text, SignatureInvalid),
            ("another of the same key", pki().renewed(pki().probation).certificate_text, SignerNotTrusted),
        )
    ),
    *(
        Attack(6, f"no wsa:{name}", before_sign(layout=_without(name)), AddressingHeaderMissing)
        for name in ("To", "Action", "MessageID")
    ),
    Attack(
        36, "a mandatory block that nobody understands", after_seal((_SECURITY, _BLOCK.format(1))), HeaderNotUnderstood
    ),
    Attack(36, "an unknown block that may be ignored", after_seal((_SECURITY, _BLOCK.format(0))), None),
    Attack(36, "mustUnderstand=2", after_seal((_SECURITY, _BLOCK.format(2))), MalformedEnvelope),
    Attack(36, "mustUnderstand=true in SOAP 1.1", after_seal((_SECURITY, _BLOCK.format("true"))), MalformedEnvelope),
    *(
        Attack(
            36,
            f"a mandatory block for {whose} in {version.name}",
            after_seal(
                (_SECURITY, f"<x:y xmlns:x='urn:x' soap:mustUnderstand='1' soap:{role}/>{_SECURITY}"), version=version
            ),
            answer,
            reason="" if answer else "it is not for the court to understand (SOAP 1.1 4.2.2, SOAP 1.2 2.4)",
        )
        for version, whose, role, answer in (
            (SoapVersion.SOAP11, "another actor", "actor='urn:other'", None),
            (SoapVersion.SOAP11, "the next actor", f"actor='{_NEXT11}'", HeaderNotUnderstood),
            (SoapVersion.SOAP11, "an actor without name", "actor=''", HeaderNotUnderstood),
            (SoapVersion.SOAP12, "another role", "role='urn:other'", None),
            (SoapVersion.SOAP12, "no role at all", f"role='{SOAP12}/role/none'", None),
            (SoapVersion.SOAP12, "the next role", f"role='{SOAP12}/role/next'", HeaderNotUnderstood),
            (
                SoapVersion.SOAP12,
                "the ultimate receiver",
                f"role='{SOAP12}/role/ultimateReceiver'",
                HeaderNotUnderstood,
            ),
        )
    ),
    Attack(
        36,
        "mustUnderstand=2 for another actor",
        after_seal((_SECURITY, f"<x:y xmlns:x='urn:x' soap:mustUnderstand='2' soap:actor='urn:other'/>{_SECURITY}")),
        MalformedEnvelope,
    ),
    Attack(
        36,
        "a wsa block for another actor",
        after_seal(("<wsa:To ", "<wsa:To soap:actor='urn:other' ")),
        AddressingHeaderInvalid,
    ),
]
