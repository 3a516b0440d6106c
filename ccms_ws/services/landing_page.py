"""The page at `/`: services, operations, versions, files, security policy and codes, for a person in a browser."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.codes import CodeList, CodeLists
from ccms_ws.contract.policy import in_words
from ccms_ws.contract.wsdl import WsdlOperation, published_queries
from ccms_ws.envelope.policy import Profile
from ccms_ws.services.soap import SoapService
from ccms_ws.services.wire_profile import describe

if TYPE_CHECKING:
    from ccms_ws.services.published_contract import Publisher

_STYLE: Final = resources.files(__package__).joinpath("page.css").read_text("utf-8")
STYLE_HASH: Final = f"sha256-{b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}"
"""What the Content-Security-Policy of the page allows as its style."""

_PURPOSES: Final = {
    "xsd=exchange/": "the messages",
    "xsd=extension.xsd": "what all exchanges share",
    "xsd=fault.xsd": "the detail of a refusal",
    "xsd=niem/": "NIEM 2.1, the part that is used",
}


def front_page(publisher: Publisher, services: Sequence[SoapService]) -> str:
    """The whole page."""
    court = escape(publisher.court.name)
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Data exchanges of {court}</title>\n<style>{_STYLE}</style></head><body>",
            f"<h1>Data exchanges</h1>\n<p>{court}, ORI <code>{escape(publisher.court.ori)}</code></p>",
            _TEST if publisher.test else "",
            *_overview(publisher.public_url, services),
            *(line for service in services for line in _service(publisher, service)),
            *_security(publisher),
            *_codes(publisher.codes),
            '<p class="quiet">The namespaces, names and codes of these exchanges are this project\'s own; no authority '
            "published any.</p></body></html>\n",
        )
    )


_WEAKER: Final = {
    Profile.TLS_ENDORSING_TIMESTAMP: (
        "tls-endorsing-timestamp. Only the Timestamp is signed, over mutual TLS; what the message says rests on the "
        "connection alone. The policy in the WSDL does not hold for these."
    ),
    Profile.MTLS_ONLY: (
        "mtls-only. Nothing is signed; the partner is known by its TLS certificate alone, and may only answer what the "
        "court has sent. The policy in the WSDL does not hold for these."
    ),
}
_TEST = (
    '<p class="test"><strong>A test endpoint.</strong> It takes messages whose TestIndicator is true and no others.</p>'
)


def _overview(public_url: str, services: Sequence[SoapService]) -> Iterator[str]:
    yield (
        '<p class="quiet">SOAP 1.1 and 1.2 over HTTP POST, document/literal; each address takes both versions.</p>'
        '<p><a href="#security">What must be signed</a> · <a href="#again">Sending again</a> · '
        '<a href="#codes">Codes</a></p>'
    )
    yield _table(
        ("Exchange", "Version", "Begun by", "Address"),
        (
            (
                f'<a href="#{_id(service)}">{escape(service.exchange.code)}</a> {escape(service.exchange.title)}',
                escape(service.exchange.version),
                escape(service.exchange.direction.value),
                f"<code>{escape(public_url + service.exchange.path)}</code>",
            )
            for service in services
        ),
    )


# -- one service -------------------------------------------------------------------------------------------------------
def _service(publisher: Publisher, service: SoapService) -> Iterator[str]:
    exchange, url = service.exchange, publisher.public_url + service.exchange.path
    version = f'<span class="version">{escape(exchange.version)}</span>'
    yield f'<h2 id="{_id(service)}">{escape(exchange.code)} {version} {escape(exchange.title)}</h2>'
    yield f"<p>{escape(service.wsdl.documentation)}</p>"
    facts = [("Address", f"<code>{escape(url)}</code>"), ("Messages", f"<code>{escape(exchange.namespace)}</code>")]
    if exchange.notification is not None:
        sent = f"<code>{escape(_local(exchange.notification.root))}</code>, to the partner's own address"
        facts.append(("The court sends", sent))
    yield _facts(facts)
    yield "<h3>Operations</h3>"
    for operation in service.wsdl.operations.values():
        yield _operation(operation)
    yield "<h3>Files</h3>"
    yield (
        f'<p><a href="{escape(url)}?wsdl">WSDL</a> for your toolkit, or '
        f'<a class="download" href="{escape(url)}?export">everything as a ZIP</a> '
        "with policy, codes, signed samples and a guide.</p>"
    )
    yield _details("Samples", _links(url, [(f"sample={quote(name)}", _sample(name)) for name in _samples(service)]))
    files = [(query, _file(query)) for query in published_queries(exchange.service)[1:]]
    yield _details("WSDLs and schemas that the WSDL imports", _links(url, files))
    lists = [each for each in publisher.codes if exchange.code in each.exchanges]
    links = (f'<a href="#codes-{each.name}">{escape(each.title)}</a>' for each in lists)
    yield f"<p>Codes: {', '.join(links)}.</p>"


def _operation(operation: WsdlOperation) -> str:
    facts = [("You send", _name(operation.input))]
    if operation.output is None:
        facts.append(("You get", "202 with an empty body"))
    elif operation.output:
        facts.append(("You get", _name(operation.output)))
    facts += [("or the fault with", _name(fault.element)) for fault in operation.faults.values()]
    facts.append(("wsa:Action", f"<code>{escape(operation.input_action)}</code>"))
    name, words = escape(operation.name), escape(operation.documentation)
    return f'<p class="operation"><strong>{name}</strong>: {words}</p>{_facts(facts)}'


def _samples(service: SoapService) -> tuple[str, ...]:
    return catalog.samples_of(service.exchange.namespace)


def _sample(name: str) -> str:
    return f"{name}: {_local(str(catalog.parse(catalog.xsd_path(f'samples/{name}.xml')).tag))}"


def _file(query: str) -> str:
    """A file as its link says it: its name, and what is in it."""
    name = query.partition("=")[2]
    purpose = next((words for start, words in _PURPOSES.items() if query.startswith(start)), "messages and operations")
    return f"{name}: {purpose}"


# -- what holds for all ------------------------------------------------------------------------------------------------
def _security(publisher: Publisher) -> Iterator[str]:
    yield '<h2 id="security">What must be signed</h2>'
    yield "<p>The policy in each WSDL states the same for a program.</p>"
    yield _facts((escape(heading), escape(words)) for heading, words in in_words(describe(publisher.policy)))
    for profile in publisher.weaker_profiles:
        # Whose it is does not stand here: it would say where the court is easier to deceive.
        yield f'<p class="test"><strong>Weaker, agreed with single partners:</strong> {escape(_WEAKER[profile])}</p>'
    yield '<h2 id="again">Sending again</h2>'
    yield (
        "<p>If no answer comes, send the same message again: same MessageID, same Body, fresh Timestamp and signature. "
        "It has its effect once; the answer is the same.</p>"
    )


def _codes(lists: CodeLists) -> Iterator[str]:
    yield '<h2 id="codes">Codes</h2>'
    for codes in lists:
        kind = "closed: part of the schema" if codes.closed else "open: codes can be added without a new version"
        # A browser opens what a link leads into, not what it leads to.
        intro = f'<p class="quiet" id="codes-{escape(codes.name)}">{escape(codes.source)} {kind.capitalize()}.</p>'
        title = f"{escape(codes.title)} <code>{escape(codes.element)}</code> ({len(codes.codes)})"
        yield _details(title, intro + _code_table(codes))


def _code_table(codes: CodeList) -> str:
    def extra(code: str) -> str:
        entry = codes[code]
        if entry.resend is not None:
            return "send again" if entry.resend else ""
        return escape(entry.outcome)

    heads = ("Code", "Meaning", "", "Used from")
    used = {
        code.code: str(code.effective) + (f" until {code.ended}" if code.ended else "") for code in codes.codes.values()
    }
    return _table(
        heads,
        ((f"<code>{escape(c)}</code>", escape(codes[c].text), extra(c), escape(day)) for c, day in used.items()),
    )


# -- HTML --------------------------------------------------------------------------------------------------------------
def _id(service: SoapService) -> str:
    return escape(f"{service.exchange.code}-{service.exchange.version}")


def _local(name: str) -> str:
    return etree.QName(name).localname


def _name(element: str) -> str:
    return f"<code>{escape(_local(element))}</code>"


def _links(url: str, queries: Iterable[tuple[str, str]]) -> str:
    items = (f'<li><a href="{escape(f"{url}?{query}")}">{escape(words)}</a></li>' for query, words in queries)
    return f"<ul>{''.join(items)}</ul>"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{heading}</dt><dd>{content}</dd>' for heading, content in facts)}</dl>"


def _details(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; on a narrow screen each cell says its heading itself."""
    head = "".join(f"<th>{name}</th>" for name in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-is="{name}">{cell}</td>' if name else f"<td>{cell}</td>"
            for name, cell in zip(heads, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
