"""Whatever program dies at whatever step: in the end both sides agree on every message exactly once, in order."""

from __future__ import annotations

import random
import time
from collections import deque
from pathlib import Path

import pytest

from ccms_ws.exchanges.col903.repository import Batches
from tests.support.process_cluster import House, Program
from tests.support.terminal_summary import Tell, tell

__all__ = ["tell"]

POINTS = {
    "worker-1": ("claim.after-commit", "send.before-seal", "send.sealed", "send.half", "send.written"),
    "worker-2": (
        "send.answered",
        "settle.before-commit",
        "settle.after-commit",
        "sweep.before-commit",
        "sweep.after-commit",
    ),
    "endpoint": (
        "endpoint.read",
        "endpoint.opened",
        "endpoint.received",
        "endpoint.handled",
        "endpoint.before-commit",
        "endpoint.after-commit",
    ),
    "dmv": (
        "partner.read",
        "partner.opened",
        "partner.before-commit",
        "partner.after-commit",
        "postman.before-send",
        "send.written",
        "postman.taken",
        "postman.finished",
    ),
}
"""Each arrow of the outbound and of the inbound line, by the program that dies there."""


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_a_program_dies_at_every_step(tmp_path: Path, every: int, tell: Tell) -> None:
    """By default at every third: all of them stand in the slow ring."""
    steps = {name: points[::every] for name, points in POINTS.items()}
    with House(tmp_path, workers=2, people=400) as house:
        waiting = {name: deque(points) for name, points in steps.items()}
        deadline, next_push = time.monotonic() + 400, 0.0
        while any(waiting.values()):
            assert time.monotonic() < deadline, f"never passed: {waiting}"
            for name, points in waiting.items():
                if points and house.has_died(name, points[0]):
                    points.popleft()
                    house.deaths += 1
                elif points and not (house.crashes / name).exists():
                    house.arm(name, points[0])
            house.revive()
            if time.monotonic() > next_push:
                house.push()
                next_push = time.monotonic() + 1.0
            time.sleep(0.02)
        tally = house.settle()
        assert tally.deaths == sum(map(len, steps.values())) >= 24 // every
        tell(f"at {tally.deaths} steps: {tally}")


def test_programs_die_at_any_moment(tmp_path: Path, tell: Tell) -> None:
    chance = random.Random(20261120)
    with House(tmp_path) as house:
        for _ in range(12):
            house.push()
            time.sleep(chance.uniform(0.0, 0.6))
            house.kill(victim := chance.choice(list(house.programs)))
            house.start(victim, wait=False)
            house.deaths += 1
        tell(f"at any moment: {house.settle()}")


@pytest.mark.parametrize(
    ("point", "batches"),
    [("push.before-commit", 0), ("behind.before-commit", 0), ("behind.after-commit", 1), ("push.after-commit", 1)],
)
def test_a_command_that_dies_leaves_all_or_nothing(tmp_path: Path, point: str, batches: int, tell: Tell) -> None:
    house = House(tmp_path, people=3)
    house.pay(0)
    command = ("col903", "build", "--partner", "FTB", "--config", str(house.settings))
    house.arm("command", point)
    assert house.run("command", command) == -9
    with house.court.reading() as uow:
        assert len(uow.outbox.list_entries()) == batches
    assert house.run("command", command) == 0
    with house.court.reading() as uow:
        (entry,) = uow.outbox.list_entries()
        changed = [account.told for account in uow.of(Batches).open_accounts("FTB") if account.told]
    assert changed
    tell(f"{point}: one batch, {entry.state}")


def test_a_command_that_dies_while_it_composes_leaves_the_batches_before_whole(tmp_path: Path, tell: Tell) -> None:
    house = House(tmp_path, people=3)
    for number in range(3):
        house.pay(number)
    (profile,) = house.settings.parent.rglob("FTB.toml")
    profile.write_text(profile.read_text("utf-8").replace("batch_size = 1000", "batch_size = 1"))
    command = ("col903", "build", "--partner", "FTB", "--config", str(house.settings))
    house.arm("command", "behind.after-commit")
    assert house.run("command", command) == -9
    with house.court.reading() as uow:
        first = {entry.message_id for entry in uow.outbox.list_entries()}
    assert len(first) == 1
    assert house.run("command", command) == 0
    with house.court.reading() as uow:
        ids = {entry.message_id for entry in uow.outbox.list_entries()}
        items = [item for one in ids for item in uow.of(Batches).items(one)]
    assert first < ids
    assert len({item.referral_id for item in items}) == len(items) == len(ids) >= 3
    tell(f"behind.after-commit: {len(first)} batch of {len(ids)}")


def test_a_house_that_does_not_get_ready_leaves_nothing_running(tmp_path: Path) -> None:
    house = House(tmp_path, people=1)
    house.programs["ftb"] = Program("ftb", ("simulate", "NOBODY", "--config", str(house.settings)), "ftb_port")
    started = []
    start = house.start

    def starting(name: str, *, wait: bool = True) -> None:
        start(name, wait=wait)
        started.append(house.running[name])

    house.start = starting  # type: ignore[method-assign]
    with pytest.raises(AssertionError, match="NOBODY"):
        house.__enter__()
    assert [process.poll() is None for process in started] == [False] * 4
