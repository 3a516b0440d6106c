"""The court's messages to a partner under test: the contract's samples, reissued and marked as a test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog
from ccms_ws.contract.namespaces import NC, q
from ccms_ws.demo.installation import COURT
from ccms_ws.domain.partners import Partner
from ccms_ws.errors import ContractMissing
from ccms_ws.exchange import Exchange
from ccms_ws.message_parts.metadata import Q_METADATA, MessageKind, Metadata, write_metadata

_UNDECLARED: Final = "urn:example:undeclared"


@dataclass(frozen=True, slots=True)
class Said:
    """One message: its id and its payload."""

    message_id: UUID
    payload: bytes


class Speaker:
    """Makes messages of one exchange to one partner, each about a case of its own."""

    def __init__(self, exchange: Exchange, partner: Partner) -> None:
        """Raises ContractMissing if the contract has no sample of what the court sends."""
        self._exchange = exchange
        self._partner = partner
        self._sample = _sample(exchange)
        self._count = 0

    def say(self, now: datetime, *, message_id: UUID | None = None) -> Said:
        """A good message."""
        self._count += 1
        message_id = message_id or uuid4()
        message = etree.fromstring(self._sample, etree.XMLParser(remove_blank_text=True, resolve_entities=False))
        self._set_metadata(message, message_id, now)
        for element in _with_role(message, self._exchange.elements.own_ids):
            element.text = str(message_id)
        for number, element in enumerate(message.iter(q(NC, "CaseTrackingID")), start=1):
            element.text = f"KIT-{message_id.hex[:8].upper()}-{self._count:03}{number}"
        return Said(message_id, etree.tostring(message, method="c14n", exclusive=True, with_comments=False))

    def say_wrong(self, now: datetime) -> Said | None:
        """A message whose content contradicts itself, though the schema allows it; None if there is no such."""
        said = self.say(now)
        message = etree.fromstring(said.payload)
        total = next(_with_role(message, self._exchange.elements.totals), None)
        if total is None:
            return None
        total.text = "0.01"
        return Said(said.message_id, etree.tostring(message, method="c14n", exclusive=True))

    def say_forbidden(self, now: datetime) -> Said:
        """A message that the schema forbids: at its end there is an undeclared element."""
        said = self.say(now)
        message = etree.fromstring(said.payload)
        etree.SubElement(message, q(_UNDECLARED, "Remark"), nsmap={"x": _UNDECLARED}).text = "not in the schema"
        return Said(said.message_id, etree.tostring(message, method="c14n", exclusive=True))

    def _set_metadata(self, message: _Element, message_id: UUID, now: datetime) -> None:
        court, partner = COURT, self._partner
        metadata = Metadata(
            transaction_id=message_id,
            correlation_id=None,
            at=now,
            exchange=self._exchange.code,
            kind=MessageKind.NOTIFICATION,
            version=self._exchange.version,
            sender_id=court.ori,
            sender_name=court.name,
            receiver_id=partner.partner_id,
            receiver_name=partner.name,
            court_ori=court.ori,
            court_name=court.name,
            county_code=court.county_code,
            test=True,
        )
        old = message.find(Q_METADATA)
        if old is not None:
            message.remove(old)
        write_metadata(message, metadata)
        message.insert(0, message[-1])


def _with_role(message: _Element, names: Iterable[str]) -> Iterator[_Element]:
    """The elements of these names: none without a name, of which lxml would give all."""
    return (each for each in message.iter(etree.Element) if each.tag in names)


def _sample(exchange: Exchange) -> bytes:
    """A first message of the court: one that neither corrects nor takes back another."""
    root = "" if exchange.notification is None else exchange.notification.root
    for name in catalog.samples_of(exchange.namespace):
        content = catalog.sample(name)
        message = etree.fromstring(content)
        if message.tag == root and not any(_with_role(message, exchange.elements.earlier_ids)):
            return content
    raise ContractMissing(f"the contract has no sample of what the court sends by {exchange.code}")
