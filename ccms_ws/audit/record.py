"""Reading the file of heads: valid lines, the heads that the chains must agree with, losses by a restore."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from ccms_ws.audit.lines import NO_LINE, Event, Line, certificates_of_court, hash_of, is_signed_by, read_line
from ccms_ws.errors import ConfigError
from ccms_ws.store.hash_chain import Head


@dataclass(frozen=True, slots=True)
class Lost:
    """A restore: the chains went back from `reached` (the recorded heads) to `restored`."""

    at: datetime
    reason: str
    since: datetime
    """When the heads of the copy were recorded: changes from then until the restore are lost."""
    reached: tuple[Head, ...]
    restored: tuple[Head, ...]

    @property
    def entries(self) -> int:
        """At least how many entries are lost."""
        kept = {head.chain: head.length for head in self.restored}
        return sum(max(0, head.length - kept.get(head.chain, 0)) for head in self.reached)


@dataclass(frozen=True, slots=True)
class Record:
    """The content of the file. `faults`: its problems, with the number of the line; `last`: when it was last
    written."""

    lines: int
    heads: tuple[Head, ...]
    """The heads that the chains must agree with: those of every valid line, without those that a restore has lost."""
    reached: tuple[Head, ...]
    """The last head of each chain."""
    faults: tuple[str, ...]
    lost: tuple[Lost, ...]
    last: datetime | None

    def behind(self, now: Iterable[Head]) -> tuple[Head, ...]:
        """The heads beyond the ends of the chains in `now`: the database is an older copy, or was truncated."""
        length = {head.chain: head.length for head in now}
        return tuple(head for head in self.reached if length.get(head.chain, 0) < head.length)


def read_record(path: Path, own: Iterable[x509.Certificate]) -> Record:
    """Read and verify the file; a missing one has no lines. `own`: the court's known certificates."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", hint="see audit.heads") from None
    return _read(content.splitlines(), own)


def _read(raws: list[bytes], own: Iterable[x509.Certificate]) -> Record:
    lines = [read_line(raw) for raw in raws]
    known = certificates_of_court([line for line in lines if line is not None], own)
    faults, lost, previous, last = list[str](), list[Lost](), NO_LINE, None
    noted: dict[Head, datetime] = {}
    reached: dict[int, Head] = {}
    for number, (raw, line) in enumerate(zip(raws, lines, strict=True), 1):
        # A line that was incomplete when its program died does not count; the next one records that it was there.
        if line is None:
            previous = hash_of(raw)
            continue
        if line.previous != previous:
            faults.append(f"line {number}: lines before it are missing, or were changed")
        previous, fault = hash_of(raw), _fault(line, known)
        if fault:
            faults.append(f"line {number}: {fault}")
            continue
        last = line.at
        if line.event is Event.RESTORED:
            lost.append(_lost(line, noted, reached))
            kept = {head.chain: head.length for head in line.heads}
            noted = {head: at for head, at in noted.items() if head.length <= kept.get(head.chain, 0)}
            reached = {}
        for head in line.heads:
            noted.setdefault(head, line.at)
            reached[head.chain] = head
    return Record(len(raws), tuple(noted), tuple(reached.values()), tuple(faults), tuple(lost), last)


def _fault(line: Line, known: Mapping[str, x509.Certificate]) -> str:
    if line.signer not in known:
        return f"signed with a certificate that is not known as the court's ({line.signer[:16]}...)"
    return "" if is_signed_by(line, known[line.signer]) else "its signature is wrong"


def _lost(line: Line, noted: dict[Head, datetime], reached: dict[int, Head]) -> Lost:
    kept = {head.chain: head.length for head in line.heads}
    known = [at for head, at in noted.items() if head.length <= kept.get(head.chain, 0)]
    beyond = [at for head, at in noted.items() if head.length > kept.get(head.chain, 0)]
    since = max(known, default=min(beyond, default=line.at))
    return Lost(line.at, line.reason, since, tuple(reached.values()), line.heads)
