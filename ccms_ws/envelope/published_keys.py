"""Keys that come with the package or its source: everybody has them, so a signature made with one proves nothing.

The list is made by `tools/make-published-keys`, which looks for keys in every file of the source tree.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from importlib import resources
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ccms_ws.errors import ConfigError

FILE: Final = "published_keys.toml"


def key_hash(key: PublicKeyTypes) -> str:
    """SHA-256 of the SubjectPublicKeyInfo, in hexadecimal: the same for every certificate of one key."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


@cache
def published_keys() -> Mapping[str, str]:
    """The hash of every published key, with a file that contains it."""
    table = tomllib.loads((resources.files(__package__) / FILE).read_text("utf-8"))
    return {key: str(file) for file, keys in table.items() for key in keys}


def refuse_published_keys(certificates: Iterable[x509.Certificate], where: str) -> None:
    """Raise ConfigError if one of the certificates is for a published key. `where`: names them for the operator."""
    for certificate in certificates:
        if key_hash(certificate.public_key()) in published_keys():
            raise ConfigError(
                f"{where}: {certificate.subject.rfc4514_string()} is a certificate for a published test key",
                hint="everybody has that private key; use a key that only its owner has",
            )
