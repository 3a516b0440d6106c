"""Random valid messages survive the way into the domain and back: `from_xml(to_xml(x)) == x`, and both are valid.

CCMS_WS_INSTANCES says how many of each message: 10000 for a thorough run.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract import catalog, schemas
from ccms_ws.contract.codes import code_list
from ccms_ws.contract.namespaces import EXT, NC, q
from ccms_ws.envelope.canonical import canonical
from ccms_ws.exchanges.col903 import wire as col903
from ccms_ws.exchanges.col903.wire import NAMESPACE as COL903
from ccms_ws.exchanges.dmv907 import wire as dmv907
from ccms_ws.exchanges.dmv907.wire import NAMESPACE as DMV907
from ccms_ws.exchanges.fcc807 import wire as fcc807
from ccms_ws.exchanges.fcc807.messages import Response
from ccms_ws.exchanges.fcc807.serialize import response_text
from ccms_ws.exchanges.fcc807.wire import NAMESPACE as FCC807
from tests.support.instances import Maker

COUNT = int(os.environ.get("CCMS_WS_INSTANCES", "200"))
CHUNKS = 4
ORGANIZATION = frozenset({q(NC, "OrganizationName")})  # the domain's participants are persons


class Message(NamedTuple):
    name: str
    read: Callable[[_Element], Any]
    write: Callable[[Any], _Element]


def response_to_xml(response: Response) -> _Element:
    """The reply as it was written, which is in canonical form by itself."""
    written = response_text(response)
    message = etree.fromstring(written)
    assert canonical(message) == written
    return message


MESSAGES = {
    message.name.rpartition("}")[2]: message
    for message in (
        Message(fcc807.Q_QUERY, fcc807.query_from_xml, fcc807.query_to_xml),
        Message(fcc807.Q_RESPONSE, fcc807.response_from_xml, response_to_xml),
        Message(fcc807.Q_ERROR, fcc807.error_from_xml, fcc807.query_error_to_xml),
        Message(col903.Q_BATCH, col903.batch_from_xml, col903.batch_to_xml),
        Message(col903.Q_ERROR, col903.error_from_xml, col903.error_to_xml),
        Message(dmv907.Q_ABSTRACT, dmv907.notification_from_xml, dmv907.notification_to_xml),
        Message(dmv907.Q_RESPONSE, dmv907.response_from_xml, dmv907.response_to_xml),
        Message(dmv907.Q_ERROR, dmv907.error_from_xml, dmv907.error_to_xml),
    )
}


def consistent(message: _Element, maker: Maker) -> _Element:
    """The message with what no schema can say put right: kinds, ids, sums, and codes that the court itself writes."""
    metadata = schemas.Q_METADATA
    kind = schemas.kind_of(message.tag.rpartition("}")[2])
    set_text(message, f"{metadata}/{schemas.Q_KIND}", kind)
    correlation = message.find(f"{metadata}/{schemas.Q_CORRELATION}")
    if kind in ("Response", "Error"):
        if correlation is None:
            transaction = message.find(f"{metadata}/{q(EXT, 'TransactionID')}")
            assert transaction is not None
            added = transaction.makeelement(schemas.Q_CORRELATION, nsmap=None)
            added.text = str(UUID(int=maker.chance.getrandbits(128)))
            transaction.addnext(added)
    elif correlation is not None:
        correlation.getparent().remove(correlation)  # type: ignore[union-attr]
    for name in (q(DMV907, "AbstractID"), q(DMV907, "OriginalAbstractID"), q(COL903, "CorrectedBatchID")):
        set_text(message, f".//{name}", str(UUID(int=maker.chance.getrandbits(128))))
    for fee in message.iter(q(EXT, "FeeBalance")):
        parts = ("nc:ObligationTotalAmount", "nc:ObligationPaidAmount", "ext:FeeWaivedAmount", "ext:FeeVacatedAmount")
        total, *less = (Decimal(fee.findtext(part, "0", catalog.prefixes())) for part in parts)
        set_text(fee, q(NC, "ObligationDueAmount"), f"{total - sum(less):.2f}")
        for book in fee.iterfind("j:StatuteCodeIdentification/nc:IdentificationID", catalog.prefixes()):
            book.text = (book.text or "").replace(" ", "")  # one word: the ledger says "VC 22350"
    due = sum(Decimal(each.text or "0") for each in message.iter(q(NC, "ObligationDueAmount")))
    set_text(message, f".//{q(FCC807, 'BalanceDueAmount')}", f"{due:.2f}")
    reasons = list(code_list("fcc807-rejection-reasons").codes)
    set_text(message, f".//{q(FCC807, 'RejectionReasonCodeText')}", maker.chance.choice(reasons))
    balances = [Decimal(each.text or "0") for each in message.iter(q(COL903, "CurrentBalanceAmount"))]
    set_text(message, q(COL903, "BatchRecordQuantity"), str(len(balances)))
    set_text(message, q(COL903, "BatchTotalBalanceAmount"), f"{sum(balances):.2f}")
    return message


def set_text(message: _Element, path: str, text: str) -> None:
    found = message.find(path)
    if found is not None:
        found.text = text


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.parametrize("name", MESSAGES)
def test_a_random_message_survives_the_way_into_the_domain_and_back(name: str, chunk: int) -> None:
    message = MESSAGES[name]
    for number in range(chunk, COUNT, CHUNKS):
        maker = Maker(f"{name} {number}", never=ORGANIZATION)
        instance = consistent(maker.message(message.name), maker)
        schemas.validate(instance)
        value = message.read(instance)
        written = message.write(value)
        schemas.validate(written)
        assert message.read(written) == value, f"seed {name} {number}"


@pytest.mark.parametrize("name", [*MESSAGES, "FaultDetail"])
def test_random_messages_cover_every_element_of_the_schema(name: str) -> None:
    """The generator itself: with a hundred messages, everything optional was there once and missing once."""
    root = MESSAGES[name].name if name in MESSAGES else q("urn:ccms-ws:fault:1.0", name)
    paths: list[set[str]] = []
    for number in range(100):
        instance = Maker(f"cover {name} {number}").message(root)
        paths.append(
            {instance.getroottree().getelementpath(each).replace("[", "").rstrip("]") for each in instance.iter()}
        )
    everything = set().union(*paths)
    optional = {path for path in everything if any(path not in each for each in paths)}
    assert name in ("FaultDetail", "FailureToComplyAbstractError") or optional
    if name == "CollectionBalanceUpdateBatch":
        assert any("BalanceAdjustment" in path for path in optional)
        assert any("OrganizationName" in path for path in optional)
