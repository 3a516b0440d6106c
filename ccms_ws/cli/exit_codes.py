"""How a command ends: the exit codes, which are part of the command line's contract, and how an error is shown."""

from __future__ import annotations

import json
import sys
from enum import IntEnum

from ccms_ws import errors
from ccms_ws.log import LineWriter
from ccms_ws.tabular_files import FileRefused


class ExitCode(IntEnum):
    """What a script can rely on. 130 is the shell's own for Ctrl-C."""

    OK = 0
    """It was done."""
    FAILED = 1
    """It failed in a way that has no code of its own: a defect, the end of a program's main loop, a demo step."""
    USAGE = 2
    """The command line is wrong."""
    CONFIGURATION = 3
    """The settings, a partner profile, a key, a contract file or a file with data cannot be used."""
    NOT_FOUND = 4
    """What was asked for is not there."""
    REFUSED = 5
    """A rule or the other side says no: a notice that the law forbids, a rejected query, an error message."""
    UNAVAILABLE = 6
    """The database or a partner cannot be reached now; the same command may succeed later."""


_CODE_OF: tuple[tuple[type[errors.CcmsWsError], ExitCode], ...] = (
    (errors.ConfigError, ExitCode.CONFIGURATION),
    (FileRefused, ExitCode.CONFIGURATION),
    (errors.ContractMissing, ExitCode.CONFIGURATION),
    (errors.NotStored, ExitCode.NOT_FOUND),
    (errors.UnknownMessage, ExitCode.NOT_FOUND),
    (errors.ExchangeError, ExitCode.REFUSED),
    (errors.OperatorRefused, ExitCode.REFUSED),
    (errors.EnvelopeError, ExitCode.REFUSED),
    (errors.PermanentDeliveryError, ExitCode.REFUSED),
)


def exit_code_of(error: errors.CcmsWsError) -> ExitCode:
    """The exit code for an error that ended a command."""
    if error.retryable:
        return ExitCode.UNAVAILABLE
    return next((code for kind, code in _CODE_OF if isinstance(error, kind)), ExitCode.FAILED)


def tell(error: errors.CcmsWsError, *, as_json: bool) -> None:
    """Say what went wrong, where, and what to do next: to people on standard error, to programs as JSON."""
    if as_json:
        facts = {"code": error.code, "detail": str(error), "hint": error.hint}
        print(json.dumps({"error": facts}, ensure_ascii=False))  # noqa: T201 - the program's answer
        return
    said = LineWriter(sys.stderr)  # which cannot fail: the exit code says it as well
    said.write(f"ccms-ws: {error}")
    if error.hint:
        said.write(f"  next: {error.hint}")


def file_trouble(error: Exception) -> errors.ConfigError | None:
    """What is wrong with a file or folder that the user named; None if the error is not about one."""
    if not isinstance(error, OSError) or error.filename is None:
        return None
    return errors.ConfigError(f"{error.filename} cannot be used: {error.strerror}", hint="name another file or folder")


def tell_defect(error: Exception, *, as_json: bool) -> None:
    """Something unforeseen: no trace for the reader, but the way to get one."""
    told = errors.InternalError(
        f"unforeseen {type(error).__name__}: {error}", hint="this is a defect; `ccms-ws --trace ...` shows where"
    )
    tell(told, as_json=as_json)
