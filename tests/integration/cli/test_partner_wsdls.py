"""A partner's WSDL is judged in the same way when it is imported, when programs start, and when they are examined."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from ccms_ws.cli import main
from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.config import load_settings
from ccms_ws.demo.installation import Ports, make_installation
from tests.support.commands import Commands, free_port_base
from tests.support.partner_wsdls import bound, port, written, wsdl


@pytest.fixture(scope="module")
def current_installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A court whose certificates are valid now: commands read the machine's clock."""
    folder = tmp_path_factory.mktemp("current") / "court"
    make_installation(folder, SystemClock(), ports=Ports(free_port_base()))
    return folder


@pytest.fixture
def ccms_ws(current_installation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    folder = Path(shutil.copytree(current_installation, tmp_path / "court"))
    return Commands(folder / "ccms-ws.toml", capsys)


def imported(capsys: pytest.CaptureFixture[str], text: str, tmp_path: Path) -> tuple[int, str]:
    """How the import of a WSDL for COL903 ends, and what it prints."""
    path = written(tmp_path / "given", text)
    with pytest.raises(SystemExit) as ended:
        main(["contract", "import", str(path), "--into", str(tmp_path / "imported"), "--for", "COL903"])
    return int(ended.value.code or 0), capsys.readouterr().out


def use(ccms_ws: Commands, file: Path, soap: str = "1.2") -> None:
    """Let FTB's profile name the WSDL and the SOAP version."""
    profile = ccms_ws.settings.parent / "partners" / "FTB.toml"
    lines = profile.read_text("utf-8").splitlines()
    stated = {"wsdl": f'wsdl = "{file}"', "soap": f'soap = "{soap}"'}
    named = [stated.get(line.partition(" ")[0], line) for line in lines]
    profile.write_text("\n".join(named) + "\n", encoding="utf-8")


def test_an_import_says_that_the_client_was_made(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = wsdl(bindings=bound() + bound("soap12"), ports=port() + port("soap12"))
    code, out = imported(capsys, text, tmp_path)
    assert code == 0
    assert (
        "the court's client was made from it, with col903:CollectionBalanceUpdateBatch over SOAP 1.1 and SOAP 1.2"
        in out
    )
    assert (tmp_path / "imported" / "contract.lock").is_file()


def test_an_import_refuses_what_cannot_be_sent_and_writes_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out = imported(capsys, wsdl(bindings=bound(style="rpc")), tmp_path)
    assert code == ExitCode.REFUSED
    assert "its style is rpc, not document [BP R2705]" in out
    assert "ask the partner for a document/literal operation" in out
    assert not (tmp_path / "imported").exists()


@pytest.mark.parametrize("command", [["worker", "--once"], ["serve"]])
def test_a_program_does_not_start_with_a_wsdl_that_lacks_the_operation(
    ccms_ws: Commands, command: list[str], tmp_path: Path
) -> None:
    use(ccms_ws, written(tmp_path, wsdl(schema="<xs:schema/>")))  # SOAP 1.1 alone; the profile says 1.2
    ended = ccms_ws(*command)
    assert ended.code == ExitCode.CONFIGURATION
    assert "FTB, COL903: s.wsdl takes col903:CollectionBalanceUpdateBatch in SOAP 1.1 only" in ended.err
    assert 'set soap = "1.1" in the partner\'s profile' in ended.err


def test_it_starts_with_one_that_has_it(ccms_ws: Commands, tmp_path: Path) -> None:
    use(ccms_ws, written(tmp_path, wsdl(schema="<xs:schema/>")), soap="1.1")
    assert ccms_ws("worker", "--once").code == 0


@pytest.mark.parametrize("command", [["doctor"], ["partners", "test", "FTB"]])
def test_examinations_name_the_operation_that_is_lacking(ccms_ws: Commands, command: list[str], tmp_path: Path) -> None:
    text = wsdl(schema="<xs:schema/>").replace("c:CollectionBalanceUpdateBatch", "c:Other")
    use(ccms_ws, written(tmp_path, text))
    ended = ccms_ws(*command, "--json")
    (row,) = [row for row in ended.json if row["what"] == "FTB COL903 WSDL file"]
    assert (ended.code, row["light"]) == (ExitCode.REFUSED, "red")
    assert "s.wsdl: no operation takes col903:CollectionBalanceUpdateBatch; they take col903:Other" in row["found"]
    assert "ask the partner" in row["do"]


# -- export ------------------------------------------------------------------------------------------------------------
def address(package: Path) -> str:
    """The part of the packed WSDL that holds the address."""
    with zipfile.ZipFile(package) as files:
        text = files.read("FCC807-1.0/wsdl/FCC807-1.0-service.wsdl").decode()
    return text.partition('address location="')[2].partition('"')[0]


def test_an_export_has_the_address_of_the_settings(ccms_ws: Commands, tmp_path: Path) -> None:
    ended = ccms_ws("contract", "export", "FCC807", "-o", tmp_path / "a.zip", "--json")
    public = load_settings(ccms_ws.settings).endpoint.public_url
    assert (ended.code, ended.err) == (0, "")
    assert address(tmp_path / "a.zip") == ended.json["url"] == f"{public}/FCC807/1.0"
    ccms_ws("contract", "export", "FCC807", "-o", tmp_path / "b.zip", "--url", "https://other.example/")
    assert address(tmp_path / "b.zip") == "https://other.example/FCC807/1.0"


def test_an_export_has_the_policy_and_the_codes_of_the_settings(ccms_ws: Commands, tmp_path: Path) -> None:
    text = ccms_ws.settings.read_text("utf-8")
    changed = re.sub(r"(?m)^#?\s*lifetime_seconds = .*$", "lifetime_seconds = 120", text)
    assert changed != text
    ccms_ws.settings.write_text(changed, encoding="utf-8")
    assert ccms_ws("contract", "export", "FCC807", "-o", tmp_path / "a.zip").code == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as files:
        assert "2 minutes after Created at most" in files.read("FCC807-1.0/README.md").decode()


def test_an_export_without_settings_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CCMS_WS_CONFIG", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["contract", "export", "FCC807", "-o", "a.zip"])
    captured = capsys.readouterr()
    assert ended.value.code in (0, None)
    assert "there is no ccms-ws.toml" in captured.err
    assert "https://court.example/FCC807/1.0, which is no court's address" in captured.err
    assert "--config" in captured.err


def test_settings_that_were_named_have_to_be_there(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["contract", "export", "FCC807", "-o", str(tmp_path / "a.zip"), "--config", str(tmp_path / "none.toml")])
    assert ended.value.code == ExitCode.CONFIGURATION
    assert "there is no settings file" in capsys.readouterr().err
