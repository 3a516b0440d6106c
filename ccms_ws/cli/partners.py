"""`ccms-ws partners`: who they are, how they are wired, whether they can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ccms_ws.cli.findings import show_findings
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, PartnerArgument
from ccms_ws.cli.output import say, show_facts, show_json, show_rows

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Partners: their profiles, and whether they can be reached.", no_args_is_help=True)


@app.command("list")
def list_(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show the partners of this court and what passes between them.

    Example: ccms-ws partners list --config demo-court/ccms-ws.toml
    """
    from ccms_ws.config import load_settings

    rows = [
        {
            "partner": partner.id,
            "kind": partner.kind,
            "unit": partner.unit,
            "sends": ", ".join(partner.sends),
            "receives": ", ".join(partner.receives),
            "name": partner.name,
        }
        for partner in load_settings(config).partners
    ]
    show_rows(rows, as_json=json, empty="no partner is configured")


@app.command()
def show(partner: PartnerArgument, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show one partner: certificates with their days, and the addresses, WSDLs and limits of what it receives.

    Example: ccms-ws partners show FTB
    """
    from ccms_ws.clock import SystemClock
    from ccms_ws.config import load_settings
    from ccms_ws.health.partner_checks import certificate_days

    profile, now = load_settings(config).partner(partner), SystemClock().now()
    facts = {
        "partner": profile.id,
        "name": profile.name,
        "kind": profile.kind,
        "unit": profile.unit,
        "security_profile": profile.profile.in_words,
        "sends": ", ".join(profile.sends),
        "certificates": ", ".join(
            f"{path.name} ({certificate_days('', path, now).found})" for path in profile.certificates
        ),
    }
    pushes = [
        {
            "exchange": code,
            "url": push.url,
            "soap": push.soap,
            "wsdl": push.wsdl,
            "answer_days": push.answer_days,
            "batch_size": push.batch_size,
        }
        for code, push in profile.receives.items()
    ]
    if json:
        show_json(facts | {"receives": pushes})
        return
    show_facts(facts, as_json=False)
    if pushes:
        say("")
        windows = [str(push.answer_window) for push in profile.receives.values()]
        rows = [each | {"answer_days": window} for each, window in zip(pushes, windows, strict=True)]
        show_rows(rows, as_json=False)


@app.command("test")
def try_(partner: PartnerArgument, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Try whether a partner can be reached: certificates, connection, TLS, HTTP, clock, drift of its WSDL.

    No exchange has a message without effect. If the partner's profile names one of the partner's own (test_message), it
    is sent, and its signed answer is looked at; else nothing is. Ends with 0 if nothing is red, 5 if something is.

    Example: ccms-ws partners test DMV
    """
    from ccms_ws.bootstrap import load_court
    from ccms_ws.config import load_settings
    from ccms_ws.health.partner_checks import look_at_all
    from ccms_ws.health.test_message import round_trips
    from ccms_ws.registry import EXCHANGES

    settings = load_settings(config, [exchange.code for exchange in EXCHANGES])
    settings.partner(partner)
    findings = look_at_all(settings, [partner])
    raise typer.Exit(show_findings(findings + round_trips(load_court(config), partner), as_json=json))
