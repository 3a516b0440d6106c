"""A proxy between a partner and the court that changes the answers on their way, and the ways in which it does."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import DS, WSA, WSSE, WSU, q
from tests.support.http_server import HttpReply, HttpRequest, http_server, url_of

Change = Callable[[_Element], None]


@dataclass
class Tampering:
    """What happens to the next answers. `court`: where queries go; `answer`: sent in place of what comes from there."""

    court: str
    change: Change | None = None
    answer: bytes | None = None
    seen: list[bytes] = field(default_factory=list)

    def tampered(self, raw: bytes) -> bytes:
        self.seen.append(raw)
        raw = self.answer or raw
        if self.change is None:
            return raw
        envelope = etree.fromstring(raw)
        self.change(envelope)
        return etree.tostring(envelope, encoding="UTF-8", xml_declaration=True)


@contextmanager
def proxy(tampering: Tampering) -> Iterator[str]:
    """Where the proxy listens."""

    def forward(path: str, headers: Mapping[str, str], body: bytes | None) -> HttpReply:
        _, mark, question = path.partition("?")
        passed = {name: headers[name] for name in ("Content-Type", "SOAPAction") if name in headers}
        try:
            answer = urlopen(Request(tampering.court + mark + question, body, passed), timeout=30)
        except HTTPError as fault:
            answer = fault
        with answer:
            content = answer.read()
            if body is not None:
                content = tampering.tampered(content)
            return HttpReply(answer.status, content, answer.headers["Content-Type"])

    def receive(request: HttpRequest) -> HttpReply:
        return forward(request.path, request.headers, request.body)

    with http_server(receive, publish=lambda path: forward(path, {}, None)) as server:
        yield f"{url_of(server)}/FCC807/1.0"


# -- ways to change an answer ------------------------------------------------------------------------------------------
def _one(envelope: _Element, name: str) -> _Element:
    (found,) = envelope.iter(name)
    return found


def amount(envelope: _Element) -> None:
    _one(envelope, "{*}BalanceDueAmount").text = "0.00"


def no_security(envelope: _Element) -> None:
    security = _one(envelope, q(WSSE, "Security"))
    cast("_Element", security.getparent()).remove(security)


def embedded_certificate(envelope: _Element) -> None:
    """The signer's certificate stands where a verifier that trusts the message would take it from."""
    token = base64.b64decode("".join((_one(envelope, q(WSSE, "BinarySecurityToken")).text or "").split()))
    info = _one(envelope, q(DS, "KeyInfo"))
    info[:] = [etree.Element(q(DS, "X509Data"))]
    etree.SubElement(info[0], q(DS, "X509Certificate")).text = base64.b64encode(token).decode()


def wrapped(name: str, change: Change, *, same_id: bool = False) -> Change:
    """The signed part moves into a header of its own; a changed copy of it stands in its place."""

    def wrap(envelope: _Element) -> None:
        part = _one(envelope, name)
        copy = deepcopy(part)
        change(copy)
        if not same_id:
            del copy.attrib[q(WSU, "Id")]
        cast("_Element", part.getparent()).replace(part, copy)
        etree.SubElement(_one(envelope, "{*}Header"), "{urn:example:wrapper}Wrapper").append(part)

    return wrap


def doubled(name: str, change: Change) -> Change:
    """A changed copy of the signed part stands before it."""

    def double(envelope: _Element) -> None:
        part = _one(envelope, name)
        copy = deepcopy(part)
        change(copy)
        del copy.attrib[q(WSU, "Id")]
        part.addprevious(copy)

    return double


def unsigned(name: str, key: Path) -> Change:
    """The court's own key signed everything but this part."""

    def sign(envelope: _Element) -> None:
        info = _one(envelope, q(DS, "SignedInfo"))
        uri = f"#{_one(envelope, name).get(q(WSU, 'Id'))}"
        (reference,) = (found for found in info.iter(q(DS, "Reference")) if found.get("URI") == uri)
        info.remove(reference)
        signer = serialization.load_pem_private_key(key.read_bytes(), None)
        assert isinstance(signer, rsa.RSAPrivateKey)
        value = signer.sign(etree.tostring(info, method="c14n", exclusive=True), padding.PKCS1v15(), hashes.SHA256())
        _one(envelope, q(DS, "SignatureValue")).text = base64.b64encode(value).decode()

    return sign


BODY: Final = "{*}Body"
TIMESTAMP: Final = q(WSU, "Timestamp")
RELATES_TO: Final = q(WSA, "RelatesTo")
