"""Which requirements of the Web Services profiles envelopes are held to, where, and what shows it.

The table is data (requirements.toml); `ccms-ws conformance` prints it. Nothing here checks a message.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

_VECTORS = "tests/attack/test_vectors.py::test_a_stored_attack_ends_as_its_sidecar_says"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequirement:
    """One requirement of a profile."""

    id: str
    """As its profile has it, behind the profile's name: "BSP R3203"."""
    rule: str
    """What it asks, in our words."""
    check: str = ""
    """The function that holds messages to it (for faults: that keeps it when it writes)."""
    vector: str = ""
    """The stored attack that breaks it: family/name."""
    test: str = ""
    """The test that shows it, where there is no vector."""
    shown_as: str = ""
    """The rule that the error names if a stricter one stops the vector; "-": none."""
    reason: str = ""
    """Why it does not apply."""

    @property
    def applies(self) -> bool:
        """Whether there is anything to check."""
        return not self.reason

    @property
    def shown_by(self) -> str:
        """The node id of its negative test."""
        return f"{_VECTORS}[{self.vector}]" if self.vector else self.test


@cache
def requirements() -> tuple[ProfileRequirement, ...]:
    """The table, in the order of the profiles."""
    text = resources.files(__package__).joinpath("requirements.toml").read_text("utf-8")
    return tuple(ProfileRequirement(**entry) for entry in tomllib.loads(text)["requirement"])
