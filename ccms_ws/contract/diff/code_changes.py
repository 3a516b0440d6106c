"""What changed in the code lists that lie beside two contracts (`codes/*.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ccms_ws.contract.diff.changes import Change, Effect
from ccms_ws.errors import ContractError


def code_changes(old: Path, new: Path) -> Iterator[Change]:
    """Changes of the lists that both have. A code that is new on an open list breaks no client: it must expect one."""
    before, after = _lists(old), _lists(new)
    for name in sorted(before.keys() & after.keys()):
        where = f"codes, {name}"
        for code in sorted(before[name].keys() - after[name].keys()):
            yield Change(Effect.BREAKING, where, f"{code} was removed", "a client may send it or wait for it")
        for code in sorted(after[name].keys() - before[name].keys()):
            yield Change(Effect.COMPATIBLE, where, f"{code} was added, used from {after[name][code].get('effective')}")
        for code in sorted(before[name].keys() & after[name].keys()):
            was, now = before[name][code], after[name][code]
            if was.get("outcome") != now.get("outcome") or was.get("resend") != now.get("resend"):
                yield Change(Effect.BREAKING, where, f"{code} means something else", "a client acts on it")
            elif was.get("ended") != now.get("ended"):
                yield Change(Effect.COMPATIBLE, where, f"{code} is used until {now.get('ended', 'further notice')}")
            elif was.get("text") != now.get("text"):
                yield Change(Effect.NONE, where, f"{code} is explained in other words")


def _lists(root: Path) -> dict[str, dict[str, dict[str, Any]]]:
    found = {}
    for path in [] if root.is_file() else sorted(root.rglob("codes/*.toml")):
        try:
            found[path.stem] = tomllib.loads(path.read_text("utf-8"))["codes"]
        except (OSError, ValueError, KeyError) as error:
            raise ContractError(f"{path} is no code list: {error}") from error
    return found
