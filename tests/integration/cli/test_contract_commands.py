"""`ccms-ws contract`, as a person or a script runs it; over a real socket where an address is meant."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ccms_ws.cli import main
from ccms_ws.contract import catalog
from ccms_ws.contract.wsdl import load_wsdl, published_schema, published_wsdl
from tests.support.http_server import HttpReply, http_server, url_of
from tests.support.next_version import write_next_version

SERVICE = "FCC807-1.0-service.wsdl"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["contract", *map(str, arguments)])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    return command


@pytest.fixture
def partner() -> Iterator[str]:
    """The address of a partner that publishes our FCC807 WSDL; /moved leads elsewhere."""

    def publish(asked: str) -> HttpReply:
        url = f"{url_of(server)}/FCC807"
        path, _, query = asked.partition("?")
        kind, _, name = query.partition("=")
        if path == "/moved":
            return HttpReply(302, headers={"Location": url})
        if path != "/FCC807" or kind not in ("wsdl", "xsd"):
            return HttpReply(404)
        return HttpReply(200, (published_wsdl if kind == "wsdl" else published_schema)(SERVICE, url, name))

    with http_server(publish=publish) as server:
        yield url_of(server)


def test_lint_finds_nothing_in_our_own_files(run: Any) -> None:
    assert run("lint", *map(catalog.wsdl_path, catalog.wsdl_names())) == (0, "no findings\n", "")


def test_lint_says_rule_file_line_and_what_to_do(run: Any, tmp_path: Path) -> None:
    write_next_version(tmp_path)
    path = tmp_path / "wsdl" / SERVICE
    path.write_text(path.read_text("utf-8").replace('use="literal"', 'use="encoded"', 1), encoding="utf-8")
    code, out, _ = run("lint", path)
    assert code == 5
    assert f"{path}:" in out
    assert "BP R2706 (use-is-literal): the use is encoded" in out
    assert "do: Use use='literal'" in out
    code, out, _ = run("lint", path, "--json")
    (finding,) = json.loads(out)
    assert (code, finding["clause"], finding["file"]) == (5, "BP R2706", str(path))


def test_diff_ends_with_5_only_if_a_client_breaks(run: Any, tmp_path: Path) -> None:
    write_next_version(tmp_path)
    old = catalog.wsdl_path(SERVICE)
    assert run("diff", old, old)[:2] == (0, "nothing changed\n")
    code, out, _ = run("diff", old, tmp_path / "wsdl/FCC807-1.1-service.wsdl", "--json")
    changes = json.loads(out)
    assert code == 5
    assert changes[0]["effect"] == "breaks"
    assert any(change["change"] == "fcc807:QueryRemarkText was added (optional)" for change in changes)


def test_diff_compares_the_pinned_contract_with_the_live_one(run: Any, tmp_path: Path, partner: str) -> None:
    assert run("import", f"{partner}/FCC807?wsdl", "--into", tmp_path / "pinned")[0] == 0
    pinned = tmp_path / "pinned"
    assert run("diff", pinned, f"{partner}/FCC807?wsdl")[:2] == (0, "nothing changed\n")
    (schema,) = pinned.glob("FCC807*.xsd")
    text = schema.read_text("utf-8").replace('value="JuvenileProbation"', 'value="Juvenile"')
    schema.write_text(text, encoding="utf-8")
    code, out, _ = run("diff", pinned, f"{partner}/FCC807?wsdl")
    assert code == 5
    assert "the code Juvenile was removed" in out


def test_import_takes_in_what_an_address_publishes(run: Any, tmp_path: Path, partner: str) -> None:
    code, out, _ = run("import", f"{partner}/FCC807?wsdl", "--into", tmp_path / "p", "--json")
    said = json.loads(out)
    assert code == 0
    assert "QueryCaseParticipantBalance" in load_wsdl(tmp_path / "p" / said["entry"]).operations
    assert set(said["files"]) < {path.name for path in (tmp_path / "p").iterdir()}


def test_import_fetches_nothing_that_was_not_named(run: Any, tmp_path: Path, partner: str) -> None:
    wsdl = tmp_path / "service.wsdl"
    text = catalog.wsdl_path("FCC807-1.0.wsdl").read_text("utf-8")
    wsdl.write_text(
        text.replace("../xsd/fault.xsd", f"{partner}/FCC807?xsd=fault.xsd").replace("urn:ccms-ws:fault:1.0", "urn:f"),
        encoding="utf-8",
    )
    code, out, _ = run("import", wsdl, "--into", tmp_path / "p", "--check")
    assert code == 5
    assert "it is on the network and was not named" in out
    assert run("import", wsdl, "--into", tmp_path / "p", "--check", "--fetch", partner)[0] == 5  # abstract: no port
    assert not (tmp_path / "p").exists()


def test_import_says_what_the_exchange_needs(run: Any, tmp_path: Path) -> None:
    code, out, _ = run(
        "import", catalog.wsdl_path("partner/DMV907-1.0.wsdl"), "--into", tmp_path / "p", "--for", "COL903"
    )
    assert code == 5
    assert "no operation takes col903:CollectionBalanceUpdateBatch" in out


@pytest.mark.parametrize(("path", "words"), [("/moved", "leads on to"), ("/nothing", "answers 404")])
def test_an_address_that_gives_no_wsdl_is_told(run: Any, tmp_path: Path, partner: str, path: str, words: str) -> None:
    code, _, err = run("import", f"{partner}{path}", "--into", tmp_path / "p")
    assert code == 3
    assert words in err
    assert "next:" in err


def test_export_writes_the_package(run: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    for path in (first, second):
        assert run("export", "DMV907", "-o", path, "--url", "https://justice.example/")[0] == 0
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as package:
        wsdl = package.read("DMV907-1.0/wsdl/DMV907-answers-1.0-service.wsdl").decode()
    assert 'location="https://justice.example/DMV907/1.0"' in wsdl


def test_policy_says_what_must_be_signed_and_leaves_a_true_wsdl_alone(run: Any) -> None:
    assert "every WS-Addressing header" in run("policy")[1]
    before = catalog.wsdl_path(SERVICE).read_bytes()
    code, out, _ = run("policy", "--write")
    assert (code, out.count("up to date")) == (0, 3)
    assert catalog.wsdl_path(SERVICE).read_bytes() == before
