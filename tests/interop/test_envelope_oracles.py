"""What we seal, other implementations accept; what they sign, we accept; what they refuse, we refuse."""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.contract.namespaces import DS, SOAP11, XSI
from ccms_ws.envelope.algorithms import (
    ECDSA_SHA256,
    ECDSA_SHA384,
    RSA_PSS_SHA256,
    RSA_PSS_SHA384,
    RSA_PSS_SHA512,
    RSA_SHA256,
    RSA_SHA384,
    RSA_SHA512,
    SHA384,
    SHA512,
)
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.envelope.streaming import seal_stream
from ccms_ws.errors import CcmsWsError
from tests.support.envelopes import CLOCK, NS, POLICY, TEST, addressing, opened, sealed
from tests.support.layouts import Layout
from tests.support.oracles import (
    XMLSEC1,
    certificate_pem,
    key_pem,
    libxmlsec_sign,
    libxmlsec_verifies,
    stock_signxml_sign,
    stock_signxml_verify,
    xmlsec1,
)
from tests.support.pki import pki

JAVA = shutil.which("java")
JDK_SOURCE = Path(__file__).with_name("jdk") / "Signatures.java"
WHO = ["probation", "dmv", "ftb"]
METHODS = {
    "probation": [RSA_SHA256, RSA_SHA384, RSA_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512],
    "dmv": [ECDSA_SHA256],
    "ftb": [ECDSA_SHA384],
}
ODD_PAYLOADS = {
    "plain": f'<t:Query xmlns:t="{TEST}"><t:Case>1</t:Case></t:Query>',
    "default-namespace": f'<Query xmlns="{TEST}"><Case>1</Case><a xmlns="">2</a></Query>',
    "carriage-return": f'<t:Query xmlns:t="{TEST}"><t:Case k="&#13;&#10;&#9;">1&#13;\n2</t:Case></t:Query>',
    "non-ascii": f'<t:Query xmlns:t="{TEST}"><t:Case>Núñez 王 \U0001f600 &lt;&amp;&gt;"</t:Case></t:Query>',
    "empty": f'<t:Query xmlns:t="{TEST}"/>',
    "same-namespace-twice": f'<t:Query xmlns:t="{TEST}" xmlns:u="{TEST}"><u:Case u:a="1" t:b="2"/></t:Query>',
    "soap-inside": f'<t:Query xmlns:t="{TEST}" xmlns:soap="{SOAP11}"><soap:Odd/></t:Query>',
    "xsi-type": f'<t:Query xmlns:t="{TEST}" xmlns:xsi="{XSI}"><t:Case xsi:type="t:Kind">1</t:Case></t:Query>',
    "cdata": f'<t:Query xmlns:t="{TEST}"><t:Case><![CDATA[<1> & ]]>2</t:Case></t:Query>',
    "comments": f'<t:Query xmlns:t="{TEST}"><!--1--><t:Case>1<!--2-->2</t:Case><!--3--></t:Query>',
    "xml-attributes": f'<t:Query xmlns:t="{TEST}"><t:Case xml:lang="en" xml:space="preserve"> 1 </t:Case></t:Query>',
}


@pytest.mark.parametrize(("who", "reference", "version"), list(product(WHO, TokenReference, SoapVersion)))
def test_libxmlsec_and_stock_signxml_accept_what_we_seal(
    who: str, reference: TokenReference, version: SoapVersion
) -> None:
    identity = getattr(pki(), who)
    raw = to_bytes(sealed(by=identity, reference=reference, version=version))
    assert libxmlsec_verifies(raw, identity)
    stock_signxml_verify(raw, identity, references=7 if reference is TokenReference.DIRECT else 6)
    assert opened(raw).version is version


@pytest.mark.parametrize("version", SoapVersion)
def test_libxmlsec_signxml_and_xmlsec1_accept_what_we_seal_piece_by_piece(version: SoapVersion, tmp_path: Path) -> None:
    pieces = [f'<t:Query xmlns:t="{TEST}">'.encode(), *["<t:Case>Núñez &amp; 1</t:Case>".encode()] * 20, b"</t:Query>"]
    who = pki().probation
    raw = b"".join(seal_stream(pieces, addressing(), version, identity=who, policy=POLICY, clock=CLOCK))
    assert libxmlsec_verifies(raw, who)
    stock_signxml_verify(raw, who, references=7)
    if XMLSEC1:
        assert xmlsec1("--verify", raw, who, tmp_path).returncode == 0


def _odd(name: str) -> etree._Element:
    """The payload as a library would hand it over that keeps CDATA and comments."""
    return etree.fromstring(ODD_PAYLOADS[name], etree.XMLParser(strip_cdata=False))


@pytest.mark.parametrize(("who", "version", "name"), list(product(WHO, SoapVersion, ODD_PAYLOADS)))
def test_odd_payloads_are_sealed_as_other_implementations_read_them(who: str, version: SoapVersion, name: str) -> None:
    identity = getattr(pki(), who)
    for reference in TokenReference:
        raw = to_bytes(sealed(_odd(name), by=identity, version=version, reference=reference))
        assert libxmlsec_verifies(raw, identity)
        stock_signxml_verify(raw, identity, references=7 if reference is TokenReference.DIRECT else 6)
        assert opened(raw).payload.tag == f"{{{TEST}}}Query"
        assert opened(raw).content_digest == hashlib.sha256(canonical(_odd(name))).digest()


@pytest.mark.parametrize("method", METHODS["probation"])
def test_every_rsa_algorithm_that_we_seal_with_is_accepted(method: str) -> None:
    policy = SecurityPolicy(rsa_signature=method, digest=SHA512 if method == RSA_SHA512 else SHA384)
    raw = to_bytes(sealed(policy=policy))
    assert libxmlsec_verifies(raw, pki().probation)
    stock_signxml_verify(raw, pki().probation, references=7)
    assert opened(raw).partner_id == "adult-probation"


@pytest.mark.parametrize(("who", "method"), [(who, method) for who in WHO for method in METHODS[who]])
def test_what_stock_signxml_signs_is_accepted(who: str, method: str) -> None:
    identity = getattr(pki(), who)
    text = Layout(identity=identity).text()
    raw = stock_signxml_sign(text, identity, ["Body", "TS", "X509", "To", "Action", "MessageID", "ReplyTo"], method)
    assert opened(raw).certificate == identity.certificate


@pytest.mark.parametrize(
    "changed", ["24CR", "17:30", "addressing/anon", "urn:uuid:", "DigestValue>", "SignatureValue>"]
)
def test_what_libxmlsec_refuses_we_refuse(changed: str) -> None:
    raw = to_bytes(sealed()).decode()
    place = raw.index(changed) + len(changed)
    while not raw[place].isalnum():
        place += 1
    tampered = (raw[:place] + ("1" if raw[place] != "1" else "2") + raw[place + 1 :]).encode()
    assert not libxmlsec_verifies(tampered, pki().probation)
    with pytest.raises(CcmsWsError):
        opened(tampered)


_SNIPPETS = [
    "", " ", "\n", "\t", "&#13;", "&#32;", "<!--x-->", "<x/>", "<![CDATA[]]>", "x", "=", "#", ' Id="x"',
    ' xmlns="urn:x"',
    ' xmlns:x="urn:x"', ' xmlns:x="rel"', f' xmlns:ds="{DS}"', ' xmlns:ds="urn:x"', ' xml:lang="en"', ' Type="x"',
    "<ds:Transform/>", "</ds:Transform>", '"', "'", "/", "ds:", "<ds:SignedInfo>", "</ds:SignedInfo>", "&amp;", "?",
]  # fmt: skip
_PLACES = ["<ds:", "</ds:", '="', '"', "/>", ">", " Algorithm", "URI", "DigestValue>", "#"]


def test_whatever_is_done_to_a_signed_info_we_accept_no_more_than_libxmlsec() -> None:
    """Also where our shortcuts read a SignedInfo by its text."""
    raw = to_bytes(sealed()).decode()
    start, end = raw.index("<ds:SignedInfo"), raw.index("<ds:SignatureValue>")
    chance, accepted = random.Random(907), 0
    for _ in range(1500):
        part = raw[start:end]
        for _ in range(chance.randint(1, 2)):
            place = chance.choice([match.start() for match in re.finditer(re.escape(chance.choice(_PLACES)), part)])
            place += chance.randint(0, 3)
            part = part[:place] + chance.choice(_SNIPPETS) + part[place + chance.choice([0, 0, 0, 1, 2]) :]
        changed = (raw[:start] + part + raw[end:]).encode()
        try:
            opened(changed)
        except CcmsWsError:
            continue
        accepted += 1
        assert libxmlsec_verifies(changed, pki().probation), part
    assert accepted > 20, "it should not be all about refusals"


@pytest.mark.skipif(XMLSEC1 is None, reason="the xmlsec1 command is not installed")
class TestXmlsec1Command:
    @pytest.mark.parametrize("version", SoapVersion)
    def test_it_verifies_what_we_seal(self, version: SoapVersion, tmp_path: Path) -> None:
        raw = to_bytes(sealed(version=version))
        verdict = xmlsec1("--verify", raw, pki().probation, tmp_path)
        assert verdict.returncode == 0, verdict.stderr
        assert b"7/7" in verdict.stderr

    @pytest.mark.parametrize(("who", "reference"), list(product(WHO, TokenReference)))
    def test_it_verifies_every_key_with_every_reference(
        self, who: str, reference: TokenReference, tmp_path: Path
    ) -> None:
        identity = getattr(pki(), who)
        raw = to_bytes(sealed(by=identity, reference=reference))
        verdict = xmlsec1("--verify", raw, identity, tmp_path)
        assert verdict.returncode == 0, verdict.stderr

    @pytest.mark.parametrize(("who", "name"), list(product(WHO, ODD_PAYLOADS)))
    def test_it_verifies_odd_payloads(self, who: str, name: str, tmp_path: Path) -> None:
        identity = getattr(pki(), who)
        for version in SoapVersion:
            raw = to_bytes(sealed(_odd(name), by=identity, version=version))
            verdict = xmlsec1("--verify", raw, identity, tmp_path)
            assert verdict.returncode == 0, verdict.stderr

    def test_it_refuses_what_was_changed(self, tmp_path: Path) -> None:
        raw = to_bytes(sealed()).replace(b"24CR01234", b"24CR99999")
        assert xmlsec1("--verify", raw, pki().probation, tmp_path).returncode != 0

    def test_we_accept_what_it_signed_from_a_template(self, tmp_path: Path) -> None:
        signed = xmlsec1("--sign", Layout().text(), pki().probation, tmp_path)
        assert signed.returncode == 0, signed.stderr
        assert opened(signed.stdout).payload.findtext("t:Case", namespaces=NS) == "24CR01234"


@pytest.fixture(scope="module")
def jdk_verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    directory = tmp_path_factory.mktemp("jdk")
    messages = {
        f"{name}-{version.name}": sealed(_odd(name), version=version)
        for name in ODD_PAYLOADS
        for version in SoapVersion
    }
    messages |= {
        f"{method.rpartition('#')[2]}": sealed(policy=replace(POLICY, rsa_signature=method))
        for method in METHODS["probation"]
    }
    messages |= {f"reference-{kind.value}": sealed(reference=kind) for kind in TokenReference}
    raw = {name: to_bytes(message) for name, message in messages.items()}
    raw["tampered"] = to_bytes(sealed()).replace(b"24CR01234", b"24CR99999")
    return _jdk_verdicts(directory, pki().probation, raw)


def _jdk_verdicts(directory: Path, identity: Identity, messages: Mapping[str, bytes]) -> dict[str, str]:
    """Whether the JDK verifies each of the messages with the identity's certificate: "true" or "false"."""
    (directory / "cert.pem").write_bytes(certificate_pem(identity))
    for name, raw in messages.items():
        (directory / f"{name}.xml").write_bytes(raw)
    files = sorted(directory.glob("*.xml"))
    assert JAVA
    output = subprocess.run(
        [JAVA, JDK_SOURCE, "verify", directory / "cert.pem", *files], capture_output=True, check=True, text=True
    ).stdout
    return {Path(line.split()[0]).stem: line.split()[1] for line in output.splitlines()}


@pytest.mark.skipif(JAVA is None, reason="no JDK is installed")
class TestJdk:
    """The JDK's own XML signature; one process for all messages, because it takes a second to start."""

    def test_it_accepts_what_we_seal(self, jdk_verdicts: dict[str, str]) -> None:
        verdicts = dict(jdk_verdicts)
        assert verdicts.pop("tampered") == "false"
        assert len(verdicts) == 2 * len(ODD_PAYLOADS) + 10
        assert set(verdicts.values()) == {"true"}, verdicts

    @pytest.mark.parametrize("who", ["dmv", "ftb"])
    def test_it_accepts_every_other_key_and_reference_too(self, who: str, tmp_path: Path) -> None:
        identity = getattr(pki(), who)
        messages = {
            f"{reference.value}-{version.name}-{name}": to_bytes(
                sealed(_odd(name), by=identity, reference=reference, version=version)
            )
            for reference, version, name in product(TokenReference, SoapVersion, ODD_PAYLOADS)
        }
        verdicts = _jdk_verdicts(tmp_path, identity, messages)
        assert verdicts == dict.fromkeys(sorted(messages), "true")

    @pytest.mark.parametrize("who", ["probation", "dmv"])
    def test_we_accept_what_it_signs(self, who: str, tmp_path: Path) -> None:
        identity = getattr(pki(), who)
        (tmp_path / "key.pem").write_bytes(key_pem(identity))
        (tmp_path / "in.xml").write_bytes(Layout(identity=identity).text())
        assert JAVA
        subprocess.run(
            [JAVA, JDK_SOURCE, "sign", tmp_path / "key.pem", "RSA" if who == "probation" else "EC", METHODS[who][0],
             tmp_path / "in.xml", tmp_path / "out.xml", "Body", "TS", "X509", "To", "Action", "MessageID", "ReplyTo"],
            check=True, capture_output=True,
        )  # fmt: skip
        assert opened((tmp_path / "out.xml").read_bytes()).certificate == identity.certificate


def test_a_signature_of_libxmlsec_with_the_wrong_key_is_refused() -> None:
    raw = libxmlsec_sign(Layout().text(), pki().court)
    with pytest.raises(CcmsWsError, match="does not verify"):
        opened(raw)
