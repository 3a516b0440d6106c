"""Octets that must not reach a tree, or not cost much: document types, floods, encodings, media types."""

from __future__ import annotations

import gzip

from ccms_ws.envelope.soap import SoapVersion, to_bytes
from ccms_ws.errors import (
    LimitExceeded,
    MalformedEnvelope,
    MessageTooLarge,
    SecurityHeaderInvalid,
    SoapVersionMismatch,
    UnsupportedMediaType,
)
from tests.attack.attack import WIDE, Attack, after_seal, behind, flood, sent_as, signed_flood
from tests.support.envelopes import received, sealed

_ENTITIES = "".join(
    f"<!ENTITY {name} '&{part};&{part};&{part};&{part};'>" for part, name in zip("abcdefgh", "bcdefghi", strict=True)
)


def _encoded(codec: str) -> bytes:
    return to_bytes(sealed()).decode().encode(codec, "replace")


def _attributes(count: int) -> str:
    return " ".join(f'a{number}=""' for number in range(count))


def _namespaces(count: int, kind: str = "a") -> str:
    return " ".join(f'xmlns:{kind}{number}="urn:{kind}{number}"' for number in range(count))


ATTACKS = [
    *(
        Attack(number, name, behind(prolog), MalformedEnvelope)
        for number, name, prolog in (
            (24, "a document type", "<!DOCTYPE x>"),
            (24, "an internal entity", "<!DOCTYPE x [<!ENTITY e 'evil'>]>"),
            (24, "a billion laughs", f"<!DOCTYPE x [<!ENTITY a 'ha'>{_ENTITIES}]>"),
            (24, "a document type behind a comment", "<!-- <a> --><!DOCTYPE x [<!ENTITY e 'evil'>]>"),
            (24, "a document type behind the declaration", '<?xml version="1.0"?>\n<!DOCTYPE x>'),
            (25, "an external entity", '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
            (25, "an external document type", '<!DOCTYPE x SYSTEM "http://169.254.169.254/x.dtd">'),
            (25, "a parameter entity", '<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1/x"> %e;]>'),
            (33, "XML 1.1", '<?xml version="1.1"?>'),
            (33, "a comment that does not end", "<!-- "),
            (34, "a processing instruction before the Envelope", "<?evil x?>"),
            (34, "a stylesheet", '<?xml version="1.0"?><?xml-stylesheet href="http://127.0.0.1/"?>'),
        )
    ),
    Attack(24, "an entity that nobody declares", after_seal(("24CR", "24&evil;CR")), MalformedEnvelope),
    Attack(26, "depth 70", signed_flood(lambda: "<t:D>" * 66 + "</t:D>" * 66), LimitExceeded, WIDE),
    Attack(26, "depth 15,000", flood(lambda: "<t:D>" * 15_000 + "</t:D>" * 15_000), MalformedEnvelope, WIDE),
    Attack(27, "65 attributes", signed_flood(lambda: f"<t:D {_attributes(65)}/>"), LimitExceeded),
    Attack(27, "100,000 attributes", flood(lambda: f"<t:D {_attributes(100_000)}/>"), LimitExceeded, WIDE),
    Attack(
        27,
        "65 attributes in SignedInfo",
        after_seal(("<ds:SignedInfo", f"<ds:SignedInfo {_attributes(65)}")),
        LimitExceeded,
    ),
    Attack(
        28,
        "65 namespaces",
        signed_flood(lambda: f"<t:D {_namespaces(65)}/>"),
        LimitExceeded,
    ),
    Attack(
        28,
        "129 namespaces on an element and around it",
        signed_flood(lambda: "".join(f"<t:D {_namespaces(43, level)}>" for level in "abc") + "</t:D>" * 3),
        LimitExceeded,
    ),
    Attack(
        34,
        "a flood of comments in the Security header",
        after_seal(("<wsu:Timestamp ", "<!---->" * 8000 + "<wsu:Timestamp ")),
        SecurityHeaderInvalid,
    ),
    Attack(34, "a flood of processing instructions", flood(lambda: "<?a?>" * 8000), MalformedEnvelope),
    Attack(27, "50,000 attributes", signed_flood(lambda: f"<t:D {_attributes(50)}/>" * 1000), LimitExceeded, WIDE),
    Attack(29, "25,000 elements", signed_flood(lambda: "<t:D/>" * 25_000), LimitExceeded, WIDE),
    Attack(29, "a million elements", flood(lambda: "<t:D/>" * 1_000_000), LimitExceeded, WIDE),
    Attack(30, "an attribute of 65 KiB", signed_flood(lambda: f'<t:D a="{"x" * (65 << 10)}"/>'), LimitExceeded),
    Attack(
        30, "a text of more than 1 MiB", signed_flood(lambda: f"<t:D>{'x' * (1025 << 10)}</t:D>"), LimitExceeded, WIDE
    ),
    Attack(30, "a name of 60 KiB", flood(lambda: f"<t:{'x' * (60 << 10)}/>"), MalformedEnvelope),
    Attack(31, "a message over the limit", flood(lambda: f"<t:D>{'x' * (256 << 10)}</t:D>"), MessageTooLarge),
    Attack(32, "compressed octets", lambda: received(gzip.compress(to_bytes(sealed()))), UnsupportedMediaType),
    *(
        Attack(33, f"Content-Type {value!r}", sent_as(after_seal(), content_type=value), UnsupportedMediaType)
        for value in (
            "",
            "text",
            "application/json",
            "text/html",
            "text/xml; charset=utf-7",
            "text/xml; charset=iso-8859-1",
            "text/xml; charset=utf-16",
            "text/xml; charset=utf-8; charset=utf-8",
            "text/xml; charset",
            'text/xml; charset="utf-8',
        )
    ),
    *(
        Attack(35, f"Content-Type {value!r}", sent_as(after_seal(), content_type=value), UnsupportedMediaType)
        for value in ('multipart/related; type="text/xml"', "application/xop+xml")
    ),
    *(
        Attack(
            33,
            f"Content-Type {value!r}",
            sent_as(after_seal(version=version), content_type=value),
            None,
            reason="utf8 can mean nothing but UTF-8, and the octets must be that",
            remark="BP R1012",
        )
        for version, value in (
            (SoapVersion.SOAP11, "text/xml; charset=utf8"),
            (SoapVersion.SOAP12, 'application/soap+xml; charset="UTF8"'),
        )
    ),
    Attack(
        33,
        "Latin-1 said to be utf8",
        sent_as(
            lambda: to_bytes(sealed()).replace(b"24CR", "24\xe9CR".encode("latin-1")),
            content_type="text/xml; charset=utf8",
        ),
        MalformedEnvelope,
    ),
    Attack(
        33,
        "UTF-16 said to be utf8",
        sent_as(lambda: _encoded("utf-16"), content_type="text/xml; charset=utf8"),
        UnsupportedMediaType,
    ),
    Attack(33, "SOAP 1.1 as SOAP 1.2", sent_as(after_seal(), content_type="application/soap+xml"), SoapVersionMismatch),
    Attack(33, "UTF-7", behind('<?xml version="1.0" encoding="utf-7"?>'), UnsupportedMediaType),
    Attack(33, "an encoding that it has not", behind('<?xml version="1.0" encoding="utf-16"?>'), UnsupportedMediaType),
    Attack(33, "UTF-16 without a byte order mark", lambda: _encoded("utf-16-le"), UnsupportedMediaType),
    Attack(
        33,
        "a document type in UTF-16 without a byte order mark",
        lambda: "<!DOCTYPE a [<!ENTITY e 'evil'>]><a>&e;</a>".encode("utf-16-le"),
        UnsupportedMediaType,
    ),
    Attack(33, "UTF-32", lambda: _encoded("utf-32"), UnsupportedMediaType),
    Attack(33, "EBCDIC", lambda: _encoded("cp037"), UnsupportedMediaType),
    Attack(33, "UTF-16 said to be UTF-8", lambda: _encoded("utf-16"), UnsupportedMediaType),
    Attack(33, "overlong UTF-8", lambda: to_bytes(sealed()).replace(b"24CR", b"24\xc0\xbcCR"), MalformedEnvelope),
    Attack(
        33, "a lone surrogate in UTF-16", lambda: "\ufeff<a>".encode("utf-16-le") + b"\x00\xd8</a>", MalformedEnvelope
    ),
    Attack(
        34, "a processing instruction in the Body", after_seal(("<t:Case>", "<?evil x?><t:Case>")), MalformedEnvelope
    ),
    Attack(34, "a processing instruction at the end", lambda: to_bytes(sealed()) + b"<?evil x?>", MalformedEnvelope),
    Attack(34, "a flood of CDATA", flood(lambda: "<![CDATA[x]]>" * 60_000), LimitExceeded, WIDE),
    Attack(34, "a flood of comments", flood(lambda: "<!---->" * 60_000), LimitExceeded, WIDE),
    Attack(34, "nothing at all", lambda: b"", MalformedEnvelope),
    Attack(34, "NUL", lambda: b"\0" * 100, UnsupportedMediaType),
    Attack(34, "half a message", lambda: to_bytes(sealed())[:3000], MalformedEnvelope),
    Attack(34, "two messages", lambda: to_bytes(sealed()) + to_bytes(sealed()).partition(b"?>")[2], MalformedEnvelope),
]
