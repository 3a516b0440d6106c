"""`ccms-ws exchanges`: how each exchange is wired here, as it was resolved from code, WSDLs and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ccms_ws.cli.options import DEFAULT_CONFIG, CodeArgument, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows

if TYPE_CHECKING:
    from ccms_ws.config import PartnerSettings, Settings
    from ccms_ws.contract.wsdl import Wsdl
    from ccms_ws.exchange import Exchange

app = typer.Typer(help="Exchanges: what is offered, by whom it is used, how it is wired.", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show the exchanges, their addresses and their partners.

    Example: ccms-ws exchanges list
    """
    from ccms_ws.config import load_settings
    from ccms_ws.registry import EXCHANGES

    settings = load_settings(config)
    rows = [
        {
            "exchange": exchange.code,
            "version": exchange.version,
            "direction": exchange.direction.value,
            "address": settings.endpoint.public_url + exchange.path,
            "partners": ", ".join(partner.id for partner in settings.partners if _takes_part(exchange, partner)),
            "title": exchange.title,
        }
        for exchange in EXCHANGES
    ]
    show_rows(rows, as_json=json)


@app.command()
def show(
    code: CodeArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show one exchange: its service, every operation with its action and handler, and each partner's address.

    Example: ccms-ws exchanges show DMV907
    """
    from ccms_ws.config import load_settings
    from ccms_ws.contract.wsdl import load_wsdl
    from ccms_ws.registry import get_exchange

    exchange, settings = get_exchange(code), load_settings(config)
    url = settings.endpoint.public_url + exchange.path
    wsdl = load_wsdl(exchange.service)
    facts = {
        "exchange": f"{exchange.code} {exchange.version}",
        "title": exchange.title,
        "direction": exchange.direction.value,
        "namespace": exchange.namespace,
        "address": url,
        "wsdl": f"{url}?wsdl",
        "wsdl_file": exchange.service,
        "soap": ", ".join(dict.fromkeys(port.soap_version for port in wsdl.ports)),
    }
    operations = [*_received(exchange, wsdl), *_pushed(exchange, settings)]
    if json:
        show_json(facts | {"operations": operations})
        return
    show_facts(facts, as_json=False)
    for operation in operations:
        say("")
        show_facts(operation, as_json=False)


def _takes_part(exchange: Exchange, partner: PartnerSettings) -> bool:
    return exchange.code in partner.sends or exchange.code in partner.receives


def _received(exchange: Exchange, wsdl: Wsdl) -> list[dict[str, object]]:
    """The operations of the court's own service."""
    from ccms_ws.exchange import RequestMessage

    rows: list[dict[str, object]] = []
    for operation in wsdl.operations.values():
        incoming = exchange.incoming_by_root(operation.input)
        handler = incoming and (incoming.handle if isinstance(incoming, RequestMessage) else incoming.interpret)
        rows.append(
            {
                "operation": operation.name,
                "way": "partner to court",
                "message": _local(operation.input),
                "action": operation.input_action,
                "answer": _local(operation.output) if operation.output else "none: it is one-way",
                "faults": ", ".join(_local(fault.element) for fault in operation.faults.values()),
                "handler": f"{handler.__module__}.{handler.__qualname__}" if handler else "none",
            }
        )
    return rows


def _pushed(exchange: Exchange, settings: Settings) -> list[dict[str, object]]:
    """What the court pushes, as each partner's WSDL has it."""
    from ccms_ws.contract.wsdl import load_wsdl

    rows: list[dict[str, object]] = []
    for partner in settings.partners:
        push = partner.receives.get(exchange.code)
        if push is None or exchange.notification is None:
            continue
        found = (each for each in load_wsdl(push.wsdl).operations.values() if each.input == exchange.notification.root)
        operation = next(found, None)
        answers = [operation.output or "", *(fault.element for fault in operation.faults.values())] if operation else []
        rows.append(
            {
                "operation": operation.name if operation else "none for this message: it cannot be sent",
                "way": f"court to {partner.id}",
                "message": _local(exchange.notification.root),
                "action": operation.input_action if operation else "",
                "answer": ", ".join(_local(each) for each in answers if each)
                or "none in the HTTP response: one may come to the court's service",
                "address": push.url,
                "soap": push.soap,
                "wsdl_file": push.wsdl,
            }
        )
    return rows


def _local(name: str) -> str:
    return name.rpartition("}")[2]
