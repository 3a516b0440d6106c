"""The Content-Type is read as RFC 9110 writes it."""

from __future__ import annotations

import pytest

from ccms_ws.envelope.content_type import MediaType, read_media_type
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import UnsupportedMediaType

V11, V12 = SoapVersion.SOAP11, SoapVersion.SOAP12


@pytest.mark.parametrize(
    ("text", "media"),
    [
        ("text/xml", MediaType(V11, None, None)),
        ("TEXT/XML; Charset=UTF-8", MediaType(V11, "UTF-8", None)),
        ('text/xml ;charset="utf-8" ', MediaType(V11, "utf-8", None)),
        ("text/xml;", MediaType(V11, None, None)),
        ("text/xml; ; charset=utf-16;", MediaType(V11, "utf-16", None)),
        ('application/soap+xml; charset=utf-8; action="urn:a"', MediaType(V12, "utf-8", "urn:a")),
        ('application/soap+xml; action="urn:a;b=\\"c\\""; charset=utf-8', MediaType(V12, "utf-8", 'urn:a;b="c"')),
        ("application/soap+xml; action=urn-a; x=y", MediaType(V12, None, "urn-a")),
    ],
)
def test_a_soap_content_type_is_read(text: str, media: MediaType) -> None:
    assert read_media_type(text) == media


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "xml",
        "text/html",
        "text/xml/x",
        "text/xml; charset=latin-1",
        "text/xml; charset=",
        "text/xml charset=utf-8",
        "text/xml; charset=utf-8; CHARSET=utf-8",
        'text/xml; charset="utf-8',
        "text/xml; =x",
        "text/xml\u00a0",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        read_media_type(text)
