"""Addresses that contract files may be fetched from: compared by their parts, never as text.

`http://named@other/` begins with `http://named` and leads to `other`. Scheme, host and port are compared, then
the path; an ambiguous address is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from ccms_ws.errors import ContractMissing

_PORTS: Final = {"http": 80, "https": 443}
_AUTHORITY: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?")
_PLAIN: Final = re.compile(r"[!-~]+")
"""Printable ASCII without blanks: the characters of an address on the wire."""


@dataclass(frozen=True, slots=True)
class Address:
    """An http(s) address, parsed. `host` is in lower case, `port` is never absent."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ContractMissing for anything but a plain http(s) address without user information."""
        if not _PLAIN.fullmatch(text) or "\\" in text:
            raise _refused("it contains blanks, backslashes or characters that are not ASCII")
        try:
            parts = urlsplit(text)
        except ValueError:
            raise _refused("it does not name a host") from None
        if parts.scheme not in _PORTS:
            raise _refused("it does not begin with http:// or https://")
        if "@" in parts.netloc:
            raise _refused("it contains user information, which hides the host that it leads to")
        authority = _AUTHORITY.fullmatch(parts.netloc)
        port = int(authority["port"] or _PORTS[parts.scheme]) if authority else 0
        if authority is None or not 0 < port < 65536:
            raise _refused("it does not name a host, or not a valid port")
        path = parts.path or "/"
        if any(unquote(step) in (".", "..") for step in path.split("/")):
            raise _refused("its path contains '.' or '..'")
        return cls(parts.scheme, authority["host"].lower(), port, path, parts.query)

    def begins_with(self, named: Address) -> bool:
        """True if this address is `named` or below it: same scheme, host and port, and the whole path steps of it.

        If `named` has a query, the path must be the same, and the query must begin with it.
        """
        if (self.scheme, self.host, self.port) != (named.scheme, named.host, named.port):
            return False
        if named.query:
            return self.path == named.path and self.query.startswith(named.query)
        return self.path == named.path or self.path.startswith(f"{named.path.removesuffix('/')}/")


def _refused(why: str) -> ContractMissing:
    # The address itself stays out of the message: it may contain a password.
    return ContractMissing(f"an address cannot be fetched from: {why}", hint="write it as https://host[:port]/path")
