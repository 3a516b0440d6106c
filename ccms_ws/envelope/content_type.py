"""The HTTP Content-Type of a SOAP message: which version, which charset, which action."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import UnsupportedMediaType

_VERSIONS: Final = {version.media_type: version for version in SoapVersion}
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"  # RFC 9110 5.6.2
_PARAMETER: Final = re.compile(rf'[ \t]*+;[ \t]*+(?:({_WORD})=(?:({_WORD})|"((?:[^"\\]|\\.)*+)"))?', re.DOTALL)
_LONGEST: Final = 4096
_CHARSETS: Final = frozenset({"utf-8", "utf-16", "utf-16le", "utf-16be"})
_MISSPELT: Final = {"utf8": "utf-8"}


@dataclass(frozen=True, slots=True)
class MediaType:
    """What the Content-Type of a message says."""

    version: SoapVersion
    charset: str | None
    action: str | None
    """The `action` parameter of SOAP 1.2."""
    remarks: tuple[str, ...] = ()
    """Tolerated departures from the profile."""


def read_media_type(content_type: str) -> MediaType:
    """Errors: `UnsupportedMediaType` for anything but the two media types of SOAP in UTF-8 or UTF-16.

    Attachments (multipart/related, MTOM) are not offered.
    """
    name, separator, _ = content_type.partition(";")
    version = _VERSIONS.get(name.strip(" \t").lower())
    if version is None or len(content_type) > _LONGEST:
        raise UnsupportedMediaType(f"Content-Type {content_type[:200]!r}", rule="BP R1115")
    parameters = _parameters(content_type[len(name) :]) if separator else {}
    charset = parameters.get("charset")
    remarks: tuple[str, ...] = ()
    if charset is not None and (meant := _MISSPELT.get(charset.lower())):
        charset, remarks = meant, (f"BP R1012: charset {charset}, which is registered as {meant}",)
    if charset is not None and charset.lower() not in _CHARSETS:
        raise UnsupportedMediaType(f"charset {charset[:40]!r}", rule="BP R1012")
    return MediaType(version, charset, parameters.get("action"), remarks)


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    text = text.rstrip(" \t")
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None:
            raise UnsupportedMediaType(f"malformed Content-Type parameters {text[:200]!r}", rule="RFC 9110 8.3.1")
        position = match.end()
        if (name := match[1]) is None:
            continue
        if name.lower() in found:
            raise UnsupportedMediaType(f"two Content-Type parameters {name!r}", rule="RFC 9110 8.3.1")
        found[name.lower()] = match[2] if match[2] is not None else re.sub(r"\\(.)", r"\1", match[3])
    return found
