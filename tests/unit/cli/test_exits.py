"""How commands end: codes that scripts rely on, words that lead on, no trace of Python."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccms_ws import errors
from ccms_ws.cli import main
from ccms_ws.cli.app import EPILOG
from ccms_ws.cli.exit_codes import ExitCode, exit_code_of, tell, tell_defect


def all_errors(kind: type[errors.CcmsWsError] = errors.CcmsWsError) -> Iterator[type[errors.CcmsWsError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from all_errors(below)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("x"), ExitCode.CONFIGURATION),
        (errors.ContractMissing("x"), ExitCode.CONFIGURATION),
        (errors.NotStored("x"), ExitCode.NOT_FOUND),
        (errors.ExchangeError("x"), ExitCode.REFUSED),
        (errors.SignatureInvalid("x"), ExitCode.REFUSED),
        (errors.PermanentDeliveryError("x"), ExitCode.REFUSED),
        (errors.TransientDeliveryError("x"), ExitCode.UNAVAILABLE),
        (errors.StoreUnavailable("x"), ExitCode.UNAVAILABLE),
        (errors.InternalError("x"), ExitCode.FAILED),
    ],
)
def test_an_error_ends_with_the_code_of_its_kind(error: errors.CcmsWsError, code: ExitCode) -> None:
    assert exit_code_of(error) is code


@pytest.mark.parametrize("kind", tuple(all_errors()))
def test_no_error_ends_like_a_success(kind: type[errors.CcmsWsError]) -> None:
    assert exit_code_of(kind("x")) not in (ExitCode.OK, ExitCode.USAGE)


@pytest.mark.parametrize("code", tuple(ExitCode))
def test_every_exit_code_stands_in_the_help(code: ExitCode) -> None:
    assert f"{code.value} " in EPILOG


def test_an_error_says_what_and_what_next(capsys: pytest.CaptureFixture[str]) -> None:
    tell(errors.ConfigError("there is no partner 'FTP'", hint="known partners: FTB"), as_json=False)
    assert capsys.readouterr().err == "ccms-ws: there is no partner 'FTP'\n  next: known partners: FTB\n"


def test_an_error_is_json_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "outbox", "list", "--config", "/none/ccms-ws.toml", "--json")
    assert code == ExitCode.CONFIGURATION
    assert json.loads(out)["error"]["code"] == "config.invalid"
    assert err == ""


def test_an_error_is_words_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "outbox", "list", "--config", "/none/ccms-ws.toml")
    assert code == ExitCode.CONFIGURATION
    assert out == ""
    assert "there is no settings file" in err
    assert "Traceback" not in err


def test_a_defect_leaves_no_trace_for_the_reader(capsys: pytest.CaptureFixture[str]) -> None:
    tell_defect(KeyError("x"), as_json=False)
    err = capsys.readouterr().err
    assert "unforeseen KeyError" in err
    assert "--trace" in err
    assert "Traceback" not in err


def test_a_file_that_cannot_be_used_is_no_defect(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere" / "fcc807.zip"
    code, out, err = run(capsys, "contract", "export", "FCC807", "-o", str(nowhere))
    assert (code, out) == (ExitCode.CONFIGURATION, "")
    assert err == f"ccms-ws: {nowhere} cannot be used: No such file or directory\n  next: name another file or folder\n"


def test_an_exchange_is_known_however_its_code_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "contract", "export", "fcc807", "-o", str(tmp_path / "x.zip"))[0] == ExitCode.OK
    code, _, err = run(capsys, "kit", "COL90", "-o", str(tmp_path / "kit"))
    assert (code, err) == (
        ExitCode.NOT_FOUND,
        "ccms-ws: there is no exchange 'COL90'\n  next: known: FCC807, COL903, DMV907\n",
    )


def test_a_wrong_command_line_ends_with_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "outbox", "lsit")[0] == ExitCode.USAGE
    assert run(capsys, "dmv907", "hold", "--case", "x")[0] == ExitCode.USAGE


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version")[:2] == (0, "ccms-ws 0.1.0\n")
