"""`ccms-ws certs`: the certificates in use, and their change from old to new without a lost message."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccms_ws.cli.court import court_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_json, show_rows
from ccms_ws.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from ccms_ws.config import Settings
    from ccms_ws.health.findings import Finding

app = typer.Typer(help="Certificates: what is in use, and its rollover.", no_args_is_help=True)

KeyOption = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The court's new key.")]
CertificateOption = Annotated[Path, typer.Option("--certificate", metavar="FILE", help="The new certificate (PEM).")]
PartnerOption = Annotated[
    str | None, typer.Option("--partner", metavar="PARTNER", help="Whose rollover it is; the court's if not given.")
]


@app.command("list")
def list_(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """List every certificate and revocation list in use, those that end first at the top.

    Example: ccms-ws certs list
    """
    from dataclasses import asdict

    from rich.text import Text

    from ccms_ws.clock import SystemClock
    from ccms_ws.config import load_settings
    from ccms_ws.health.certificates import inventory

    entries = inventory(load_settings(config), SystemClock().now())
    if json:
        show_json([asdict(entry) for entry in entries])
        return
    rows = [
        {
            "days": Text(str(each.days), _colour(each.days)),
            "until": f"{each.until:%Y-%m-%d}",
            "whose": each.whose,
            "use": each.use,
            "file": each.file.name,
            "SHA-256": f"{each.fingerprint[:16]}...",
            "subject": each.subject,
        }
        for each in entries
    ]
    show_rows(rows, as_json=False)


def _colour(days: int) -> str:
    return "red" if days <= 7 else "yellow" if days <= 60 else "green"


@app.command()
def rehearse(
    certificate: CertificateOption,
    key: KeyOption = None,
    partner: PartnerOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Try a rollover without changing anything: a test message, validity, overlap, what each partner must do and when.

    Example: ccms-ws certs rehearse --key pki/court-2027.key --certificate pki/court-2027.crt
    """
    from ccms_ws.cli.findings import show_findings
    from ccms_ws.config import load_settings

    findings = _rehearsed(load_settings(config), key, certificate, partner)
    raise typer.Exit(show_findings(findings, as_json=json))


@app.command()
def roll(
    certificate: CertificateOption,
    key: KeyOption = None,
    partner: PartnerOption = None,
    retire: Annotated[bool, typer.Option("--retire", help="Partner: pin the given certificate alone.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Perform a rollover: the court signs with the new key, or a partner's new certificate is pinned beside the old.

    It is rehearsed first, and refused if anything is red. Programs that run take it in at SIGHUP.

    Example: ccms-ws certs roll --partner DMV --certificate pki/dmv-2027.crt
    """
    from ccms_ws.cli.findings import show_findings
    from ccms_ws.config import load_settings
    from ccms_ws.credentials import certificates_in
    from ccms_ws.health.findings import Light
    from ccms_ws.health.settings_edit import profile_of, switch_identity, switch_pins

    settings = load_settings(config)
    findings = _rehearsed(settings, key, certificate, partner)
    if any(each.light is Light.RED for each in findings):
        raise typer.Exit(show_findings(findings, as_json=json))
    if partner is None and key is not None:
        switch_identity(config, key, certificate)
        earlier = certificates_in(settings.identity.certificate)[0]
        _note_rollover(config, earlier)
        done: dict[str, object] = {"changed": config, "signs": certificate, "before": settings.identity.certificate}
    else:
        profile = settings.partner(partner or "")
        kept = () if retire else tuple(path for path in profile.certificates if path != certificate.resolve())
        file = profile_of(settings.partners_folder, profile.id)
        switch_pins(file, (*kept, certificate))
        done = {"changed": file, "pinned": ", ".join(path.name for path in (*kept, certificate))}
    show_facts(done, as_json=json)
    say("next: kill -HUP the endpoint (ccms-ws serve) and the workers; no message is lost meanwhile", as_json=json)


def _note_rollover(config: Path, earlier: Certificate) -> None:
    """With the new key: heads that were signed with the earlier one stay the court's."""
    try:
        court_of(config).head_keeper.write_rollover(earlier)
    except (OSError, StoreError) as error:
        say(f"the file of heads was not written ({error}): name the earlier certificate in audit.certificates")


def _rehearsed(settings: Settings, key: Path | None, certificate: Path, partner: str | None) -> list[Finding]:
    from ccms_ws.clock import SystemClock
    from ccms_ws.credentials import certificates_in, identity_of
    from ccms_ws.envelope.published_keys import refuse_published_keys
    from ccms_ws.health.rollover import rehearse_court, rehearse_partner

    now = SystemClock().now()
    refuse_published_keys(certificates_in(certificate), str(certificate))
    if partner is not None:
        if key is not None:
            raise ConfigError("a partner's key is the partner's alone", hint="leave --key out")
        return rehearse_partner(settings, settings.partner(partner), certificate, now)
    if key is None:
        raise ConfigError("the court's rollover needs its new key", hint="--key FILE, or --partner PARTNER")
    new = settings.identity.model_copy(update={"key": key.resolve(), "certificate": certificate.resolve()})
    return rehearse_court(settings, identity_of(new), now)
