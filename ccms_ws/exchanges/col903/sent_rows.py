"""Which rows of a court's own file were sent to a partner in which batch: kept beside the file, one JSON object a line.

A batch is written down before it is sent, and what came of it afterwards: a program that died in between can send the
same batch again, with its id and its Body as they were, which has one effect at the partner.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO, Any, Self
from uuid import UUID

from ccms_ws.exchanges.col903.messages import Update
from ccms_ws.tabular_files import FileRefused


@dataclass(frozen=True, slots=True)
class KeptBatch:
    """A batch that was begun. `rows`: the key of each row by its sequence number; `outcome` is empty until it is known.

    `body` is the digest of what was sent.
    """

    batch_id: UUID
    partner_id: str
    at: datetime
    rows: Mapping[int, str]
    body: str
    outcome: str = ""


@dataclass(slots=True)
class SentRows:
    """The batches of one file, open for one program at a time."""

    path: Path
    _file: IO[str]
    batches: dict[UUID, KeptBatch] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """What is kept at `path`, which is made if it is not there. Raises FileRefused, OSError."""
        path.touch(mode=0o600)
        with path.open("r+", encoding="utf-8", newline="\n") as file:
            try:
                flock(file, LOCK_EX | LOCK_NB)
            except OSError as error:
                raise FileRefused(path.name, "another program is sending this file") from error
            found = cls(path, file)
            found._read()
            yield found

    def done(self, partner_id: str) -> dict[str, KeptBatch]:
        """The rows whose batch the partner has, with that batch."""
        return {
            row: batch
            for batch in self.batches.values()
            if batch.outcome and batch.partner_id == partner_id
            for row in batch.rows.values()
        }

    def begun(self, partner_id: str) -> list[KeptBatch]:
        """The batches of which it is not known whether the partner has them."""
        return [batch for batch in self.batches.values() if not batch.outcome and batch.partner_id == partner_id]

    def begin(self, batch: KeptBatch, updates: Sequence[Update]) -> None:
        """Write a batch down, on the disk, before it is sent."""
        if batch.batch_id not in self.batches:
            about = {u.sequence: [u.subject.case_number, u.subject.participant.participant_id] for u in updates}
            self._write(
                {
                    "batch": str(batch.batch_id),
                    "partner": batch.partner_id,
                    "at": batch.at.isoformat(),
                    "rows": about,
                    "keys": batch.rows,
                    "body": batch.body,
                }
            )
            self.batches[batch.batch_id] = batch

    def end(self, batch_id: UUID, outcome: str) -> None:
        """Write down what the partner said of a batch."""
        self._write({"batch": str(batch_id), "outcome": outcome})
        self.batches[batch_id] = replace(self.batches[batch_id], outcome=outcome)

    def _read(self) -> None:
        """All lines; one that was not written to its end is cut off: its batch was not sent."""
        whole = 0
        for number, line in enumerate(self._file, start=1):
            if not line.endswith("\n"):
                break
            whole += len(line.encode())
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise FileRefused(
                    self.path.name, "is no record of a batch that was sent", line=number, hint="--again sends all rows"
                ) from error
        self._file.seek(whole)
        self._file.truncate()

    def _take(self, said: Mapping[str, Any]) -> None:
        batch_id = UUID(said["batch"])
        if "outcome" in said:
            self.batches[batch_id] = replace(self.batches[batch_id], outcome=said["outcome"])
            return
        rows = {int(number): key for number, key in said["keys"].items()}
        at = datetime.fromisoformat(said["at"])
        self.batches[batch_id] = KeptBatch(batch_id, said["partner"], at, rows, said["body"])

    def _write(self, said: Mapping[str, Any]) -> None:
        print(json.dumps(said), file=self._file, flush=True)
        os.fsync(self._file.fileno())


def row_key(update: Update) -> str:
    """The same for the same row of a file, whatever batch it is sent in."""
    return hashlib.sha256(repr(replace(update, sequence=0)).encode()).hexdigest()[:32]


def numbered_again(updates: Sequence[Update]) -> list[Update]:
    """The same updates, numbered from 1 on, as one batch has them."""
    return [replace(update, sequence=number) for number, update in enumerate(updates, start=1)]
