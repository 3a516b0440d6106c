"""`contract import --fetch` against real listeners: the one that was not named gets no connection."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ccms_ws.cli import main
from ccms_ws.contract import catalog
from ccms_ws.contract.download import fetch
from ccms_ws.errors import ContractMissing
from tests.support.http_server import HttpReply, http_server, url_of

SCHEMA = b'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:f"/>'


class Listener:
    """Answers everything with a redirect to `leads_to`, or with a schema; remembers the paths."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.leads_to = ""
        self.place = ""

    def publish(self, path: str) -> HttpReply:
        self.asked.append(path)
        headers = {"Location": self.leads_to} if self.leads_to else {}
        return HttpReply(302 if self.leads_to else 200, SCHEMA, headers=headers)


@pytest.fixture
def listeners() -> Iterator[tuple[Listener, Listener]]:
    pair = (Listener(), Listener())
    with http_server(publish=pair[0].publish) as first, http_server(publish=pair[1].publish) as second:
        for listener, server in zip(pair, (first, second), strict=True):
            listener.place = url_of(server).removeprefix("http://")
        yield pair


def referring_to(schema: str, folder: Path) -> Path:
    text = catalog.wsdl_path("FCC807-1.0.wsdl").read_text("utf-8")
    file = folder / "service.wsdl"
    file.write_text(text.replace("../xsd/fault.xsd", schema).replace("urn:ccms-ws:fault:1.0", "urn:f"), "utf-8")
    return file


def run_import(wsdl: Path, named: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["contract", "import", str(wsdl), "--into", str(wsdl.parent / "p"), "--check", "--fetch", named])
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    "written", ["http://{named}@{other}/x.xsd", "http://{named}.{other}/x.xsd", "http://{other}/{named}/x.xsd"]
)
def test_what_was_not_named_is_not_reached(
    listeners: tuple[Listener, Listener], written: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named, other = listeners
    # "http://named@other/" begins with the text "http://named".
    wsdl = referring_to(written.format(named=named.place, other=other.place), tmp_path)
    assert run_import(wsdl, f"http://{named.place}") == 5
    assert (named.asked, other.asked) == ([], [])
    capsys.readouterr()
    assert run_import(referring_to(f"http://{named.place}/x.xsd", tmp_path), f"HTTP://{named.place}/") == 5
    assert (named.asked, other.asked) == (["/x.xsd"], [])  # and what was named is


def test_a_redirect_is_not_followed(listeners: tuple[Listener, Listener], tmp_path: Path) -> None:
    named, other = listeners
    named.leads_to = f"http://{other.place}/x.xsd"
    with pytest.raises(ContractMissing, match="leads on to"):
        fetch(f"http://{named.place}/x.xsd")
    assert run_import(referring_to(f"http://{named.place}/x.xsd", tmp_path), f"http://{named.place}") == 5
    assert other.asked == []


def test_user_information_is_refused_and_not_repeated(
    listeners: tuple[Listener, Listener], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, other = listeners
    with pytest.raises(ContractMissing, match="user information"):
        fetch(f"http://user:secret@{other.place}/")
    with pytest.raises(SystemExit) as ended:
        main(["contract", "import", f"http://user:secret@{other.place}/x?wsdl", "--into", str(tmp_path / "p")])
    said = capsys.readouterr()
    assert ended.value.code == 3
    assert "user information" in said.err
    assert "secret" not in said.err + said.out
    assert other.asked == []
