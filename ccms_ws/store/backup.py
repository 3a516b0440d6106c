"""Copies of an SQLite database: taken while programs write to it, and put in its place so that nothing is mixed up."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from ccms_ws.errors import ConfigError, StoreError
from ccms_ws.failpoints import failpoint
from ccms_ws.store.db_errors import in_our_words
from ccms_ws.store.readiness import check_integrity

BESIDE = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database. It belongs to that file alone."""

# The bytes in which SQLite's connections lock a database file, those that only have it open included.
_LOCK_START, _LOCK_LENGTH = 0x40000000, 512


def back_up(database: Path, target: Path) -> None:
    """Copy a database, which may be in use, into the new file `target`, for its owner's eyes only.

    Raises ConfigError if `target` is there already, StoreDamaged if the copy is not sound.
    """
    if target.exists():
        raise ConfigError(f"{target} is there already", hint="name another file")
    partial = target.with_name(f".{target.name}.partial")
    try:
        _copy(database, partial)
        check_integrity(partial, seconds=None)
        partial.rename(target)
    finally:
        _remove(partial)
    _sync_folder(target)


def restore(backup: Path, database: Path, mark: str) -> tuple[Path, ...]:
    """Put a copy of `backup` in the place of `database`; returns what was there, under new names that end in `mark`.

    Whatever lies beside the old file goes with it: its newest commits are in there, and to the new one they would be
    damage. Raises StoreDamaged for a backup that is not sound, StoreError if a program has the database open.
    """
    for beside in (backup.with_name(backup.name + end) for end in BESIDE):
        if beside.exists() and beside.stat().st_size and not beside.name.endswith("-shm"):
            hint = "copy it with ccms-ws db backup; or open and close it with sqlite3, so that one file is left"
            raise ConfigError(f"{beside} lies beside the backup: it is a copy of a database in use", hint=hint)
    check_integrity(backup, seconds=None)
    new = database.with_name(f".{database.name}.restoring")
    with _unused(database):
        _remove(new)
        _copy(backup, new)
        check_integrity(new, seconds=None)
        # The database first: until all is done there is none, which is better than one with another's -wal.
        moved = []
        for old in (database, *(database.with_name(database.name + end) for end in BESIDE)):
            if old.exists():
                kept = database.with_name(f"{database.name}.{mark}{old.name.removeprefix(database.name)}")
                old.rename(kept)
                moved.append(kept)
                failpoint("restore.moved")
        _remove_beside(new)
        new.rename(database)
        _sync_folder(database)
    return tuple(moved)


def copy_of(database: Path, target: Path) -> Path:
    """A copy to look at, of a database with what lies beside it; returns `target`. Raises StoreError."""
    _copy(database, target)
    return target


def _copy(source: Path, target: Path) -> None:
    """By SQLite itself, with what is in a -wal beside the source; whole on the disk when this returns."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(str(source.absolute()))}?mode=ro", uri=True)) as from_,
            closing(sqlite3.connect(target)) as to,
        ):
            from_.backup(to, pages=4096)
    except sqlite3.Error as error:
        raise in_our_words(error) from error
    _remove_beside(target)
    with target.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _unused(database: Path) -> Iterator[None]:
    """As long as no program has the database open, and none can open it. Raises StoreError if one has."""
    if not database.exists():
        yield
        return
    with database.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, _LOCK_LENGTH, _LOCK_START)
        except OSError:
            raise StoreError(
                f"a program has {database} open", hint="end the endpoint, workers, console and metrics, then again"
            ) from None
        yield


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    _remove_beside(file)


def _remove_beside(file: Path) -> None:
    for end in BESIDE:
        file.with_name(file.name + end).unlink(missing_ok=True)


def _sync_folder(file: Path) -> None:
    descriptor = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
