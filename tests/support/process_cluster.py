"""A court and its partners as real processes that may die at any moment, and what both sides know in the end."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.clock import Clock, FixedClock, SystemClock
from ccms_ws.demo.installation import Ports, make_installation
from ccms_ws.domain.abstracts import AbstractState, ReleaseReason
from ccms_ws.domain.messages import OutboxState
from ccms_ws.exchanges.col903 import COL903
from ccms_ws.exchanges.col903.handler import build_batches
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import order_hold, order_release
from ccms_ws.exchanges.dmv907.repository import Abstracts
from tests.support.commands import free_port_base
from tests.support.debtors import add_debtors, add_payment, hold_order

T = TypeVar("T")
CRASHING = Path(__file__).with_name("crashing")
PATIENCE = 90.0
"""Seconds: much more than anything takes on a busy machine, so that only what never happens fails a test."""
QUICK = {
    "CCMS_WS_DELIVERY__LEASE_SECONDS": "6",
    "CCMS_WS_DELIVERY__CONNECT_TIMEOUT_SECONDS": "0.5",
    "CCMS_WS_DELIVERY__READ_TIMEOUT_SECONDS": "2.5",
    "CCMS_WS_DELIVERY__FIRST_RETRY_SECONDS": "0.1",
    "CCMS_WS_DELIVERY__LONGEST_RETRY_SECONDS": "1",
    "CCMS_WS_DELIVERY__FIRST_REST_SECONDS": "0.2",
    "CCMS_WS_DELIVERY__LONGEST_REST_SECONDS": "1",
    "CCMS_WS_DELIVERY__POLL_SECONDS": "0.1",
    "CCMS_WS_LOG__LEVEL": "WARNING",
}


@dataclass(frozen=True)
class Program:
    """One program of the house."""

    name: str
    arguments: tuple[str, ...]
    port: str = ""


@dataclass
class ShiftedClock:
    """The clock of this process, when that of the programs is moved."""

    by: timedelta = timedelta(0)

    def now(self) -> datetime:
        return SystemClock().now() + self.by


@dataclass(frozen=True)
class Tally:
    """What both sides know, counted."""

    abstracts: int
    batches: int
    deaths: int
    attempts: int
    repeated: int
    answers: int

    def __str__(self) -> str:
        return (
            f"{self.deaths} deaths; {self.abstracts} abstracts and {self.batches} batches in {self.attempts} attempts, "
            f"each processed once ({self.repeated} came again and were known); "
            f"{self.answers} answers, each taken in once"
        )


class House:
    """Endpoint, workers, DMV and FTB.

    `logs`: where the programs' logs go; `clock`: of those who order messages here; `wrap`: commands that stand before
    programs, by name; `addresses`: where the court and the partners are instead of on loopback; `variables`: of the
    environment of all programs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        logs: Path | None = None,
        clock: Clock | None = None,
        wrap: Mapping[str, tuple[str, ...]] | None = None,
        addresses: tuple[str, str] = ("127.0.0.1", "127.0.0.1"),
        variables: Mapping[str, str] | None = None,
        workers: int = 1,
        people: int = 60,
    ) -> None:
        self.base = free_port_base()
        # Certificates that hold even if the clock is set back.
        yesterday = FixedClock(SystemClock().now() - timedelta(days=1))
        made = make_installation(folder / "court", yesterday, ports=Ports(self.base), ftb_answer_days=2 / 86_400)
        self.folder, self.settings, self.logs = folder, made.settings_file, logs or folder
        self.court_address, self.partner_address = addresses
        self.variables = variables or {}
        self._move()
        self.crashes = folder / "crashes"
        self.crashes.mkdir()
        self.wrap = wrap or {}
        config = ("--config", str(self.settings))
        memory = {name: str(folder / f"{name}.memory") for name in ("dmv", "ftb")}
        self.programs = {
            "endpoint": Program("endpoint", ("serve", *config), "court_port"),
            **{name: Program(name, ("worker", *config)) for name in [f"worker-{n}" for n in range(1, workers + 1)]},
            "dmv": Program("dmv", ("simulate", "DMV", *config, "--memory", memory["dmv"]), "dmv_port"),
            "ftb": Program("ftb", ("simulate", "FTB", *config, "--memory", memory["ftb"]), "ftb_port"),
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths = 0
        self.court: CourtApplication = replace(load_court(self.settings), clock=clock or SystemClock())
        self.people = iter(range(people))
        self.made: dict[int, list[UUID]] = {}
        self.paid = 0
        add_debtors(self.court, people)

    def _move(self) -> None:
        """Write the addresses into the settings."""
        for path in [self.settings, *(self.settings.parent / "partners").glob("*.toml")]:
            address = self.court_address if path == self.settings else self.partner_address
            path.write_text(path.read_text("utf-8").replace("127.0.0.1", address), "utf-8")

    # -- programs -----------------------------------------------------------------------------------------------------
    def __enter__(self) -> Self:
        try:
            for name in self.programs:
                self.start(name, wait=False)
            for name in self.programs:
                self.await_ready(name)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all programs."""
        for name in list(self.running):
            self.kill(name)

    def run(self, name: str, arguments: tuple[str, ...]) -> int:
        """Run a command to its end; its exit code."""
        command = [sys.executable, "-m", "ccms_ws", *arguments]
        return subprocess.run(command, env=self.environment(name), stdout=subprocess.DEVNULL, check=False).returncode

    def environment(self, name: str) -> dict[str, str]:
        path = os.pathsep.join([str(CRASHING), *filter(None, [os.environ.get("PYTHONPATH")])])
        own = {"PYTHONPATH": path, "CRASH_PROGRAM": name, "CRASH_FOLDER": str(self.crashes)}
        return {**os.environ, **QUICK, **self.variables, **own}

    def start(self, name: str, *, wait: bool = True) -> None:
        program = self.programs[name]
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*self.wrap.get(name, ()), sys.executable, "-m", "ccms_ws", *program.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment(name),
                start_new_session=True,
            )
        if wait:
            self.await_ready(name)

    def await_ready(self, name: str) -> None:
        port = self.programs[name].port
        if port:
            address = self.court_address if name == "endpoint" else self.partner_address
            process = self.running[name]

            def look() -> bool:
                assert process.poll() is None, f"{name} ended: {self.log_of(name)}"
                return _answers(address, Ports(self.base).named[port])

            self.wait(look, bool, f"{name} to listen")

    def log_of(self, name: str) -> str:
        """The last words of a program."""
        path = self.logs / f"{name}.log"
        return path.read_text("utf-8", "replace")[-2000:] if path.exists() else ""

    def kill(self, name: str) -> None:
        """As `kill -9`, with all that it has started."""
        process = self.running.pop(name, None)
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def revive(self) -> None:
        """Start again what has died."""
        for name, process in list(self.running.items()):
            if process.poll() is not None:
                self.kill(name)
                self.start(name, wait=False)

    def arm(self, name: str, point: str) -> None:
        """Let the program die when it passes the point next."""
        order = self.crashes / name
        order.with_suffix(".new").write_text(point, "ascii")
        order.with_suffix(".new").rename(order)

    def has_died(self, name: str, point: str) -> bool:
        return (self.crashes / f"{name}.{point}.hit").exists()

    def wait(self, look: Callable[[], T], done: Callable[[T], bool], what: str, patience: float = PATIENCE) -> T:
        deadline = time.monotonic() + patience
        while not done(seen := look()):
            assert time.monotonic() < deadline, f"still waiting for {what}: {seen}"
            time.sleep(0.02)
        return seen

    # -- business -----------------------------------------------------------------------------------------------------
    def push(self) -> None:
        """A hold on the next person, its release and a hold again; payments, and the batch that tells of them.

        The one before pays too, so that each batch is about somebody that the batch before it was about.
        """
        number = next(self.people)
        made = self.made.setdefault(number, [])
        made += self.order(lambda context, uow: [order_hold(hold_order(number), context, uow)])
        made += self.order(
            lambda context, uow: [order_release(made[0], ReleaseReason.COMPLIED, context.today, context, uow)]
        )
        made += self.order(lambda context, uow: [order_hold(hold_order(number), context, uow)])
        self.pay(number)
        if number:
            self.pay(number - 1)
        self.court.push(COL903, "FTB", lambda context, uow: build_batches(context, uow, size=1000))

    def pay(self, number: int) -> None:
        """Another instalment."""
        self.paid += 1
        add_payment(self.court, number, f"paid/{self.paid}")

    def order(self, compose: Callable[..., list[object]]) -> list[UUID]:
        """Put what `compose` makes for DMV into the outbox."""
        return self.court.push(DMV907, "DMV", compose)  # type: ignore[arg-type]

    # -- the end ------------------------------------------------------------------------------------------------------
    def settle(self) -> Tally:
        """Wait until nothing is under way, and hold what both sides know against each other."""

        def look() -> str:
            self.revive()
            return self.under_way()

        try:
            self.wait(look, lambda left: not left, "everything to arrive")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.report()}") from None
        abstracts = [one for made in self.made.values() for one in made]
        with self.court.reading() as uow:
            entries = {entry.message_id: entry for entry in uow.outbox.list_entries(limit=10_000)}
            states = {one: found.state for one in abstracts if (found := uow.of(Abstracts).find(one)) is not None}
            quarantined = list(uow.inbox.quarantined())
        batches = [entry.message_id for entry in reversed(entries.values()) if entry.exchange == "COL903"]
        dmv, ftb = self.tally("dmv"), self.tally("ftb")
        # Nothing lost, nothing done twice: every id once on both sides, whatever came how often.
        assert sorted(dmv) == sorted(abstracts)
        assert set(states.values()) == {AbstractState.ACCEPTED}
        assert len(states) == len(abstracts)
        assert quarantined == []
        # In order: what was about one person arrived as it was made.
        for made in self.made.values():
            assert [one for one in dmv if one in made] == made
        for made in self._batches_by_debt():
            assert [one for one in ftb if one in made] == made
        answers = self._ids("dmv", "SELECT answer_id FROM answer")
        taken = self._answers_taken_in()
        assert sorted(answers) == sorted(taken)
        return Tally(
            abstracts=len(abstracts),
            batches=len(batches),
            deaths=self.deaths,
            attempts=sum(entries[one].attempts for one in [*abstracts, *batches]),
            repeated=sum(times - 1 for times in (*dmv.values(), *ftb.values())),
            answers=len(answers),
        )

    def under_way(self) -> str:
        """What has not come to its end, in words; empty if all has."""
        with self.court.reading() as uow:
            if not uow.outbox.idle():
                return "messages in the outbox"
            if uow.outbox.list_entries(dead=True):
                return "dead letters"
        errands = sum(
            self._rows(name, "SELECT count(*) FROM errand WHERE outcome IS NULL")[0][0] for name in ("dmv", "ftb")
        )
        return f"{errands} answers of partners" if errands else ""

    def report(self) -> str:
        """Where everything stands, for somebody who looks into a failure."""
        with self.court.reading() as uow:
            entries = [one for one in uow.outbox.list_entries(limit=1000) if one.state is not OutboxState.DELIVERED]
            lines = uow.circuit_breakers.list_breakers()
        logs = (f"{name}: {self.log_of(name)}" for name in self.programs)
        return "\n".join(map(str, (*entries, *lines, *logs)))

    def failures(self) -> int:
        """How many attempts have failed in a row, on all lines."""
        with self.court.reading() as uow:
            return sum(line.failures for line in uow.circuit_breakers.list_breakers())

    def tally(self, partner: str) -> dict[UUID, int]:
        """The messages that a partner has taken, in the order of arrival, and how often each came."""
        rows = self._rows(partner, "SELECT message_id, times FROM received ORDER BY position")
        return {UUID(message_id): times for message_id, times in rows}

    def _ids(self, partner: str, query: str) -> list[UUID]:
        return [UUID(row[0]) for row in self._rows(partner, query)]

    def _batches_by_debt(self) -> Iterable[list[UUID]]:
        """For each debt the batches that are about it, in the order in which they were made."""
        by_debt: dict[str, list[UUID]] = defaultdict(list)
        query = (
            "SELECT referral_id, batch_id FROM balance_update"
            " JOIN outbox_message ON message_id = batch_id ORDER BY outbox_id"
        )
        with closing(sqlite3.connect(self.folder / "court" / "court.db")) as connection:
            for referral_id, batch_id in connection.execute(query):
                by_debt[referral_id].append(UUID(batch_id))
        return by_debt.values()

    def _answers_taken_in(self) -> list[UUID]:
        with closing(sqlite3.connect(self.folder / "court" / "court.db")) as connection:
            rows = connection.execute("SELECT message_id FROM inbox_message WHERE exchange = 'DMV907'").fetchall()
        return [UUID(row[0]) for row in rows]

    def _rows(self, partner: str, query: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / f"{partner}.memory", timeout=10)) as connection:
            return connection.execute(query).fetchall()


def _answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address, port)) == 0
