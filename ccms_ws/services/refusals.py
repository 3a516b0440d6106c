"""Which refusals are stored individually, and which are only counted so that a flood fills neither log nor database.

Those of authenticated partners are stored. Of unauthenticated senders the first few with each error code in a minute
are stored; the others are counted, and share one incident id, under which the count is stored. Refusals because a
partner exceeds its rate, and refusals while the database is unavailable, are counted as well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from ccms_ws.domain.messages import Refusal, RefusalCount
from ccms_ws.domain.ports import UnitOfWorkFactory
from ccms_ws.errors import CcmsWsError, StoreError, StoreUnavailable
from ccms_ws.log import Limited, get_logger
from ccms_ws.services.rates import RateLimited

log = get_logger(__name__)
_outage = Limited(log, most=1)

KEPT_EACH_MINUTE: Final = 20
"""Refusals of unauthenticated senders with one error code, in one process."""
_WINDOW: Final = 60.0

_Key = tuple[str, str]
"""Partner id (empty if not authenticated) and error code."""


@dataclass(slots=True)
class _Count:
    """Refusals that are only counted, until the count is stored for the last time."""

    began_at: datetime
    last_at: datetime
    since: float
    incident_id: UUID = field(default_factory=uuid4)
    number: int = 0
    stored: int = 0


class RefusalRecorder:
    """Stores refusals and writes them to the log. Thread-safe."""

    def __init__(
        self,
        units: UnitOfWorkFactory,
        kept_each_minute: int | None = KEPT_EACH_MINUTE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`kept_each_minute`: of unauthenticated senders, for each error code; None: all."""
        self._units = units
        self._most = kept_each_minute
        self._monotonic = monotonic
        self._kept: dict[_Key, tuple[float, int]] = {}
        """For each key: since when how many were stored."""
        self._counts: dict[_Key, _Count] = {}
        self._lock = threading.Lock()

    def record(self, refusal: Refusal) -> UUID:
        """Keep or count a refusal. Returns the incident id for its sender: that of the count, if it is only counted."""
        if self._may_be_kept(refusal) and self._keep(refusal):
            log.warning(
                "message.refused",
                incident=str(refusal.incident_id),
                code=refusal.code,
                rule=refusal.rule,
                partner=refusal.partner_id,
                path=refusal.address,
            )
            return refusal.incident_id
        return self._count(refusal)

    def count(self, error: CcmsWsError, at: datetime) -> UUID:
        """Count a request that was refused before it was examined, without waiting for the database.

        Returns the incident id for its sender.
        """
        return self._count(Refusal(uuid4(), at, "", "", error.code, error.rule, error.detail, 0, b""))

    def flush(self) -> None:
        """Store the counts. To be called every few seconds; nothing is lost while the database is unavailable."""
        now = self._monotonic()
        with self._lock:
            changed = {key: count for key, count in self._counts.items() if count.number > count.stored}
            counts = [
                RefusalCount(each.incident_id, *key, each.began_at, each.last_at, each.number)
                for key, each in changed.items()
            ]
        if counts:
            try:
                with self._units() as uow:
                    uow.inbox.count_refusals(counts)
                    uow.commit()
            except StoreError as error:
                _outage.warning("store.unavailable", code=error.code, why=error.detail)
                return
        with self._lock:
            for key, stored in zip(changed, counts, strict=True):
                self._counts[key].stored = stored.number
            over = [
                key
                for key, count in self._counts.items()
                if now >= count.since + _WINDOW and count.number == count.stored
            ]
            ended = [(key, self._counts.pop(key)) for key in over]
        for (partner_id, code), count in ended:
            log.warning(
                "messages.refused",
                incident=str(count.incident_id),
                code=code,
                partner=partner_id,
                messages=count.number,
                since=count.began_at.isoformat(timespec="seconds"),
            )

    def _may_be_kept(self, refusal: Refusal) -> bool:
        if refusal.code in (RateLimited.code, StoreUnavailable.code):
            return False
        if refusal.partner_id or self._most is None:
            return True
        now, key = self._monotonic(), (refusal.partner_id, refusal.code)
        with self._lock:
            since, number = self._kept.get(key, (now, 0))
            if now >= since + _WINDOW:
                since, number = now, 0
            self._kept[key] = (since, number + 1)
        return number < self._most

    def _keep(self, refusal: Refusal) -> bool:
        try:
            with self._units() as uow:
                uow.inbox.refuse(refusal)
                uow.commit()
        except StoreUnavailable as error:
            _outage.warning("store.unavailable", code=error.code, why=error.detail)
            return False
        except StoreError as error:
            _outage.error("gateway.refusal-not-recorded", incident=str(refusal.incident_id), exc_info=error)
            return False
        return True

    def _count(self, refusal: Refusal) -> UUID:
        key = (refusal.partner_id, refusal.code)
        if refusal.code == StoreUnavailable.code:
            _outage.warning("store.unavailable", code=refusal.code, why=refusal.detail)
        with self._lock:
            count = self._counts.get(key)
            if count is None:
                count = self._counts[key] = _Count(refusal.at, refusal.at, self._monotonic())
            count.number += 1
            count.last_at = refusal.at
            return count.incident_id
