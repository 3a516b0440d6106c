"""The page at `/`: services, operations, versions and the security policy in words, for a person in a browser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from lxml import etree

from ccms_ws.contract.wsdl import WsdlOperation
from ccms_ws.services.soap import SoapService

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>ccms_ws: data exchanges of this court</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem }}
h1 {{ font-size: 1.6rem; margin-bottom: .2rem }} h2 {{ font-size: 1.2rem; margin: 2rem 0 .3rem }}
table {{ border-collapse: collapse; width: 100%; margin: .6rem 0 }}
th, td {{ text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-bottom: 1px solid #d8dee4 }}
code {{ font: .9em ui-monospace, monospace; overflow-wrap: anywhere }} .quiet {{ color: #57606a }}
</style></head><body>
<h1>Data exchanges of this court</h1>
<p class="quiet">SOAP 1.1 and 1.2 over HTTP POST, document/literal. Each address below takes both versions.</p>
{services}
<h2>What must be signed</h2>
<p>Every message carries one <code>wsse:Security</code> header with a <code>wsu:Timestamp</code> (UTC, at most five
minutes long), an X.509v3 <code>wsse:BinarySecurityToken</code> and one <code>ds:Signature</code> over the Body, the
Timestamp, every WS-Addressing header and the token: exclusive C14N, SHA-256, RSA-SHA256 (2048 bits or more) or
ECDSA-SHA256. <code>wsa:To</code>, <code>wsa:Action</code> and <code>wsa:MessageID</code> are required;
<code>wsa:MessageID</code> is <code>urn:uuid:</code> and the message's TransactionID. Answers are signed by the court in
the same way. The court must know your certificate beforehand.</p>
<h2>Sending again</h2>
<p>If no answer comes, send the same message again: same MessageID, same Body, fresh Timestamp and signature. It has its
effect once; the answer is the same.</p>
<p class="quiet">The namespaces and codes of these exchanges are this project's own; no authority published any.</p>
</body></html>
"""


def front_page(public_url: str, services: Sequence[SoapService]) -> str:
    """The whole page."""
    return _PAGE.format(services="\n".join(_service(public_url, service) for service in services))


def _service(public_url: str, service: SoapService) -> str:
    exchange, url = service.exchange, public_url + service.exchange.path
    rows = "".join(_operation(operation) for operation in service.wsdl.operations.values())
    return (
        f"<h2>{escape(exchange.code)} {escape(exchange.version)}: {escape(exchange.title)}</h2>"
        f'<p>Address <code>{escape(url)}</code>, contract <a href="{escape(url)}?wsdl">WSDL</a></p>'
        f"<table><tr><th>Operation</th><th>You send</th><th>You get</th><th>Action</th></tr>{rows}</table>"
    )


def _operation(operation: WsdlOperation) -> str:
    cells = (
        f"<code>{escape(operation.name)}</code>",
        f"<code>{escape(etree.QName(operation.input).localname)}</code>",
        "<br>".join(_answers(operation)),
        f"<code>{escape(operation.input_action)}</code>",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _answers(operation: WsdlOperation) -> Iterator[str]:
    if operation.output is None:
        yield "202, empty"
    elif operation.output:
        yield f"<code>{escape(etree.QName(operation.output).localname)}</code>"
    for fault in operation.faults.values():
        yield f"or the fault <code>{escape(etree.QName(fault.element).localname)}</code>"
