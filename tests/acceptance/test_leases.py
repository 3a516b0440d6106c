"""Workers as real processes, and a partner over HTTP who takes its time: nothing is sent twice, and nothing late."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from ccms_ws.demo.installation import Ports
from ccms_ws.domain.abstracts import ReleaseReason
from ccms_ws.exchanges.dmv907.handler import order_hold, order_release
from tests.support.debtors import hold_order
from tests.support.http_server import HttpReply, HttpRequest, http_server
from tests.support.process_cluster import House

_MESSAGE_ID = re.compile(rb"MessageID[^>]*>urn:uuid:([0-9a-f-]{36})<")
SHORT_LEASES = {
    "CCMS_WS_DELIVERY__LEASE_SECONDS": "6",
    "CCMS_WS_DELIVERY__CONNECT_TIMEOUT_SECONDS": "0.1",
    "CCMS_WS_DELIVERY__READ_TIMEOUT_SECONDS": "2.9",
}


class SlowPartner:
    """Takes each message, and says so only after `seconds`. `taken`: their ids in the order of arrival."""

    def __init__(self, seconds: float) -> None:
        self.taken: list[UUID] = []
        self.seconds = seconds

    def receive(self, request: HttpRequest) -> HttpReply:
        found = _MESSAGE_ID.search(request.body)
        assert found is not None
        self.taken.append(UUID(found[1].decode()))
        time.sleep(self.seconds)
        return HttpReply(202)


@contextmanager
def workers(folder: Path, *, seconds: float, people: int, releases: bool) -> Iterator[tuple[House, SlowPartner]]:
    """A court with orders for DMV, two workers that are not yet started, and DMV."""
    house = House(folder, workers=2, people=people, variables=SHORT_LEASES)
    for number in range(people):
        made = house.order(lambda context, uow, number=number: [order_hold(hold_order(number), context, uow)])
        if releases:
            made += house.order(
                lambda context, uow, held=made[0]: [
                    order_release(held, ReleaseReason.COMPLIED, context.today, context, uow)
                ]
            )
        house.made[number] = made
    try:
        partner = SlowPartner(seconds)
        with http_server(partner.receive, port=Ports(house.base).named["dmv_port"]):
            yield house, partner
    finally:
        house.close()


def nothing_waits(house: House) -> bool:
    with house.court.reading() as uow:
        return uow.outbox.idle()


def test_a_slow_partner_gets_no_message_twice(tmp_path: Path) -> None:
    """Each worker claims far more than it can send while a lease lasts."""
    with workers(tmp_path, seconds=2.2, people=40, releases=False) as (house, partner):
        house.start("worker-1")
        house.start("worker-2")
        house.wait(lambda: nothing_waits(house), bool, "everything to arrive")
        assert Counter(partner.taken) == Counter(one for made in house.made.values() for one in made)


def test_a_worker_that_was_stopped_for_longer_than_its_leases_sends_nothing_when_it_goes_on(tmp_path: Path) -> None:
    with workers(tmp_path, seconds=0.5, people=16, releases=True) as (house, partner):
        house.start("worker-1")
        house.wait(lambda: len(partner.taken), lambda taken: taken >= 3, "the first messages")
        os.killpg(house.running["worker-1"].pid, signal.SIGSTOP)
        house.start("worker-2")
        house.wait(lambda: nothing_waits(house), bool, "the other worker to send everything")
        time.sleep(1)
        before = list(partner.taken)
        os.killpg(house.running["worker-1"].pid, signal.SIGCONT)
        time.sleep(4)
        assert partner.taken == before
        for made in house.made.values():
            assert [one for one in dict.fromkeys(partner.taken) if one in made] == made
