"""Attacks as files: tests/vectors/attacks/FAMILY/NN-NAME.xml (.xml.gz if large) with a sidecar that says what must come
of it. Written by tools/make-attack-vectors, read by the tests; they are opened at the time for which they were made.
"""

from __future__ import annotations

import gzip
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from pathlib import Path

from ccms_ws.clock import FixedClock
from ccms_ws.envelope.checks import Report
from ccms_ws.envelope.inbound import HttpMessage, VerifiedEnvelope
from ccms_ws.envelope.policy import Limits, Profile
from tests.support.envelopes import POLICY, QUERY, acceptance, opened
from tests.support.pki import NOW

FOLDER = Path(__file__).parents[1] / "vectors" / "attacks"
_LARGE = 64 * 1024


@dataclass(frozen=True)
class Expectation:
    """The sidecar. Empty values are left out of the file."""

    attack: int
    """The number in tests/attack/catalogue.py."""
    name: str
    reference: str
    content_type: str
    soap_action: str = ""
    code: str = ""
    """The code of the error that must come of it; empty: it may be accepted, because it says what was signed."""
    status: int = 0
    """Over HTTP; 0 for an answer, which the endpoint never receives."""
    fault: str = ""
    """Over HTTP: the fault's code, the most special one, with its usual prefix; empty if the refusal is not SOAP."""
    at: str = NOW.isoformat()
    """When it is opened."""
    message_limit: int = Limits().message
    relates_to: str = ""
    """The request that an answer must be to."""
    faults: bool = False
    """Whether the answer may be a fault."""
    only: str = ""
    """The one partner who may send this."""
    profile: str = ""
    """Adult probation's profile; the default one if empty."""
    connection: str = ""
    """The partner that mutual TLS has shown at the other end."""
    one_way: bool = False
    """Whether no message answers it in the HTTP response."""
    reason: str = ""
    """Why it is accepted."""
    remark: str = ""
    """How the remark about it begins, which is logged."""


@dataclass(frozen=True)
class Vector:
    """One stored attack."""

    family: str
    body: bytes
    expectation: Expectation

    @property
    def slug(self) -> str:
        """Its file's name without ending."""
        words = re.sub(r"[^a-z0-9]+", "-", self.expectation.name.lower()).strip("-")
        return f"{self.expectation.attack:02}-{words[:80].strip('-')}"

    def __str__(self) -> str:
        return f"{self.family}/{self.slug}"

    @property
    def received(self) -> HttpMessage:
        """The HTTP message."""
        return HttpMessage(self.body, self.expectation.content_type, self.expectation.soap_action or None)

    @property
    def clock(self) -> FixedClock:
        """The time at which it is opened."""
        return FixedClock(datetime.fromisoformat(self.expectation.at))

    def permits(self, partner_id: str, _root: str) -> bool:
        """Whether the receiver lets this partner send it."""
        return self.expectation.only in ("", partner_id)

    def profile_of(self, partner_id: str) -> Profile:
        """What this partner must sign."""
        said = self.expectation.profile if partner_id == "adult-probation" else ""
        return Profile(said) if said else Profile.GFIPM_S2S

    @property
    def one_way(self) -> frozenset[str]:
        """The messages that nothing answers in the HTTP response."""
        return frozenset({QUERY}) if self.expectation.one_way else frozenset()

    def open(self, report: Report | None = None) -> VerifiedEnvelope:
        """Open it as it must be opened."""
        limits = Limits(message=self.expectation.message_limit)
        return opened(
            self.received,
            policy=replace(POLICY, limits=limits),
            clock=self.clock,
            accept=acceptance(
                permits=self.permits,
                relates_to=self.expectation.relates_to or None,
                faults=self.expectation.faults,
                profile=self.profile_of,
                connection=self.expectation.connection,
                one_way=self.one_way,
            ),
            report=report,
        )

    def write(self) -> None:
        """Put message and sidecar into the folder."""
        folder = FOLDER / self.family
        folder.mkdir(parents=True, exist_ok=True)
        if len(self.body) > _LARGE:
            (folder / f"{self.slug}.xml.gz").write_bytes(gzip.compress(self.body, 9, mtime=0))
        else:
            (folder / f"{self.slug}.xml").write_bytes(self.body)
        defaults = {field.name: field.default for field in fields(Expectation)}
        values = {name: value for name, value in asdict(self.expectation).items() if value != defaults[name]}
        lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
        (folder / f"{self.slug}.toml").write_text("".join(lines), "utf-8")


def read_vectors() -> Iterator[Vector]:
    """Every vector in the folder. A sidecar without message, or a message without sidecar, is an error."""
    sidecars = sorted(FOLDER.glob("*/*.toml"))
    messages = {path.parent / path.name.partition(".")[0]: path for path in FOLDER.glob("*/*.xml*")}
    assert set(messages) == {path.with_suffix("") for path in sidecars}, "a vector without its other half"
    for path in sidecars:
        message = messages[path.with_suffix("")]
        body = gzip.decompress(message.read_bytes()) if message.suffix == ".gz" else message.read_bytes()
        yield Vector(path.parent.name, body, Expectation(**tomllib.loads(path.read_text("utf-8"))))
