"""Distinguished names as text, as other stacks write them: RFC 4514 and 2253 (Java, OpenSSL), RFC 1779, X.500 (.NET).

`x509.Name.from_rfc4514_string` reads none of the short names, quotes, spaces and OIDs of the others, and takes the
octets of a `#hex` value for its text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.x509.name import NameAttribute

LONGEST: Final = 4096
"""Characters of a name that are read. Longer ones are unreadable."""

_Rdn = list[tuple[str, str]]
"""The attributes of a relative distinguished name, sorted: object identifier and comparable value of each."""

_OIDS: Final = MappingProxyType({
    name: oid.dotted_string
    for oid, names in {
        x509.NameOID.COMMON_NAME: "CN COMMONNAME",
        x509.NameOID.SURNAME: "SN SURNAME",
        x509.NameOID.SERIAL_NUMBER: "SERIALNUMBER",
        x509.NameOID.COUNTRY_NAME: "C COUNTRYNAME",
        x509.NameOID.LOCALITY_NAME: "L LOCALITYNAME",
        x509.NameOID.STATE_OR_PROVINCE_NAME: "ST S STATEORPROVINCENAME",
        x509.NameOID.STREET_ADDRESS: "STREET STREETADDRESS",
        x509.NameOID.ORGANIZATION_NAME: "O ORGANIZATIONNAME",
        x509.NameOID.ORGANIZATIONAL_UNIT_NAME: "OU ORGANIZATIONALUNITNAME",
        x509.NameOID.ORGANIZATION_IDENTIFIER: "ORGANIZATIONIDENTIFIER",
        x509.NameOID.TITLE: "T TITLE",
        x509.NameOID.GIVEN_NAME: "G GN GIVENNAME",
        x509.NameOID.INITIALS: "I INITIALS",
        x509.NameOID.GENERATION_QUALIFIER: "GENERATION GENERATIONQUALIFIER",
        x509.NameOID.DN_QUALIFIER: "DNQ DNQUALIFIER",
        x509.NameOID.PSEUDONYM: "PSEUDONYM",
        x509.NameOID.POSTAL_CODE: "POSTALCODE",
        x509.NameOID.BUSINESS_CATEGORY: "BUSINESSCATEGORY",
        x509.NameOID.USER_ID: "UID USERID",
        x509.NameOID.DOMAIN_COMPONENT: "DC DOMAINCOMPONENT",
        x509.NameOID.EMAIL_ADDRESS: "E EMAIL EMAILADDRESS",
    }.items()
    for name in names.split()
})  # fmt: skip

_ATTRIBUTE: Final = re.compile(
    r"""\s*+(?:(?:OID\.)?+(?P<oid>\d++(?:\.\d++)++)|(?P<short>[A-Z][A-Z0-9-]*+))\s*+=\s*+
        (?:"(?P<quoted>(?:[^"\\]|\\.|"")*+)"\s*+|\#(?P<hex>[0-9A-F]*+)\s*+|(?P<plain>(?:[^"\\,;+]|\\.)*+))
        (?P<end>[,;+]|\Z)""",
    re.IGNORECASE | re.DOTALL | re.ASCII | re.VERBOSE,
)
_ESCAPED: Final = re.compile(rb'\\([0-9A-Fa-f]{2}|.)|""', re.DOTALL)

_CODECS: Final = MappingProxyType({
    0x0C: "utf-8", 0x12: "ascii", 0x13: "ascii", 0x14: "latin-1", 0x16: "ascii", 0x1A: "ascii", 0x1C: "utf-32-be",
    0x1E: "utf-16-be",
})  # fmt: skip
"""By the BER tag of a string."""


def is_name(text: str, name: x509.Name) -> bool:
    """Whether `text` is `name`, written forwards or backwards. White space and case make no difference (RFC 5280 7.1).

    False as well for what cannot be read. The cost is linear in the length of `text`.
    """
    if len(text) > LONGEST:
        return False
    try:
        written = _read_oneline(text) if text.startswith("/") else list(_read(text))
    except ValueError:
        return False
    wanted = [sorted((part.oid.dotted_string, _comparable(part)) for part in rdn) for rdn in name.rdns]
    return bool(wanted) and (written == wanted or written[::-1] == wanted)


def _read(text: str) -> Iterator[_Rdn]:
    """The parts of a name in the order in which they are written. Errors: `ValueError`."""
    position, rdn, end = 0, list[tuple[str, str]](), ","
    while end:
        match = _ATTRIBUTE.match(text, position)
        if match is None:
            raise ValueError("not a distinguished name")
        value = _from_ber(bytes.fromhex(match["hex"])) if match["hex"] is not None else _unescaped(match)
        rdn.append((match["oid"] or _oid(match["short"]), _folded(value)))
        position, end = match.end(), match["end"]
        if end != "+":
            yield sorted(rdn)
            rdn.clear()


def _read_oneline(text: str) -> list[_Rdn]:
    """OpenSSL's old form, /C=US/O=Court: a slash inside a value is ambiguous, and so is which parts belong together."""
    pairs = [part.partition("=") for part in text[1:].split("/")]
    return [[(_oid(short), _folded(value))] for short, _, value in pairs]


def _oid(short: str) -> str:
    oid = _OIDS.get(short.upper())
    if oid is None:
        raise ValueError("an attribute without a known meaning")
    return oid


def _unescaped(match: re.Match[str]) -> str:
    written = match["plain"] if match["quoted"] is None else match["quoted"]
    return _ESCAPED.sub(_octets, written.encode()).decode()


def _octets(found: re.Match[bytes]) -> bytes:
    what = found[1]
    if what is None:  # .NET doubles quotes
        return b'"'
    return bytes.fromhex(what.decode()) if len(what) == 2 else what


def _from_ber(octets: bytes) -> str:
    """The text of a BER string of a definite length."""
    codec = _CODECS.get(octets[0]) if len(octets) > 1 else None
    start = 2
    length = octets[1] if codec else -1
    if length > 0x80:
        start += length - 0x80
        length = int.from_bytes(octets[2:start]) if start <= 6 else -1
    if codec is None or length != len(octets) - start:
        raise ValueError("not a string")
    return octets[start:].decode(codec)


def _comparable(part: NameAttribute[str | bytes]) -> str:
    return _folded(part.value) if isinstance(part.value, str) else f"#{part.value.hex()}"


def _folded(value: str) -> str:
    return " ".join(value.split()).casefold()
