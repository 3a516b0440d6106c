"""A court with debts in the hands of FTB and holds for DMV, a partner that costs little, and a court that delivers."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ccms_ws.bootstrap import CourtApplication, load_court
from ccms_ws.clock import SystemClock
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.demo.installation import COURT, Ports, make_installation
from ccms_ws.dispatch import send
from ccms_ws.domain.abstracts import OrderKind, SectionRole, SectionViolated
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, open_envelope
from ccms_ws.envelope.policy import Limits, SecurityPolicy
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.exchanges.dmv907 import DMV907
from ccms_ws.exchanges.dmv907.handler import HoldOrder, order_hold
from tests.support.commands import free_port_base

_CORE_OF_COURT, _CORE_OF_PARTNER = "0", "-1"
_SAMPLES = 10
_FEES = (
    ("BaseFine", 39_000),
    ("StatePenalty", 15_000),
    ("CountyPenalty", 9_000),
    ("CourtOperations", 4_000),
    ("ConvictionAssessment", 3_500),
    ("CriminalFineSurcharge", 2_000),
)
"""What a traffic fine is made of, in cents."""


@dataclass(frozen=True)
class Collecting:
    """A court in a temporary folder; its partners listen where a `_receiver` will."""

    folder: Path
    settings_file: Path
    base: int

    @property
    def court(self) -> CourtApplication:
        return load_court(self.settings_file)

    def deliver(self, what: str, partner: str, messages: int, *, one_core: bool = False) -> dict[str, Any]:
        """Let the court deliver, and say what `_deliver` and `_receiver` have measured.

        `one_core`: the court has one core, the partner another.

        Every message must have arrived once; some are looked at as a partner would.
        """
        push = self.court.push_settings(partner, what.upper())
        with tempfile.TemporaryDirectory(prefix="ccms-ws-bench-") as samples:
            port, every = self._port(partner), str(max(1, messages // _SAMPLES))
            receiving = _program("_receiver.py", str(port), every, samples, core=_CORE_OF_PARTNER if one_core else "")
            try:
                assert receiving.stdout is not None  # noqa: S101 - it is piped
                receiving.stdout.readline()
                court = _program("_deliver.py", str(self.settings_file), what, core=_CORE_OF_COURT if one_core else "")
                measured: dict[str, Any] = json.loads(court.communicate()[0])
            finally:
                receiving.send_signal(signal.SIGTERM)
                received = json.loads(receiving.communicate(timeout=30)[0])
            ids = received["ids"]
            if len(ids) != messages or len(set(ids)) != messages:
                raise RuntimeError(f"{messages} messages, of which {len(set(ids))} arrived in {len(ids)}")
            for sample in Path(samples).iterdir():
                self._check(sample.read_bytes(), push.wsdl, push.url)
        return measured | {"partner_cpu": received["cpu"]}

    def _port(self, partner: str) -> int:
        return Ports(self.base).named[f"{partner.lower()}_port"]

    def _check(self, request: bytes, wsdl: Path, url: str) -> None:
        """What arrived is what a partner must accept."""
        head, _, body = request.partition(b"\r\n\r\n")
        content_type = next(line[13:].strip() for line in head.split(b"\r\n") if line.lower()[:13] == b"content-type:")
        certificate = self.court.identity.certificate
        open_envelope(
            HttpMessage(body, content_type.decode()),
            trust=TrustStore([PinnedCertificate(COURT.ori, certificate)]),
            policy=SecurityPolicy(limits=Limits(message=1 << 30, elements=1 << 30)),
            clock=SystemClock(),
            acceptance=ReceivePolicy(
                to=frozenset({url}),
                operations={each.input: each.input_action for each in load_wsdl(wsdl).operations.values()},
                permits=lambda _partner, _root: True,
            ),
        )


def _program(name: str, *arguments: str, core: str) -> subprocess.Popen[str]:
    number = range(os.cpu_count() or 1)[int(core)] if core else None
    pinned = [] if number is None else ["taskset", "-c", str(number)]
    command = [*pinned, sys.executable, str(Path(__file__).with_name(name)), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@contextmanager
def collecting(debts: int, *, batch_size: int = 1000, fees: int = 1) -> Iterator[Collecting]:
    """A court with so many debts in FTB's hands, each of so many fees, of each of which something was paid since."""
    with tempfile.TemporaryDirectory(prefix="ccms-ws-bench-") as name:
        folder, base = Path(name) / "court", free_port_base()
        made = make_installation(folder, SystemClock(), ports=Ports(base))
        profile = folder / "partners" / "FTB.toml"
        profile.write_text(profile.read_text("utf-8").replace("batch_size = 1000", f"batch_size = {batch_size}"))
        _fill(folder / "court.db", debts, _FEES[:fees])
        yield Collecting(folder, made.settings_file, base)


def _fill(database: Path, debts: int, fees: Sequence[tuple[str, int]]) -> None:
    """Straight into SQLite: each debt has its assessments, a payment of before the referral, and one of since."""
    connection = sqlite3.connect(database)
    for pragma in ("synchronous = OFF", "foreign_keys = OFF", "cache_size = -200000"):
        connection.execute(f"PRAGMA {pragma}")
    ori, numbers = COURT.ori, range(debts)
    referred = sum(amount for _, amount in fees) - 1_000
    with connection:
        for table in (
            "balance_update",
            "collection_batch",
            "reported_entry",
            "pending_correction",
            "referral_line",
            "referral",
        ):
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
        _insert(
            connection,
            "participant",
            "court_ori, participant_id, given, surname, middle, suffix, birth_date, license_number,"
            " license_jurisdiction",
            ((ori, f"B{n:08}", f"Given{n % 997}", f"Surname{n}", "", "", "1980-01-01", None, None) for n in numbers),
        )
        _insert(
            connection,
            "court_case",
            "court_ori, number, case_type, status, title, confidential, sealed",
            ((ori, _case(n), "traffic", "open", "", 0, 0) for n in numbers),
        )
        _insert(
            connection,
            "case_participant",
            "court_ori, case_number, participant_id, role",
            ((ori, _case(n), f"B{n:08}", "Defendant") for n in numbers),
        )
        _insert(
            connection,
            "ledger_entry",
            "entry_id, court_ori, case_number, participant_id, kind, fee_kind, amount, posted_on, statute, imposed_on,"
            " reason",
            (entry for n in numbers for entry in _entries(ori, n, fees)),
        )
        _insert(
            connection,
            "referral",
            "referral_id, partner_id, court_ori, case_number, participant_id, referred_on, referred_amount,"
            " account_number, purpose, state, reason",
            (
                (
                    *(f"R{n:08}", "FTB", ori, _case(n), f"B{n:08}", "2025-09-01", referred + n % 500, f"99{n:010}"),
                    *("Collect", "open", ""),
                )
                for n in numbers
            ),
        )
        _insert(
            connection,
            "referral_line",
            "referral_id, entry_id, court_ori, added_on",
            ((f"R{n:08}", f"{_case(n)}/{index}", ori, "2025-09-01") for n in numbers for index, _ in enumerate(fees)),
        )
    connection.execute("ANALYZE")
    connection.close()


def _insert(connection: sqlite3.Connection, table: str, columns: str, rows: Iterator[tuple[object, ...]]) -> None:
    places = ", ".join("?" * len(columns.split(",")))
    connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)  # noqa: S608 - names of ours


def _case(number: int) -> str:
    return f"BN-{2000 + number % 25}-{number:08}"


def _entries(ori: str, number: int, fees: Sequence[tuple[str, int]]) -> Iterator[tuple[object, ...]]:
    case, person = _case(number), f"B{number:08}"
    for index, (fee, amount) in enumerate(fees):
        more = number % 500 if index == 0 else 0
        key = (f"{case}/{index}", ori, case, person)
        yield (*key, "assessment", fee, amount + more, "2025-05-02", "VC 22350", "2025-05-02", "")
    for index, (amount, day) in enumerate(((1_000, "2025-06-20"), (2_500, "2026-10-05")), start=len(fees)):
        yield (f"{case}/{index}", ori, case, person, "payment", "BaseFine", amount, day, "", None, "")


def order_holds(court: CourtApplication, numbers: Iterable[int]) -> None:
    """Holds on the licenses of these people, composed and in the outbox."""
    ori = court.court.ori
    with court.units() as uow:
        connection = uow.connection  # type: ignore[attr-defined]
        connection.exec_driver_sql(
            "UPDATE participant SET license_number = 'A' || (7000000 + CAST(substr(participant_id, 2) AS INTEGER)),"
            " license_jurisdiction = 'CA' WHERE participant_id GLOB 'B0*' AND court_ori = ?",
            (ori,),
        )
        for number in numbers:
            order = HoldOrder(
                case_number=_case(number),
                participant_id=f"B{number:08}",
                sections=(
                    SectionViolated("VC", "40508(c)", SectionRole.COMPLIANCE),
                    SectionViolated("VC", "14601.1(a)", SectionRole.UNDERLYING),
                ),
                violation_date=date(2025, 5, 2),
                order_kind=OrderKind.PROGRAM,
                order_date=date(2025, 10, 6),
                noncompliance_date=date(2026, 4, 6),
                convicted_on=date(2025, 6, 17),
            )
            context = court.context("DMV")
            message = order_hold(order, context, uow)
            message_id = message.metadata.transaction_id
            send(DMV907, message, message_id=message_id, partner_id="DMV", now=context.now, uow=uow)
        uow.commit()
