"""How the programs of `tools/` speak and end: with a sentence and a documented code, whatever their input and output.

2 means that nothing could begin, or that standard output could not be written; a reader that goes away is no error.
"""

from __future__ import annotations

import errno
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NoReturn

from ccms_ws.errors import CcmsWsError
from ccms_ws.plain_values import day

FAILED: Final = 1
CANNOT_BEGIN: Final = 2
INTERRUPTED: Final = 130


class _Output:
    """Whether standard output was lost, and why."""

    lost: OSError | None = None


def say(text: str = "") -> None:
    """A line on standard output. If it cannot be written, the words are lost, and the work goes on."""
    try:
        print(text, flush=True)  # noqa: T201 - what the program is there to say
    except OSError as error:
        lose_output(error)


def complain(text: str) -> None:
    """A line on standard error."""
    with suppress(OSError):  # the reader is gone
        print(text, file=sys.stderr, flush=True)  # noqa: T201


def reader_has_gone() -> bool:
    """True once standard output has no reader: a program that only shows something can end."""
    return _Output.lost is not None


def run(name: str, main: Callable[[], int]) -> NoReturn:
    """Run the program `name`, and end with the code of `main`; with CANNOT_BEGIN for an error that it raises."""
    try:
        code = main()
        sys.stdout.flush()
    except CcmsWsError as error:
        complain(f"{name}: {error}" + (f"\n  next: {error.hint}" if error.hint else ""))
        code = CANNOT_BEGIN
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as error:
        if error.filename is None:
            lose_output(error)
        else:
            complain(f"{name}: {error.filename} cannot be used: {error.strerror}")
        code = CANNOT_BEGIN
    lost = _Output.lost
    if lost is not None and lost.errno != errno.EPIPE:
        complain(f"{name}: standard output cannot be written: {lost.strerror}")
        code = CANNOT_BEGIN
    sys.exit(code)


def lose_output(error: OSError) -> None:
    """Let standard output go nowhere from here on: it cannot be written."""
    _Output.lost = error
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)  # what is still in the buffer goes there, too
    os.close(nowhere)


# -- arguments --------------------------------------------------------------------------------------------------------
def hours(text: str) -> timedelta:
    """A number of hours, up to ten years."""
    try:
        value = float(text) if text.isascii() else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= 87_600:  # no number is neither
        raise ArgumentTypeError("is not a number of hours between 0 and 87600")
    return timedelta(hours=value)


def positive(text: str) -> int:
    """A whole number above zero."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 10**9):
        raise ArgumentTypeError("is not a whole number above zero")
    return int(text)


def iso_day(text: str) -> date:
    """An ISO date."""
    try:
        return day(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from None


def writable(text: str) -> Path:
    """A file that can be written; it is made if it is not there."""
    path = Path(text)
    try:
        path.open("a").close()
    except OSError as error:
        raise ArgumentTypeError(f"{text} cannot be written: {error.strerror}") from None
    return path
