"""What anybody may read: page, WSDLs, schemas, samples and the package; from the public URL alone, cached, as it is."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from lxml import etree, html

from ccms_ws.contract import catalog
from ccms_ws.contract.codes import published_codes
from ccms_ws.contract.wsdl import published_wsdl
from ccms_ws.registry import EXCHANGES
from tests.support.court import Court, HttpAnswer

PATH = "/FCC807/1.0"
PROXY = "https://justice.court.example/ccms"
FILES = ["wsdl", "wsdl=FCC807-1.0.wsdl", "xsd=exchange/FCC807-1.0.xsd", "sample=FCC807-balance", "export"]


@pytest.fixture(scope="module")
def court(installation: Path) -> Court:
    """One court for all tests that only read."""
    return Court(installation)


@pytest.fixture
def proxied(court_folder: Path) -> Court:
    """The court behind a proxy that ends TLS."""
    settings = court_folder / "ccms-ws.toml"
    text = re.sub(r'public_url = "[^"]*"', f'public_url = "{PROXY}"', settings.read_text("utf-8"))
    settings.write_text(text, encoding="utf-8")
    return Court(court_folder)


def get(court: Court, path: str, query: str = "", method: str = "GET", **environ: Any) -> HttpAnswer:
    return court.request(path=path, QUERY_STRING=query, method=method, **environ)


def addresses(document: bytes) -> list[str]:
    """Every address in a WSDL or schema: of the service, and of the files that it imports."""
    elements = etree.fromstring(document).iter()
    return [value for element in elements for name in ("location", "schemaLocation") if (value := element.get(name))]


# -- files -------------------------------------------------------------------------------------------------------------
def test_the_published_wsdl_is_the_committed_one_at_the_public_address(court: Court) -> None:
    url = court.url("FCC807")
    answer = get(court, PATH, "wsdl")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert answer.body == published_wsdl("FCC807-1.0-service.wsdl", url)
    assert all(address.startswith(url) for address in addresses(answer.body))


@pytest.mark.parametrize("query", FILES)
def test_a_file_that_the_client_has_already_is_not_sent_again(court: Court, query: str) -> None:
    first = get(court, PATH, query)
    again = get(court, PATH, query, HTTP_IF_NONE_MATCH=f'"other", W/{first.headers["ETag"]}')
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert "Content-Length" not in again.headers
    assert get(court, PATH, query, HTTP_IF_NONE_MATCH='"other"').status == 200


@pytest.mark.parametrize("query", ["", *FILES])
def test_head_says_what_get_would_send(court: Court, query: str) -> None:
    path = PATH if query else "/"
    got, head = get(court, path, query), get(court, path, query, method="HEAD")
    assert (head.status, head.headers, head.body) == (got.status, got.headers, b"")
    assert head.headers["Content-Length"] == str(len(got.body))


@pytest.mark.parametrize(
    "query",
    ["xsd=samples/FCC807-query.xml", "xsd=exchange/DMV907-1.0.xsd", "xsd=../setup.cfg", "wsdl=partner/DMV907-1.0.wsdl",
     "sample=DMV907-hold", "sample=../setup", "sample=", "export=x", "xsd="],
)  # fmt: skip
def test_what_does_not_belong_to_the_service_is_not_found(court: Court, query: str) -> None:
    assert get(court, PATH, query).status == 404


def test_an_address_without_a_question_leads_to_its_place_on_the_page(court: Court) -> None:
    answer = get(court, PATH)
    assert (answer.status, answer.headers["Location"]) == (303, court.url("FCC807").removesuffix(PATH) + "/#FCC807-1.0")


# -- behind a proxy ----------------------------------------------------------------------------------------------------
FORGED = {
    "HTTP_HOST": "evil.example",
    "SERVER_NAME": "evil.example",
    "SERVER_PORT": "9999",
    "wsgi.url_scheme": "http",
    "HTTP_X_FORWARDED_HOST": "evil.example",
    "HTTP_X_FORWARDED_PROTO": "http",
    "HTTP_FORWARDED": "host=evil.example;proto=http",
}


@pytest.mark.parametrize(("path", "query"), [("/", ""), (PATH, ""), *((PATH, query) for query in FILES)])
def test_a_forged_host_changes_nothing(court: Court, path: str, query: str) -> None:
    get(court, path, query, **FORGED)
    answer, forged = get(court, path, query), get(court, path, query, **FORGED)
    assert (forged.status, forged.headers, forged.body) == (answer.status, answer.headers, answer.body)
    assert b"evil.example" not in forged.body


@pytest.mark.parametrize("query", ["wsdl", "wsdl=FCC807-1.0.wsdl", "xsd=exchange/FCC807-1.0.xsd"])
def test_behind_a_proxy_every_address_is_the_public_one(proxied: Court, query: str) -> None:
    found = addresses(get(proxied, PATH, query).body)
    assert found
    assert all(address.startswith(f"{PROXY}{PATH}") for address in found)


def test_a_proxy_may_pass_the_public_path_on_or_not(proxied: Court) -> None:
    for path in (PATH, f"/ccms{PATH}"):
        assert get(proxied, path, "wsdl").status == 200
    query = proxied.query(case_number="TR-2025-004417")
    assert proxied.ask(query).status == 200


# -- the page ----------------------------------------------------------------------------------------------------------
def test_the_page_names_every_service_operation_code_list_and_what_must_be_signed(court: Court) -> None:
    answer = get(court, "/")
    page: Any = html.fromstring(answer.body.decode())
    text = " ".join(page.text_content().split())
    for exchange in EXCHANGES:
        assert f"{exchange.code} {exchange.version} {exchange.title}" in text
        assert court.url(exchange.code) in text
    for operation in (
        "QueryCaseParticipantBalance",
        "SubmitCollectionBalanceUpdateError",
        "SubmitFailureToComplyError",
    ):
        assert operation in text
    for codes in published_codes():
        assert codes.title in text
        assert all(code.text in text for code in codes.codes.values())
    assert "One ds:Signature over the Body" in text
    assert court.application.court.name in text


def test_every_link_of_the_page_leads_somewhere(court: Court) -> None:
    page: Any = html.fromstring(get(court, "/").body.decode())
    links = {link for _, attribute, link, _ in page.iterlinks() if attribute == "href"}
    public = court.url("FCC807").removesuffix(PATH)
    assert len(links) > 50
    for link in links:
        if link.startswith("#"):
            assert page.get_element_by_id(link[1:]) is not None
        else:
            assert link.startswith(public)
            parts = urlsplit(link)
            assert get(court, parts.path, parts.query).status == 200, link


def test_the_page_runs_nothing_and_loads_nothing(court: Court) -> None:
    answer = get(court, "/")
    style = re.search(rb"<style>(.*?)</style>", answer.body, re.DOTALL)
    assert style is not None
    allowed = base64.b64encode(hashlib.sha256(style[1]).digest()).decode()
    assert f"style-src 'sha256-{allowed}'" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert not re.search(rb"<script|style=|<img|<link", answer.body)


def test_the_page_cannot_be_framed_and_knows_no_login(court: Court) -> None:
    answer = get(court, "/")
    policy = answer.headers["Content-Security-Policy"]
    assert {"frame-ancestors 'none'", "form-action 'none'", "base-uri 'none'"} <= set(policy.split("; "))
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers
    assert not re.search(rb"<form|<input|<button", answer.body)


# -- the package -------------------------------------------------------------------------------------------------------
def test_the_service_gives_its_package(court: Court) -> None:
    answer = get(court, PATH, "export")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="FCC807-1.0.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.body)) as package:
        names = package.namelist()
        wsdl = package.read("FCC807-1.0/wsdl/FCC807-1.0-service.wsdl")
    assert {name.partition("/")[0] for name in names} == {"FCC807-1.0"}
    assert [a for a in addresses(wsdl) if a.startswith("http")] == [court.url("FCC807")] * 2
    assert get(court, PATH, "export").body == answer.body


def test_the_samples_of_the_page_are_those_of_the_catalogue(court: Court) -> None:
    for name in catalog.samples_of("urn:ccms-ws:exchange:FCC807:1.0"):
        assert get(court, PATH, f"sample={name}").body == catalog.sample(name)


def test_ready_is_200_or_503_and_says_no_more(court: Court) -> None:
    ready = [True, False]
    court.gate = court.application.gateway(is_ready=lambda: ready.pop(0))
    first, second = (court.request(path="/ready", method="GET") for _ in range(2))
    assert (first.status, first.body) == (200, b"ready\n")
    assert (second.status, second.body) == (503, b"not ready\n")
    assert court.request(path="/health", method="GET").status == 200
