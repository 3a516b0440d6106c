"""Keep the envelopes that a client sent and received, one file each, for people and for replay.

They hold whatever the messages hold, personal data included: for trying things out, not for a court's daily work.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

from lxml import etree

from ccms_ws.clients.partner import OnWire
from ccms_ws.contract.namespaces import SOAP11, SOAP12, WSU, q
from ccms_ws.envelope.parsing import new_parser

_BODIES = (q(SOAP11, "Body"), q(SOAP12, "Body"))
_Q_CREATED = q(WSU, "Created")


def record_into(folder: Path) -> OnWire:
    """A listener for `PartnerClient` that writes into `folder`. A new folder and the files are for their owner alone.

    Files sort by time and say what is in them: `20261120T083000.123Z-a1b2-1-CaseParticipantBalanceQuery.xml` and, with
    the same beginning, `-2-CaseParticipantBalanceQueryResponse.xml`. The bytes are as they were on the wire.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def record(sent: bytes, received: bytes | None) -> None:
        created, name = _about(sent)
        conversation = f"{created}-{uuid4().hex[:4]}"
        _write(folder / f"{conversation}-1-{name}.xml", sent)
        if received:
            _write(folder / f"{conversation}-2-{_about(received)[1]}.xml", received)

    return record


def _write(path: Path, envelope: bytes) -> None:
    """For the owner alone, from the first byte on."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(envelope)


def _about(envelope: bytes) -> tuple[str, str]:
    """When it was made (compact), and the local name of what it carries."""
    try:
        root = etree.fromstring(envelope, new_parser())
    except etree.XMLSyntaxError:
        return "", "unreadable"
    created = next((element.text or "" for element in root.iter(_Q_CREATED)), "")
    body = next(root.iterchildren(*_BODIES), None)
    content = body[0] if body is not None and len(body) else None
    name = "empty" if content is None else _name(content)
    return created.replace("-", "").replace(":", ""), name


def _name(content: etree._Element) -> str:
    """The content's local name; of a fault with a detail, the detail's."""
    if etree.QName(content).localname == "Fault":
        detail = next((e for e in content.iter() if etree.QName(e).localname in ("detail", "Detail") and len(e)), None)
        if detail is not None:
            return f"Fault-{etree.QName(detail[0]).localname}"
    return etree.QName(content).localname
