"""The metadata block at the beginning of every message body: sender, receiver, kind of message, transaction id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, NC, J, q
from ccms_ws.errors import ExchangeError
from ccms_ws.exchange import Context
from ccms_ws.message_parts import xml


class MetadataContradicted(ExchangeError):
    """The metadata block contradicts the message that carries it."""

    code = "exchange.metadata-contradicted"


class MessageKind(StrEnum):
    QUERY = "Query"
    RESPONSE = "Response"
    NOTIFICATION = "Notification"
    ERROR = "Error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """The block as a value. `transaction_id` is the wsa:MessageID; `correlation_id` the one that this answers."""

    transaction_id: UUID
    correlation_id: UUID | None
    at: datetime
    exchange: str
    kind: MessageKind
    version: str
    sender_id: str
    sender_name: str
    receiver_id: str
    receiver_name: str
    court_ori: str
    court_name: str
    county_code: str
    test: bool


# -- rules ------------------------------------------------------------------------------------------------------------
def first_metadata(
    exchange: str, context: Context, kind: MessageKind, *, transaction_id: UUID | None = None
) -> Metadata:
    """The block of a message with which the court begins a conversation with `context.partner`."""
    transaction_id = transaction_id or context.message_id
    return _of_court(exchange, "1.0", context, kind, transaction_id=transaction_id, correlation_id=None)


def reply_metadata(exchange: str, version: str, context: Context, kind: MessageKind) -> Metadata:
    """The block of the court's answer to the message in `context`."""
    own, answered = context.reply_id, context.message_id
    return _of_court(exchange, version, context, kind, transaction_id=own, correlation_id=answered)


def _of_court(
    exchange: str,
    version: str,
    context: Context,
    kind: MessageKind,
    *,
    transaction_id: UUID,
    correlation_id: UUID | None,
) -> Metadata:
    return Metadata(
        transaction_id=transaction_id,
        correlation_id=correlation_id,
        at=context.now,
        exchange=exchange,
        kind=kind,
        version=version,
        sender_id=context.court.ori,
        sender_name=context.court.name,
        receiver_id=context.partner.partner_id,
        receiver_name=context.partner.name,
        court_ori=context.court.ori,
        court_name=context.court.name,
        county_code=context.court.county_code,
        test=context.test,
    )


def check_metadata(metadata: Metadata, exchange: str, version: str, context: Context) -> None:
    """Raise MetadataContradicted unless the block agrees with the envelope and the address of the message."""
    partner, court = context.partner.partner_id, context.court.ori
    rules: tuple[tuple[str, object, object], ...] = (
        ("TransactionID is the wsa:MessageID ({})", metadata.transaction_id, context.message_id),
        ("CorrelationID is the wsa:RelatesTo", metadata.correlation_id, context.relates_to or metadata.correlation_id),
        ("ExchangeCode is {}", metadata.exchange, exchange),
        ("SchemaVersionID is {}", metadata.version, version),
        ("SendingParty is the signer ({})", metadata.sender_id, partner),
        ("ReceivingParty is this court ({})", metadata.receiver_id, court),
        ("TestIndicator is {} here", metadata.test, context.test),
    )
    broken = [
        sentence.format(str(must).lower() if isinstance(must, bool) else must)
        for sentence, said, must in rules
        if said != must
    ]
    if broken:
        raise MetadataContradicted("must hold: " + "; ".join(broken))


# -- XML --------------------------------------------------------------------------------------------------------------
Q_METADATA: Final = q(EXT, "MessageMetadata")
Q_TRANSACTION: Final = q(EXT, "TransactionID")
Q_CORRELATION: Final = q(EXT, "CorrelationID")
Q_AT: Final = q(EXT, "MessageDateTime")
Q_EXCHANGE: Final = q(EXT, "ExchangeCode")
Q_KIND: Final = q(EXT, "MessageKindCode")
Q_VERSION: Final = q(EXT, "SchemaVersionID")
Q_SENDER: Final = q(EXT, "SendingParty")
Q_RECEIVER: Final = q(EXT, "ReceivingParty")
Q_PARTY_ID: Final = q(EXT, "PartyID")
Q_PARTY_NAME: Final = q(NC, "OrganizationName")
Q_COURT: Final = q(EXT, "Court")
Q_COURT_NAME: Final = q(J, "CourtName")
Q_COURT_ORI: Final = q(EXT, "CourtORIID")
Q_COUNTY: Final = q(EXT, "CountyCode")
Q_TEST: Final = q(EXT, "TestIndicator")


def read_metadata(message: _Element) -> Metadata:
    """The block of a schema-valid message."""
    block = xml.child(message, Q_METADATA)
    said = xml.texts(block)
    sender, receiver, court = (xml.texts(xml.child(block, name)) for name in (Q_SENDER, Q_RECEIVER, Q_COURT))
    correlation = said.get(Q_CORRELATION)
    return Metadata(
        transaction_id=UUID(said[Q_TRANSACTION]),
        correlation_id=UUID(correlation) if correlation else None,
        at=datetime.fromisoformat(said[Q_AT]).astimezone(UTC),
        exchange=said[Q_EXCHANGE],
        kind=MessageKind(said[Q_KIND]),
        version=said[Q_VERSION],
        sender_id=sender[Q_PARTY_ID],
        sender_name=sender.get(Q_PARTY_NAME, ""),
        receiver_id=receiver[Q_PARTY_ID],
        receiver_name=receiver.get(Q_PARTY_NAME, ""),
        court_ori=court[Q_COURT_ORI],
        court_name=court.get(Q_COURT_NAME, ""),
        county_code=court[Q_COUNTY],
        test=said.get(Q_TEST) in ("true", "1"),
    )


def write_metadata(message: _Element, metadata: Metadata) -> None:
    """Append the block to `message`, as its first child."""
    block = xml.add(message, Q_METADATA)
    xml.add(block, Q_TRANSACTION, str(metadata.transaction_id))
    if metadata.correlation_id is not None:
        xml.add(block, Q_CORRELATION, str(metadata.correlation_id))
    xml.add(block, Q_AT, xml.utc(metadata.at))
    xml.add(block, Q_EXCHANGE, metadata.exchange)
    xml.add(block, Q_KIND, metadata.kind)
    xml.add(block, Q_VERSION, metadata.version)
    for name, party_id, party_name in (
        (Q_SENDER, metadata.sender_id, metadata.sender_name),
        (Q_RECEIVER, metadata.receiver_id, metadata.receiver_name),
    ):
        party = xml.add(block, name)
        xml.add(party, Q_PARTY_ID, party_id)
        xml.add_if(party, Q_PARTY_NAME, party_name)
    court = xml.add(block, Q_COURT)
    xml.add_if(court, Q_COURT_NAME, metadata.court_name)
    xml.add(court, Q_COURT_ORI, metadata.court_ori)
    xml.add(court, Q_COUNTY, metadata.county_code)
    xml.add_indicator(block, Q_TEST, metadata.test)
