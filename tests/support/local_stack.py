"""The whole line in one process: a court with database, gate on a socket and worker, and simulated partners."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Self, TypeVar
from uuid import UUID

from ccms_ws.bootstrap import CourtApplication, open_court
from ccms_ws.config import Settings
from ccms_ws.demo.court import fill
from ccms_ws.domain.abstracts import Abstract
from ccms_ws.domain.collections import CollectionBatch
from ccms_ws.exchanges.col903.repository import Batches
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.simulator import RunningPartner, Simulation
from ccms_ws.store import migrate
from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import unit_of_work
from tests.support.http_server import wsgi_server

T = TypeVar("T")
PATIENCE = 15.0


class Line:
    """Use it in a `with` block. `partners`: the simulations to run, by partner id."""

    def __init__(self, settings: Settings, partners: dict[str, Simulation]) -> None:
        self._engine = open_engine(settings.database.url)
        migrate.upgrade(self._engine)
        self.court: CourtApplication = replace(open_court(settings), units=unit_of_work(self._engine))
        self.worker = self.court.worker()
        self._simulations = partners
        self.partners: dict[str, RunningPartner] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        with self.court.units() as uow:
            fill(uow, self.court.court)
            uow.commit()
        settings = self.court.settings
        self._open.callback(self._engine.dispose)
        self._open.enter_context(wsgi_server(settings.endpoint.port)).set_app(self.court.gateway())
        for name, simulation in self._simulations.items():
            self.partners[name] = self._open.enter_context(RunningPartner(settings, name, simulation))
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def work(self) -> None:
        """Run the worker in the background until the block ends."""
        thread = threading.Thread(target=self.worker.run, daemon=True)
        thread.start()
        self._open.callback(thread.join)
        self._open.callback(self.worker.stop)

    def wait(self, look: Callable[[], T], done: Callable[[T], bool]) -> T:
        """What `look` sees once it is `done`; fails after some seconds."""
        deadline = time.monotonic() + PATIENCE
        while not done(seen := look()):
            assert time.monotonic() < deadline, f"still {seen}"
            time.sleep(0.02)
        return seen

    def idle(self) -> bool:
        """True if the court has nothing to send and no partner has."""
        with self.court.units() as uow:
            waiting = not uow.outbox.idle()
        return not waiting and not any(partner.memory.open_errands() for partner in self.partners.values())

    def batch(self, batch_id: UUID) -> CollectionBatch:
        with self.court.units() as uow:
            found = uow.of(Batches).find_batch(batch_id)
        assert found is not None
        return found

    def abstract(self, abstract_id: UUID) -> Abstract:
        with self.court.units() as uow:
            found = uow.of(Abstracts).find(abstract_id)
        assert found is not None
        return found
