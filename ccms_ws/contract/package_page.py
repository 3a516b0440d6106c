"""The reading guide of an exported contract: what lies where, who sends what, what must be signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.codes import CodeList
from ccms_ws.contract.namespaces import EXT, q
from ccms_ws.contract.policy import WireProfile, in_words
from ccms_ws.contract.wsdl import Wsdl, load_wsdl


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an exported contract holds."""

    code: str
    version: str
    title: str
    url: str
    service: str
    schema: str
    partner_wsdls: Sequence[str]
    samples: Sequence[str]
    lists: Sequence[CodeList]
    profile: WireProfile


def reading_guide(contents: Contents) -> str:
    """The guide in Markdown."""
    parts = (_files, _operations, _security, _samples, _toolkits, _codes)
    return "\n".join(line for part in parts for line in part(contents)) + "\n"


def _files(contents: Contents) -> Iterator[str]:
    yield f"# {contents.code} {contents.version}: {contents.title}"
    yield ""
    yield "Read in this order:"
    yield ""
    yield "1. this page: who sends what, and what must be signed;"
    yield "2. a sample in `samples/`, beside it the signed envelope in `samples/signed/`;"
    yield f"3. `{contents.schema}`, which documents every element;"
    yield "4. the WSDL, with your toolkit."
    yield ""
    yield "| file | what it is |"
    yield "|---|---|"
    yield f"| `wsdl/{contents.service}` | the court's service: address, bindings, policy; for your toolkit |"
    for wsdl in contents.partner_wsdls:
        kind = "in the HTTP response" if "synchronous" in wsdl else "later, as messages of their own"
        yield f"| `wsdl/{wsdl}` | what a partner publishes who answers {kind}; your own WSDL can take its place |"
    yield f"| `{contents.schema}` | the messages; all other schemas in `xsd/` are imported by it |"
    yield "| `policy.xml` | what must be signed, as WS-SecurityPolicy |"
    yield "| `samples/` | a payload for every message |"
    yield "| `samples/signed/` | the same as they travel, in SOAP 1.1 and 1.2 |"
    yield "| `codes/` | the code lists, with the day from which each code is used |"
    yield "| `test-key/` | the key that signed the samples; it is public and worth nothing |"
    yield "| `SHA256SUMS` | `sha256sum -c SHA256SUMS` |"
    yield ""
    yield "The namespaces, names and codes are this project's own; no authority published any for this exchange."
    yield ""


def _operations(contents: Contents) -> Iterator[str]:
    yield "## What is sent"
    yield ""
    yield f"The court's service, at `{contents.url}` (SOAP 1.1 and 1.2, document/literal):"
    yield ""
    yield from _table(load_wsdl(contents.service))
    for wsdl in contents.partner_wsdls:
        yield f"What the court sends to a partner, by `wsdl/{wsdl}`:"
        yield ""
        yield from _table(load_wsdl(wsdl))


def _table(wsdl: Wsdl) -> Iterator[str]:
    yield "| operation | message | answer | wsa:Action |"
    yield "|---|---|---|---|"
    for operation in wsdl.operations.values():
        answers = [] if operation.output is None else [_message(operation.output) or "an empty Body"]
        answers += [f"or the fault {_message(fault.element)}" for fault in operation.faults.values()]
        answer = ", ".join(answers) or "202, empty"
        yield f"| {operation.name} | {_message(operation.input)} | {answer} | `{operation.input_action}` |"
    yield ""


def _message(element: str) -> str:
    return f"`{etree.QName(element).localname}`" if element else ""


def _security(contents: Contents) -> Iterator[str]:
    yield "## What must be signed"
    yield ""
    for heading, words in in_words(contents.profile):
        yield f"- **{heading}.** {words}"
    yield ""
    yield "If no answer comes, send the same message again: same MessageID, same Body, fresh Timestamp and signature."
    yield "It has its effect once; the answer is the same."
    yield ""


def _samples(contents: Contents) -> Iterator[str]:
    yield "## Try your verifier"
    yield ""
    yield "Every file in `samples/signed/` is signed with `test-key/published-test.key`. To verify one, trust"
    yield "`test-key/published-test.crt` for this test only and set your clock to the moment of the signature:"
    yield ""
    yield "| sample | message | signed at |"
    yield "|---|---|---|"
    for name in contents.samples:
        root = etree.fromstring(catalog.sample(name))
        at = root.findtext(f"{q(EXT, 'MessageMetadata')}/{q(EXT, 'MessageDateTime')}")
        yield f"| `{name}.xml` | {_message(str(root.tag))} | {at} |"
    yield ""
    yield "Then change one character of the Body: your verifier must refuse it."
    yield ""


def _toolkits(_: Contents) -> Iterator[str]:
    yield "## With your toolkit"
    yield ""
    yield "These read the WSDL as it is published; the first three make typed calls that the court takes."
    yield ""
    yield "- **Python, zeep**: `ccms_ws.clients.EnvelopeSecurity` is a `wsse` object for an unmodified `zeep.Client`."
    yield "- **node, soap 1.13**: `WSSecurityCert` with `idMode: 'wssecurity'`; name `wsa:To`, `wsa:Action`,"
    yield "  `wsa:MessageID` and `wsse:BinarySecurityToken` in `additionalReferences`. Its own Timestamp claims ten"
    yield "  minutes, and the message is valid for five all the same."
    yield "- **PHP, SoapClient**: override `__doRequest`, and sign the envelope there with DOM and OpenSSL."
    yield "- **C and C++, gSOAP**: `wsdl2h` and `soapcpp2` generate the code."
    yield "- **Java, CXF**: set `ws-security.asymmetric.signature.algorithm` to RSA-SHA256's URI, give the MessageID"
    yield "  yourself, and for faults of SOAP 1.2 set `org.apache.cxf.transport.process_fault_on_http_400`."
    yield ""
    yield "Programs in these and other languages, and what each stack needs, come with ccms_ws: `tools/clients/` and"
    yield "the document INTEGRATING."
    yield ""


def _codes(contents: Contents) -> Iterator[str]:
    yield "## Codes"
    yield ""
    for codes in contents.lists:
        kind = "closed" if codes.closed else "open"
        yield f"- `codes/{codes.name}.toml`: {codes.title} (`{codes.element}`, {kind}). {codes.source}"
