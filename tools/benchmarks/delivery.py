"""Delivery: COL903 from the ledger to messages that have left, DMV907 from the outbox.

The partner (`_receiver`) is a process of its own, costs little and answers 202 at once; afterwards every message must
have come once, and some are verified. `col903_updates_per_s`: debts of which something was paid are read, composed,
validated, stored, signed, sent and settled, by a build and a worker in one process, durably in SQLite on disk. Memory
is that process's peak; `col903_rss_growth` compares a hundred times as many debts (CCMS_WS_BENCH_UPDATES sets another
number). `dmv907_per_s` is a worker on one core. `col903_10k_build_sign`: 10,000 items of six fees each, from values to
a sealed message; its floor is the SHA-256 over as many bytes and one RSA signature; `validated` is the same with the
check by the schema, which every batch passes before it is stored. `zeep_stock_10k`: 10,000 items
of one fee by zeep's typed objects and stock signxml, which validate nothing; the floor is what we take for them.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from copy import copy
from decimal import Decimal
from itertools import count, islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks._collecting import Collecting, collecting, order_holds
from benchmarks.measuring import Figure, best_of, figure
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import SignatureReference, XMLSigner
from zeep import Client
from zeep.helpers import serialize_object

from ccms_ws.contract.namespaces import DS, WSU, q
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.outbound import seal_envelope
from ccms_ws.envelope.soap import SoapVersion, compose_envelope, to_bytes
from ccms_ws.envelope.streaming import seal_stream
from ccms_ws.exchanges.col903 import COL903, batches
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.col903.serialize import update_text
from ccms_ws.exchanges.col903.wire import END, batch_head
from ccms_ws.log import configure_logging
from ccms_ws.memory_tuning import tune_memory
from ccms_ws.message_parts.metadata import MessageKind, first_metadata

_UPDATES, _SMALL = 100_000, 10_000
_BIG = int(os.environ.get("CCMS_WS_BENCH_UPDATES", "1000000"))
_ABSTRACTS = 3_000
_BATCH = 1_000
_FEES = 6
_PASSES = 3


def measure() -> list[Figure]:
    """All figures of the group."""
    configure_logging("WARNING", "json")
    with collecting(_SMALL) as court:
        composed = _composing(court, stock=True)
        small = court.deliver("col903", "FTB", _SMALL // _BATCH)
        people = count(0, _ABSTRACTS)
        abstracts = max(_abstracts(court, next(people)) for _ in range(_PASSES))
    with collecting(_SMALL, fees=_FEES) as court:
        composed += _composing(court, stock=False)
    updates = [_updates(_UPDATES) for _ in range(_PASSES)]
    rate, peak = max(each for each, _ in updates), max(peak for _, peak in updates)
    _, big = _updates(_BIG)
    growth = big / small["peak_mb"]
    return [
        Figure("col903_updates_per_s", rate, "/s", goal=">= 10,000 /s", met=rate >= 10_000),
        Figure("col903_rss_mb", peak, "MB", goal="<= 200 MB", met=peak <= 200),
        Figure("col903_rss_growth", growth, "x", goal="<= 1.2", met=growth <= 1.2),
        Figure("dmv907_per_s", abstracts, "/s", goal=">= 500 /s", met=abstracts >= 500),
        *composed,
    ]


# -- over sockets -----------------------------------------------------------------------------------------------------
def _updates(debts: int) -> tuple[float, float]:
    """Updates a second, and the megabytes that it took."""
    with collecting(debts, batch_size=_BATCH) as court:
        measured = court.deliver("col903", "FTB", -(-debts // _BATCH))
    return debts / measured["seconds"], measured["peak_mb"]


def _abstracts(court: Collecting, first: int) -> float:
    """Messages a second."""
    order_holds(court.court, range(first, first + _ABSTRACTS))
    measured = court.deliver("dmv907", "DMV", _ABSTRACTS, one_core=True)
    return _ABSTRACTS / float(measured["seconds"])


# -- in this process --------------------------------------------------------------------------------------------------
def _composing(court: Collecting, *, stock: bool) -> list[Figure]:
    """Items from values to a sealed message; `stock`: beside other libraries, or beside the floor."""
    application = court.court
    context, identity, policy = application.context("FTB"), application.identity, application.policy
    with application.reading() as uow:
        items = [update for _, update, _ in batches.gather(uow.of(Batches).open_accounts("FTB"), context)]
    push = application.push_settings("FTB", COL903.code)
    total = sum((item.current_balance for item in items), Decimal("0.00"))
    metadata = first_metadata(COL903.code, context, MessageKind.NOTIFICATION)
    head = batch_head(metadata, client_id=push.client_id, count=len(items), total=total)
    addressing = Addressing.request(
        to=push.url,
        action=next(iter(load_wsdl(push.wsdl).operations.values())).input_action,
        message_id=f"urn:uuid:{uuid4()}",
    )
    sealing: dict[str, Any] = {"identity": identity, "policy": policy, "clock": application.clock}

    def texts() -> Iterator[str]:
        return (update_text(item, number) for number, item in enumerate(items, start=1))

    def validated() -> object:
        pieces = batches.spooled(texts(), head)
        return seal_stream(_Payload(head, pieces), addressing, SoapVersion.SOAP12, **sealing)

    def build_and_sign() -> object:
        source = texts()
        pieces = [head, *iter(lambda: "".join(islice(source, 100)).encode(), b""), END]
        return seal_stream(pieces, addressing, SoapVersion.SOAP12, **sealing)

    key = identity.key
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("the floor is an RSA operation")
    payload = b"".join((head, "".join(texts()).encode(), END))
    signed_info, pkcs, sha = bytes(2300), padding.PKCS1v15(), hashes.SHA256()

    def floor() -> object:
        return hashlib.sha256(payload).digest(), key.sign(signed_info, pkcs, sha)

    tune_memory()
    subjects = {"floor": (floor, 3), "ours": (build_and_sign, 1), "validated": (validated, 1)}
    milli = {name: seconds * 1e3 for name, seconds in best_of(_PASSES, subjects).items()}
    if not stock:
        return [
            figure("col903_10k_build_sign", milli["ours"], "ms", milli["floor"], at_most=4),
            figure("col903_10k_validated", milli["validated"], "ms", milli["floor"]),
        ]
    by_zeep = _stock(payload, push.wsdl, addressing, sealing)
    start = time.perf_counter()
    by_zeep()  # once: it takes half a minute
    milli["stock"] = (time.perf_counter() - start) * 1e3
    ratio = milli["stock"] / milli["ours"]
    return [Figure("zeep_stock_10k", milli["stock"], "ms", milli["ours"], ratio, "ratio >= 20", ratio >= 20)]


class _Payload:
    """A batch in pieces, as the outbox keeps it."""

    def __init__(self, head: bytes, pieces: batches.Pieces) -> None:
        self._head = head
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from self._pieces


def _stock(payload: bytes, wsdl: Path, addressing: Addressing, sealing: dict[str, Any]) -> Callable[[], object]:
    """zeep makes typed objects of plain values and writes them; signxml signs, as they come. Made beforehand, in their
    favour: the plain values, the timestamp and the token."""
    client = Client(str(wsdl))  # type: ignore[no-untyped-call]
    (operation,) = load_wsdl(wsdl).operations
    root = etree.fromstring(payload)
    values = serialize_object(client.get_element(root.tag).parse(root, client.wsdl.types), dict)
    header = seal_envelope(compose_envelope(etree.Element("empty"), addressing, SoapVersion.SOAP12), **sealing)[0]
    security = header[-1]
    security.remove(next(security.iterchildren(q(DS, "Signature"))))

    def run() -> object:
        message = client.create_message(client.service, operation, **values)
        envelope = compose_envelope(message[-1][0], addressing, SoapVersion.SOAP12)
        envelope[0].append(copy(security))
        parts = [envelope[1], *envelope[0][:-1]]
        for number, part in enumerate(parts):
            part.set(q(WSU, "Id"), f"part-{number}")
        ids = [str(part.get(q(WSU, "Id"))) for part in (*parts, *envelope[0][-1])]
        signer = XMLSigner(
            SignatureConstructionMethod.detached,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        references = [SignatureReference(f"#{part_id}") for part_id in ids]
        key = sealing["identity"].key
        envelope[0][-1].append(signer.sign(envelope, key=key, reference_uri=references, id_attribute="Id"))
        return to_bytes(envelope)

    return run
