from __future__ import annotations

import pytest

from ccms_ws.errors import ConfigError
from ccms_ws.simulator import Behavior, RandomFaults, read_script


def test_a_script_is_played_once_and_then_all_is_normal() -> None:
    script = read_script("fault, fault,accept")
    assert [script.next() for _ in range(5)] == [
        Behavior.FAULT,
        Behavior.FAULT,
        Behavior.ACCEPT,
        Behavior.NORMAL,
        Behavior.NORMAL,
    ]


def test_an_empty_script_is_normal() -> None:
    assert read_script(" ").next() is Behavior.NORMAL


def test_an_unknown_act_is_named_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="explode") as caught:
        read_script("accept, explode")
    assert "503" in caught.value.hint


def test_the_same_seed_is_the_same_mischief() -> None:
    one, same, other = RandomFaults(7), RandomFaults(7), RandomFaults(8)
    acts = [one.next() for _ in range(200)]
    assert acts == [same.next() for _ in range(200)]
    assert acts != [other.next() for _ in range(200)]


def test_mischief_keeps_its_rate_and_knows_nothing_that_cannot_be_mended() -> None:
    temper = RandomFaults(1, rate=0.25)
    acts = [temper.next() for _ in range(4000)]
    assert 0.2 < sum(act is not Behavior.NORMAL for act in acts) / len(acts) < 0.3
    assert not {Behavior.CLIENT_FAULT, Behavior.ERROR, Behavior.ITEMS} & set(acts)
