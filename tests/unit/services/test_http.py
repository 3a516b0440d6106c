"""What HTTP says about a request's length is agreed on, or the request is refused, whatever server is in front."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ccms_ws.errors import LengthRequired, RequestMalformed
from ccms_ws.services.http import read_request

BODY = b"<a/>"


def environ(**headers: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "POST", "CONTENT_TYPE": "text/xml", "wsgi.input": io.BytesIO(BODY), **headers}


@pytest.mark.parametrize("coding", ["chunked", "Chunked", " chunked "])
@pytest.mark.parametrize("length", ["0", str(len(BODY)), "9999999"])
def test_a_length_beside_a_transfer_coding_is_refused(coding: str, length: str) -> None:
    """Two servers that each believe another of the two would not agree where the next request begins."""
    given = environ(CONTENT_LENGTH=length, HTTP_TRANSFER_ENCODING=coding)
    with pytest.raises(RequestMalformed) as caught:
        read_request(given, 100)
    assert caught.value.rule == "RFC 9112 6.1"
    assert given["wsgi.input"].tell() == 0


def test_either_of_the_two_is_enough() -> None:
    assert read_request(environ(CONTENT_LENGTH=str(len(BODY))), 100).body == BODY
    assert read_request(environ(HTTP_TRANSFER_ENCODING="chunked"), 100).body == BODY
    with pytest.raises(LengthRequired):
        read_request(environ(), 100)


@pytest.mark.parametrize("coding", ["gzip", "gzip, chunked", "identity"])
def test_another_transfer_coding_is_refused(coding: str) -> None:
    with pytest.raises(RequestMalformed):
        read_request(environ(HTTP_TRANSFER_ENCODING=coding), 100)
