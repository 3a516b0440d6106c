"""What a check found: green, amber or red, and for the last two what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Light(StrEnum):
    """How it stands. RED: something does not work. AMBER: it works, and an operator should look."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row: what was looked at, what was found, what to do if it is not green."""

    light: Light
    what: str
    found: str
    do: str = ""


def green(what: str, found: str) -> Finding:
    return Finding(Light.GREEN, what, found)


def amber(what: str, found: str, do: str) -> Finding:
    return Finding(Light.AMBER, what, found, do)


def red(what: str, found: str, do: str) -> Finding:
    return Finding(Light.RED, what, found, do)
