"""The list of DMV message codes, as data: `message-codes.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class MessageCode:
    """What a message code means. `accepted`: DMV acts on the abstract."""

    code: str
    accepted: bool
    text: str
    effective: date


@cache
def message_codes() -> dict[str, MessageCode]:
    """The codes that ship with the package, by code."""
    text = resources.files(__package__).joinpath("message-codes.toml").read_text("utf-8")
    return {
        code: MessageCode(code, entry["outcome"] == "accepted", entry["text"], entry["effective"])
        for code, entry in tomllib.loads(text).items()
    }
