"""The file of signed heads that is kept outside the database, and whether the message log still reaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ccms_ws.health.findings import Finding, amber, green, red

if TYPE_CHECKING:
    from ccms_ws.audit.record import Record
    from ccms_ws.config import Settings


def record_of(settings: Settings) -> Record:
    """The file of heads, verified with the certificates that are the court's."""
    from ccms_ws.audit.record import read_record
    from ccms_ws.credentials import certificates_in

    paths = (settings.identity.certificate, *settings.audit.certificates)
    return read_record(settings.audit.heads, [certificates_in(path)[0] for path in paths])


def check_heads(settings: Settings) -> Finding:
    """Whether the message log still reaches what is written down outside the database. `log verify` looks closely."""
    from ccms_ws.store.engine import open_engine
    from ccms_ws.store.hash_chain import heads

    record, engine = record_of(settings), open_engine(settings.database.url)
    with engine.connect().execution_options(read_only=True) as connection:
        ends = heads(connection)
    engine.dispose()
    behind = record.behind(ends)
    if behind:
        do = "ccms-ws log verify; after a restore: ccms-ws outbox reconcile, then ccms-ws db restored"
        return red("message log", "is shorter than the signed heads say", do)
    if record.faults:
        return red("message log", f"{settings.audit.heads.name}, {record.faults[0]}", "ccms-ws log verify")
    if record.last is None and not ends:
        return green("message log", "has no entry yet")
    if record.last is None:
        return amber("message log", "no heads were written outside the database yet", "ccms-ws log sign")
    return green("message log", f"reaches the {record.lines} signed heads in {settings.audit.heads.name}")
