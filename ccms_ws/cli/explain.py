"""`ccms-ws explain` and `ccms-ws quarantine`: what the court knows of messages that it did not act on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ccms_ws.cli.court import records_of
from ccms_ws.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from ccms_ws.cli.output import say, show_facts, show_rows
from ccms_ws.errors import ConfigError

if TYPE_CHECKING:
    from ccms_ws.envelope.diagnostics import SignatureDiagnosis


def explain(
    incident_id: Annotated[UUID | None, typer.Argument(help="The incident id that the sender received.")] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="The message, as the sender kept it: shows digests and canonical forms."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Say why a message was refused: the sender learns one sentence and an incident id, the court keeps the reason.

    The court keeps nothing of the message itself. With --file, given by the sender, it is looked into again.

    Example: ccms-ws explain 7c9e6a52-3b1f-4d08-9a64-0e5d2f8b1c47 --file message.xml
    """
    from ccms_ws.envelope.diagnostics import advice, diagnose
    from ccms_ws.envelope.policy import Limits, SecurityPolicy

    if incident_id is None and file is None:
        raise typer.BadParameter("name an incident, or a message with --file")
    facts: dict[str, object] = {}
    digest = b""
    if incident_id is not None:
        with records_of(config)() as uow:
            refusal = uow.inbox.get_refusal(incident_id)
        digest = refusal.digest
        facts = {
            "incident": refusal.incident_id,
            "at": refusal.at,
            "address": refusal.address,
            "partner": refusal.partner_id or "not established",
            "code": refusal.code,
            "rule": refusal.rule,
            "reason": refusal.detail,
            "bytes": refusal.size,
            "sha256": refusal.digest.hex(),
            "tell the partner": advice(refusal.code),
        }
    # The operator may examine more than unauthenticated senders may send.
    policy = SecurityPolicy(limits=Limits(message=64 << 20, elements=2_000_000))
    found = None if file is None else diagnose(_read(file), policy)
    if file is not None and digest:
        same = hashlib.sha256(_read(file)).digest() == digest
        facts["same message"] = "yes, byte by byte" if same else "no: other bytes than those that were refused"
    if found is not None:
        facts |= _digests(found)
    show_facts(facts | ({"canonical": _forms(found)} if json and found else {}), as_json=json)
    for what, form in _forms(found).items() if found and not json else ():
        say(f"\nCanonical form of {what}:\n{form}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}", hint="name the file with the message") from None


def _digests(found: SignatureDiagnosis) -> dict[str, object]:
    if found.stopped_by is not None:
        return {"not looked into": str(found.stopped_by)}
    return {
        part.path: f"{part.digest} fits"
        if part.fits
        else f"{part.digest} signed {part.signed}, computed {part.computed} over {len(part.canonical)} bytes"
        for part in found.parts
    }


def _forms(found: SignatureDiagnosis) -> dict[str, str]:
    """What the signature value is over, and each part whose digest does not fit, as it was digested here."""
    forms = {"SignedInfo": found.signed_info.decode()} if found.signed_info else {}
    return forms | {part.path: part.canonical.decode() for part in found.parts if not part.fits}


quarantine = typer.Typer(help="Verified answers that fit no open message: kept, not applied.")


@quarantine.callback(invoke_without_command=True)
def _list_by_default(context: typer.Context, config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Verified answers that fit no open message: kept, not applied. Without a command they are listed.

    Example: ccms-ws quarantine --json
    """
    if context.invoked_subcommand is None:
        list_quarantine(config, json)


@quarantine.command()
def show(
    message_id: Annotated[UUID, typer.Argument(help="The answer's own message id.")],
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Show one answer in quarantine. Its bytes: `ccms-ws messages show`.

    Example: ccms-ws quarantine show 7c9e6a52-3b1f-4d08-9a64-0e5d2f8b1c47
    """
    from ccms_ws.errors import NotStored

    with records_of(config)() as uow:
        found = next((answer for answer in uow.inbox.quarantined() if answer.message_id == message_id), None)
    if found is None:
        raise NotStored(f"no answer {message_id} is in quarantine", hint="ccms-ws quarantine list shows those that are")
    show_facts(
        {
            "message": found.message_id,
            "partner": found.partner_id,
            "exchange": found.exchange,
            "received": found.received_at,
            "reason": found.reason,
        },
        as_json=json,
    )


@quarantine.command("list")
def list_quarantine(config: ConfigOption = DEFAULT_CONFIG, json: JsonOption = False) -> None:
    """Show verified answers that fit no open message: kept, not applied.

    Example: ccms-ws quarantine list --json
    """
    with records_of(config)() as uow:
        answers = uow.inbox.quarantined()
    rows = [
        {
            "message": answer.message_id,
            "partner": answer.partner_id,
            "exchange": answer.exchange,
            "received": answer.received_at,
            "reason": answer.reason,
        }
        for answer in answers
    ]
    show_rows(rows, as_json=json, empty="nothing is in quarantine")
