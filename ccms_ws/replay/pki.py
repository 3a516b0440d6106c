"""The published test keys that every shipped recording is signed with. Anybody has them: they prove nothing.

They are committed with the recordings, so that a recorded signature verifies for as long as there is this package.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ccms_ws.envelope.identity import Identity
from ccms_ws.errors import ContractError

NAMES: Final = ("court", "adult-probation", "juvenile-probation", "ftb", "collection-agency", "dmv", "stranger")
"""The court, its partners, and one untrusted identity; the names are those of the demo court's own keys."""

NAME_OF: Final = {
    "ADULT-PROBATION": "adult-probation",
    "JUVENILE-PROBATION": "juvenile-probation",
    "FTB": "ftb",
    "AGENCY": "collection-agency",
    "DMV": "dmv",
}
"""Which of the keys a partner of the demo court signs with."""


@cache
def identity(name: str) -> Identity:
    """One of `NAMES` with its certificate."""
    key = load_pem_private_key(_read(f"{name}.key"), None)
    if not isinstance(key, RSAPrivateKey):
        raise ContractError(f"the test key {name} is no RSA key")
    return Identity(key, x509.load_pem_x509_certificate(_read(f"{name}.crt")))


def install(folder: Path) -> None:
    """Write all of them into `folder`, over what is there, keys readable by their owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (folder / f"{name}.crt").write_bytes(_read(f"{name}.crt"))
        key = folder / f"{name}.key"
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_bytes(_read(f"{name}.key"))


def _read(file: str) -> bytes:
    return (resources.files(__package__) / "keys" / file).read_bytes()
