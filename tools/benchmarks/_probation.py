"""A court of any size for benchmarks, and the queries that a probation department sends to it, sealed beforehand."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from urllib.request import urlopen
from uuid import uuid4

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.clock import SystemClock
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.demo.installation import COURT, Ports, make_installation
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.envelope.addressing import Addressing
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.outbound import seal_payload
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.exchanges.fcc807 import FCC807, wire
from ccms_ws.exchanges.fcc807.messages import Query
from ccms_ws.message_parts.metadata import MessageKind, Metadata
from tests.support.commands import free_port_base

ENTRIES_A_CASE = 10
_FEES = ("BaseFine", "StatePenalty", "CountyPenalty", "CourtOperations", "ConvictionAssessment")


@dataclass(frozen=True)
class BenchCourt:
    """An installation with `cases` cases, each of one defendant with ten ledger entries."""

    folder: Path
    application: CourtApplication
    cases: int

    @property
    def port(self) -> int:
        return self.application.settings.endpoint.port

    def queries(self, count: int, seed: int = 0) -> list[bytes]:
        """Sealed queries of cases picked at random, each with an id of its own. Fresh for five minutes."""
        pick = Random(seed)  # noqa: S311 - the same cases each time
        identity = Identity.load(
            self.folder / "pki" / "adult-probation.key", self.folder / "pki" / "adult-probation.crt"
        )
        return [self._query(case_number(pick.randrange(self.cases)), identity) for _ in range(count)]

    def _query(self, case: str, identity: Identity) -> bytes:
        court, partner = self.application.court, self.application.partners["ADULT-PROBATION"]
        transaction, clock = uuid4(), self.application.clock
        metadata = Metadata(
            transaction_id=transaction,
            correlation_id=None,
            at=clock.now(),
            exchange=FCC807.code,
            kind=MessageKind.QUERY,
            version=FCC807.version,
            sender_id=partner.partner_id,
            sender_name=partner.name,
            receiver_id=court.ori,
            receiver_name=court.name,
            court_ori=court.ori,
            court_name=court.name,
            county_code=court.county_code,
            test=self.application.settings.court.test,
        )
        query = Query(
            metadata=metadata, court_ori=court.ori, unit=ProbationUnit.ADULT, agency=partner.name, case_number=case
        )
        (operation,) = load_wsdl(FCC807.service).operations.values()
        addressing = Addressing.request(
            to=self.application.settings.endpoint.public_url + FCC807.path,
            action=operation.input_action,
            message_id=f"urn:uuid:{transaction}",
        )
        payload = canonical(wire.query_to_xml(query))
        policy = self.application.policy
        return seal_payload(payload, addressing, SoapVersion.SOAP12, identity=identity, policy=policy, clock=clock)


@contextmanager
def bench_court(cases: int) -> Iterator[BenchCourt]:
    """A court in a temporary folder, on the disk that holds temporary files."""
    with tempfile.TemporaryDirectory(prefix="ccms-ws-bench-") as name:
        folder = Path(name) / "court"
        made = make_installation(folder, SystemClock(), ports=Ports(free_port_base()))
        settings = made.settings_file.read_text("utf-8")
        settings = settings.replace('format = "console"', 'format = "json"')
        limit = "\n[endpoint.rate]\nrequests_per_second = 100000\nburst = 100000\n"  # none
        made.settings_file.write_text(settings + limit, "utf-8")
        _fill(folder / "court.db", cases)
        yield BenchCourt(folder, load_court(made.settings_file), cases)


def case_number(number: int) -> str:
    return f"BN-{2000 + number % 25}-{number:08}"


def _fill(database: Path, cases: int) -> None:
    """Straight into SQLite, in the order of the keys: ten million ledger entries in a minute or two."""
    connection = sqlite3.connect(database)
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -500000", "temp_store = MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    numbers = sorted((case_number(number), number) for number in range(cases))
    ori = COURT.ori
    with connection:
        connection.executemany(
            "INSERT INTO participant VALUES (?, ?, ?, ?, '', '', ?, NULL, NULL)",
            (
                (ori, f"B{number:08}", f"Given{number % 997}", f"Surname{number}", "1980-01-01")
                for number in range(cases)
            ),
        )
        connection.executemany(
            "INSERT INTO court_case VALUES (?, ?, 'traffic', 'open', '', 0, 0)", ((ori, case) for case, _ in numbers)
        )
        connection.executemany(
            "INSERT INTO case_participant VALUES (?, ?, ?, 'Defendant')",
            ((ori, case, f"B{number:08}") for case, number in numbers),
        )
        connection.executemany(
            "INSERT INTO ledger_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', NULL, NULL)", _entries(ori, numbers)
        )
    connection.close()


def _entries(ori: str, numbers: list[tuple[str, int]]) -> Iterator[tuple[object, ...]]:
    days = [(date(2024, 1, 1) + timedelta(days=day)).isoformat() for day in range(600)]
    for case, number in numbers:
        for index in range(ENTRIES_A_CASE):
            fee, day = _FEES[index % len(_FEES)], days[(number + index * 7) % len(days)]
            key = (f"{case}/{index:02}", ori, case, f"B{number:08}")
            if index < len(_FEES):
                yield (*key, "assessment", fee, 10_000 + number % 500, day, "VC 22350", day)
            else:
                yield (*key, "payment", fee, 100 + index, day, "", None)


# -- over sockets -----------------------------------------------------------------------------------------------------
@contextmanager
def running(court: BenchCourt, core: int) -> Iterator[int]:
    """`ccms-ws serve` on one core; the id of its process."""
    command = ["taskset", "-c", str(core), sys.executable, "-m", "ccms_ws", "serve"]
    settings = str(court.folder / "ccms-ws.toml")
    process = subprocess.Popen([*command, "--config", settings], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                with urlopen(f"http://127.0.0.1:{court.port}/health", timeout=1):
                    break
            except OSError:
                time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def cpu_seconds(process: int) -> float:
    """What a process and its children have used."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if process in (int(stat.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / 100


def drive(court: BenchCourt, queries: list[bytes], connections: int, rate: float, core: int) -> dict[str, list[float]]:
    """Send the queries from another process, `rate` of them a second (0: as fast as answers come).

    Seconds that each answer took, counted from when its query was due; when the first and the last answer came.
    """
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(b"%8d%b" % (len(query), query) for query in queries))
        file.flush()
        arguments = [str(court.port), FCC807.path, file.name, str(connections), str(rate)]
        program = Path(__file__).with_name("_client.py")
        command = ["taskset", "-c", str(core), sys.executable, str(program), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, list[float]] = json.loads(done.stdout)
    return result
