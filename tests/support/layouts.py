"""Messages laid out as other stacks lay them out: text with a signature template, for an oracle to sign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ccms_ws.contract.namespaces import EXC_C14N, SOAP11, WSA, WSSE, WSU
from ccms_ws.envelope.algorithms import ENVELOPED_SIGNATURE
from ccms_ws.envelope.identity import Identity
from tests.support.envelopes import ACTION, ADDRESS, TEST
from tests.support.oracles import reference_template, signature_template, token
from tests.support.pki import pki

BODY = f'<t:Query xmlns:t="{TEST}"><t:Case>24CR01234</t:Case></t:Query>'
TIMESTAMP = (
    '<wsu:Timestamp wsu:Id="TS"><wsu:Created>2026-03-02T17:30:00Z</wsu:Created>'
    "<wsu:Expires>2026-03-02T17:35:00Z</wsu:Expires></wsu:Timestamp>"
)


def _addressing() -> dict[str, str]:
    return {
        "To": ADDRESS,
        "Action": ACTION,
        "MessageID": "urn:uuid:6e6b5c2a-6f0c-4d0e-9a4e-3f0a4d1a2b3c",
        "ReplyTo": f"<wsa:Address>{WSA}/anonymous</wsa:Address>",
    }


@dataclass
class Layout:
    """One message. Every field is a place where stacks differ."""

    identity: Identity = field(default_factory=lambda: pki().probation)
    body: str = BODY
    envelope_attributes: str = ""
    body_attributes: str = ""
    addressing: dict[str, str] = field(default_factory=_addressing)
    order: Sequence[str] = ("timestamp", "token", "signature")
    security_first: bool = False
    reference_prefixes: Sequence[str] = ()
    method_prefixes: Sequence[str] = ()
    transforms: Sequence[str] = (EXC_C14N,)
    signed_info_indent: str = ""
    signature_attributes: str = ""
    default_namespace: bool = False

    def text(self) -> bytes:
        """The message with its signature template still empty."""
        ids = ["Body", "TS", "X509", *self.addressing]
        references = self.signed_info_indent.join(
            reference_template(part_id, self.reference_prefixes, self.transforms) for part_id in ids
        )
        signature = signature_template(references, prefixes=self.method_prefixes)
        if self.signed_info_indent:
            for tag in (
                "<ds:Transforms>",
                "</ds:Transforms>",
                "<ds:DigestValue/>",
                "</ds:SignedInfo>",
                "<ds:SignedInfo>",
            ):
                signature = signature.replace(tag, tag + self.signed_info_indent)
        if self.signature_attributes:
            signature = signature.replace("<ds:Signature ", f'<ds:Signature Id="SIG-{self.signature_attributes}" ')
            signature = signature.replace("<ds:KeyInfo>", f'<ds:KeyInfo Id="KI-{self.signature_attributes}">')
        pieces = {"timestamp": TIMESTAMP, "token": token(self.identity), "signature": signature}
        security = (
            f'<wsse:Security xmlns:wsse="{WSSE}" soap:mustUnderstand="1">'
            f"{''.join(pieces[piece] for piece in self.order)}</wsse:Security>"
        )
        blocks = "".join(
            f'<wsa:{name} wsu:Id="{name}">{content}</wsa:{name}>' for name, content in self.addressing.items()
        )
        blocks = security + blocks if self.security_first else blocks + security
        text = (
            f'<soap:Envelope xmlns:soap="{SOAP11}" xmlns:wsa="{WSA}" xmlns:wsu="{WSU}"{self.envelope_attributes}>'
            f'<soap:Header>{blocks}</soap:Header><soap:Body wsu:Id="Body"{self.body_attributes}>{self.body}</soap:Body>'
            "</soap:Envelope>"
        )
        if self.default_namespace:
            text = text.replace("soap:mustUnderstand", f'xmlns:soap="{SOAP11}" soap:mustUnderstand', 1)
            for tag in ("Envelope", "Header", "Body"):
                text = text.replace(f"<soap:{tag}", f"<{tag}").replace(f"</soap:{tag}", f"</{tag}")
            text = text.replace(f'<Envelope xmlns:soap="{SOAP11}"', f'<Envelope xmlns="{SOAP11}"', 1)
        return text.encode()


LAYOUTS: dict[str, Layout] = {
    "plain": Layout(),
    "prefix-list-on-references": Layout(reference_prefixes=["wsa", "soap", "t"]),
    "prefix-list-on-method": Layout(method_prefixes=["wsa", "soap", "wsse"]),
    "prefix-list-with-default": Layout(
        reference_prefixes=["#default", "wsa", "soap"],
        method_prefixes=["#default"],
        envelope_attributes=f' xmlns="{TEST}"',
    ),
    "prefix-list-with-default-and-none-in-scope": Layout(reference_prefixes=["#default"]),
    "prefix-list-of-unknown-prefixes": Layout(reference_prefixes=["nobody", "declares", "these"]),
    "prefix-list-pins-xsi-type": Layout(
        reference_prefixes=["k"],
        envelope_attributes=' xmlns:k="urn:kinds"',
        body=BODY.replace(
            "<t:Case>", '<t:Case xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="k:Number">'
        ),
    ),
    "xsi-type-with-a-prefix-in-use": Layout(
        body=BODY.replace(
            "<t:Case>", '<t:Case xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="t:Number">'
        ),
    ),
    "enveloped-signature-transform": Layout(transforms=[ENVELOPED_SIGNATURE, EXC_C14N]),
    "ids-on-signature-and-key-info": Layout(signature_attributes="1"),
    "timestamp-after-signature": Layout(order=("token", "signature", "timestamp")),
    "timestamp-between": Layout(order=("token", "timestamp", "signature")),
    "token-after-signature": Layout(order=("timestamp", "signature", "token")),
    "default-namespace-on-envelope": Layout(default_namespace=True),
    "default-namespace-on-body": Layout(body_attributes=' xmlns="urn:example:other"'),
    "default-namespace-on-payload": Layout(
        body=f'<Query xmlns="{TEST}"><Case>24CR01234</Case><x:Extra xmlns:x="urn:x" xmlns=""><bare/></x:Extra></Query>'
    ),
    "two-prefixes-for-one-namespace": Layout(
        body=f'<t:Query xmlns:t="{TEST}" xmlns:u="{TEST}"><u:Case u:kind="a" t:other="b">24CR01234</u:Case></t:Query>'
    ),
    "whitespace-in-signed-info": Layout(signed_info_indent="\n      "),
    "whitespace-around-payload": Layout(body=f"\n    {BODY}\n  "),
    "carriage-returns-around-payload": Layout(body=f"\r\n&#13;\t{BODY}&#13;\r\n"),
    "cdata-in-body": Layout(body=BODY.replace("24CR01234", "<![CDATA[24<CR>&01234]]>")),
    "comments-in-body": Layout(body="<!--1-->" + BODY.replace("24CR01234", "24CR<!-- 2 -->01234") + "<!--3-->"),
    "carriage-return-in-text": Layout(body=BODY.replace("24CR01234", "24CR&#13;\r\n01234")),
    "non-ascii": Layout(body=BODY.replace("24CR01234", "Núñez 王 \U0001f600")),
    "reply-to-with-children": Layout(
        addressing=_addressing()
        | {"ReplyTo": f"<wsa:Address>{WSA}/anonymous</wsa:Address><wsa:ReferenceParameters/><wsa:Metadata/>"}
    ),
    "header-blocks-in-another-order": Layout(
        addressing=dict(reversed(_addressing().items())), security_first=True
    ),
}  # fmt: skip
"""What `security.md` 6 says must be accepted, by name."""
