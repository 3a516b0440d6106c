"""A recorded message reissued: at another moment, under another id, to another address, signed again.

Its layout and defects are reproduced too: a stale message is stale by today's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import ConfigError
from ccms_ws.message_parts.metadata import Q_AT, Q_METADATA, Q_TRANSACTION
from ccms_ws.message_parts.xml import utc
from ccms_ws.replay.case import Post
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.mutations import get_mutation
from ccms_ws.replay.normalize import Ids
from ccms_ws.replay.unverified_reader import addressing_of, get_tree, is_envelope, payload_of
from ccms_ws.replay.variants import get_variant
from ccms_ws.replay.verdicts import exchange_at

_URN: Final = "urn:uuid:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When, by whom and to whom it is said now. `to`: None for the recorded address; `recorded_at`: the clock then."""

    at: datetime
    recorded_at: datetime
    signer: Identity
    to: str | None = None


def renew(post: Post, occasion: Occasion, ids: Ids, *, new_id: bool) -> Request:
    """The recorded request for this occasion; `new_id`: under a new id, which is bound to the recorded one.

    Raises ConfigError for bytes that hold no message.
    """
    envelope = _envelope(post.request.body, post.name)
    draft = _draft(envelope, post.payload, occasion, ids, new_id=new_id)
    if action := _action(post.path, draft.payload):
        draft = replace(draft, action=action)
    if post.defect:
        return get_mutation(post.defect).make(draft)
    if post.layout:
        return get_variant(post.layout).make(draft)
    return draft.request()


def renew_answer(recorded: bytes, occasion: Occasion, ids: Ids) -> bytes:
    """The recorded answer to a message of the court, with the ids of now."""
    envelope = _envelope(recorded, "answer")
    return _draft(envelope, b"", occasion, ids, new_id=True, answers=True).request().body


def mentions(raw: bytes, ids: Ids) -> bool:
    """True if the message names an id of the recording that is another now."""
    return any(recorded.encode() in raw for recorded in ids.changed)


def _envelope(raw: bytes, name: str) -> _Element:
    root = get_tree(raw, name)
    if not is_envelope(root):
        raise ConfigError(f"{name}: what was recorded cannot be reissued, it is no envelope")
    return root


def _draft(
    envelope: _Element, payload: bytes, occasion: Occasion, ids: Ids, *, new_id: bool, answers: bool = False
) -> Draft:
    header = addressing_of(envelope)
    message = get_tree(payload, "payload") if payload else payload_of(envelope)
    if message is None:
        raise ConfigError("a message without a Body cannot be reissued")
    recorded_id = _id(message if payload else None, header)
    if new_id and ids.now(recorded_id) == recorded_id:
        ids.bind(recorded_id, str(uuid4()))
    ids.bind(recorded_id, ids.now(recorded_id))
    related = header.get("RelatesTo", "").removeprefix(_URN)
    return Draft(
        payload=_payload(message, occasion, ids),
        to=occasion.to or header.get("To", ""),
        action=header.get("Action", ""),
        message_id=UUID(ids.now(recorded_id)),
        version=SoapVersion.from_namespace(etree.QName(envelope).namespace),
        signer=occasion.signer,
        at=occasion.at,
        relates_to=UUID(ids.now(related)) if related else None,
        answers=answers,
    )


def _id(spoilt: _Element | None, header: Mapping[str, str]) -> str:
    """The message's id: of one that was spoilt as it was meant, which its payload still says."""
    meant = None if spoilt is None else spoilt.findtext(f"{Q_METADATA}/{Q_TRANSACTION}")
    text = meant or header.get("MessageID", "").removeprefix(_URN)
    try:
        return str(UUID(text))
    except ValueError:
        raise ConfigError("a message without an id cannot be reissued") from None


def _action(path: str, payload: bytes) -> str:
    """The wsa:Action that belongs to the payload where it is sent; empty if it is received nowhere."""
    exchange = exchange_at(path)
    if exchange is None:
        return ""
    root = get_tree(payload, "payload").tag
    operations = load_wsdl(exchange.service).operations.values()
    return next((operation.input_action for operation in operations if operation.input == root), "")


def _payload(message: _Element, occasion: Occasion, ids: Ids) -> bytes:
    """The payload with the ids and the moment of now."""
    shift = occasion.at - occasion.recorded_at
    if shift:
        for moment in message.iter(Q_AT):
            moment.text = _moved(moment.text or "", shift)
    octets: bytes = etree.tostring(message, method="c14n", exclusive=True, with_comments=False)
    for recorded, actual in ids.changed.items():
        octets = octets.replace(recorded.encode(), actual.encode())
    return octets


def _moved(moment: str, shift: timedelta) -> str:
    try:
        return utc(datetime.fromisoformat(moment.strip()) + shift)
    except ValueError:
        return moment
