"""Whatever the machine does to the programs: in the end both sides agree on every message exactly once, in order."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from ccms_ws.errors import StoreUnavailable
from tests.support.process_cluster import PATIENCE, House, ShiftedClock
from tests.support.terminal_summary import Tell, tell

__all__ = ["tell"]

ROOT = os.geteuid() == 0
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def system(*command: object) -> bool:
    return subprocess.run([*map(str, command)], capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    if not ROOT or not system("mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder):
        pytest.skip("disk full: a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        system("umount", "--lazy", folder)


def refused_orders(house: House, enough: int) -> int:
    """Order until so many orders were refused, because nothing can be stored."""
    refused, deadline = 0, time.monotonic() + PATIENCE
    while refused < enough:
        assert time.monotonic() < deadline, f"only {refused} orders were refused"
        try:
            house.push()
        except StoreUnavailable:
            refused += 1
    return refused


def test_the_disk_is_full_for_a_while(tmp_path: Path, tell: Tell) -> None:
    with small_disk(tmp_path / "disk", "48m") as disk, House(disk, logs=tmp_path) as house:
        house.push()
        filler = disk / "filler"
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(b"x" * 65_536)
        refused = refused_orders(house, 10)
        filler.unlink()
        house.push()
        tell(f"disk full ({refused} orders refused meanwhile): {house.settle()}")


def test_the_database_is_locked_for_a_while(tmp_path: Path, tell: Tell) -> None:
    with House(tmp_path) as house:
        for _ in range(3):
            house.push()
        lock = sqlite3.connect(house.folder / "court" / "court.db", isolation_level=None, timeout=30)
        lock.execute("BEGIN IMMEDIATE")
        refused_orders(house, 1)  # everybody else has waited for as long by now
        lock.execute("ROLLBACK")
        lock.close()
        house.push()
        tell(f"database locked: {house.settle()}")


@pytest.mark.skipif(FAKETIME is None, reason="clock jumps: libfaketime is not installed")
@pytest.mark.parametrize("jump", [7200, -7200], ids=["ahead and back", "back and ahead"])
def test_the_clock_jumps(tmp_path: Path, jump: int, tell: Tell) -> None:
    offset, clock = tmp_path / "offset", ShiftedClock()

    def move(seconds: int) -> None:
        """At once: a program that reads the file sees the one or the other."""
        offset.with_suffix(".new").write_text(f"{seconds:+}\n", "ascii")
        offset.with_suffix(".new").rename(offset)
        clock.by = timedelta(seconds=seconds)

    move(0)
    fake = {
        "LD_PRELOAD": f"{os.environ.get('LD_PRELOAD', '')} {FAKETIME}".strip(),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with House(tmp_path / "house", clock=clock, variables=fake) as house:
        house.push()
        move(jump)
        for _ in range(3):
            before = len(house.tally("dmv"))
            house.push()
            house.wait(lambda: len(house.tally("dmv")), lambda seen, before=before: seen > before, "DMV to take it")  # type: ignore[misc]
        move(0)
        house.push()
        tell(f"clock {jump:+} s for a while: {house.settle()}")


@contextmanager
def far_away(name: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """A network namespace with one wire to it: its name, and the addresses of the near and the far end."""
    near, far, own = f"{name}n", f"{name}f", os.getpid()
    addresses = (f"10.213.{own // 64 % 256}.{own % 64 * 4 + 1}", f"10.213.{own // 64 % 256}.{own % 64 * 4 + 2}")
    ip = shutil.which("ip")
    if ip is None or not ROOT or not system(ip, "netns", "add", name):
        pytest.skip("network cut: no network namespace can be made here (iproute2, as root)")
    try:
        steps = [
            ("link", "add", near, "type", "veth", "peer", "name", far, "netns", name),
            ("addr", "add", f"{addresses[0]}/30", "dev", near),
            ("link", "set", near, "up"),
            ("-n", name, "addr", "add", f"{addresses[1]}/30", "dev", far),
            ("-n", name, "link", "set", far, "up"),
            ("-n", name, "link", "set", "lo", "up"),
        ]
        if not all(system(ip, *step) for step in steps):
            pytest.skip("network cut: no pair of virtual wires can be made here")
        yield name, addresses
    finally:
        system(ip, "link", "del", near)
        system(ip, "netns", "del", name)


def test_the_network_is_cut_for_a_while(tmp_path: Path, tell: Tell) -> None:
    with far_away(f"cw{os.getpid() % 100_000}") as (name, addresses):
        inside = ("ip", "netns", "exec", name)
        with House(tmp_path, wrap={"dmv": inside, "ftb": inside}, addresses=addresses) as house:
            for _ in range(2):
                house.push()
                system("ip", "-n", name, "link", "set", f"{name}f", "down")
                house.push()
                house.wait(house.failures, bool, "the worker to notice")
                system("ip", "-n", name, "link", "set", f"{name}f", "up")
                house.wait(house.failures, lambda failures: not failures, "the worker to get through again")
            tell(f"network cut: {house.settle()}")
