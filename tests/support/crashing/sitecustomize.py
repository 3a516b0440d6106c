"""Lets a program of the acceptance tests die at a crash point. Python finds it, because its folder is on the path.

`CRASH_FOLDER/NAME` holds the name of the point at which the program NAME (`CRASH_PROGRAM`) is to die next. Whoever
passes it renames the file to `NAME.POINT.hit`, so that it is passed once, and is killed as by `kill -9`.
"""

from __future__ import annotations

import os
import signal

_FOLDER, _PROGRAM = os.environ.get("CRASH_FOLDER"), os.environ.get("CRASH_PROGRAM")


def _die_at(folder: str, program: str) -> None:
    from ccms_ws.failpoints import Hook

    order = f"{folder}/{program}"

    def on_point(name: str) -> None:
        try:
            with open(order, encoding="ascii") as file:  # noqa: PTH123 - on the path of every program: quick
                wanted = file.read()
            if wanted != name:
                return
            os.rename(order, f"{order}.{name}.hit")  # noqa: PTH104
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    Hook.on_point = on_point


if _FOLDER and _PROGRAM:
    _die_at(_FOLDER, _PROGRAM)
