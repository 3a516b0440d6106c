"""The code lists as data: `xsd/codes/*.toml`, each code with the day from which it is used.

A court can add to an open list, or redefine a code, by a file of the same name in a folder of its own (setting
`court.codes`). A closed list is an enumeration of the schema as well, and changes only with the exchange's version.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from ccms_ws.contract import catalog
from ccms_ws.errors import ConfigError, ContractError, ContractMissing

_KEYS: Final = frozenset({"text", "effective", "ended", "outcome", "resend"})


@dataclass(frozen=True, slots=True)
class Code:
    """A code and what it means. It is used from `effective` until the day before `ended`.

    `outcome` (DMV's message codes): "accepted" or "not accepted"; `resend` (errors): the same message may
    succeed later.
    """

    code: str
    text: str
    effective: date
    ended: date | None = None
    outcome: str = ""
    resend: bool | None = None

    def is_used_on(self, day: date) -> bool:
        return self.effective <= day and (self.ended is None or day < self.ended)


@dataclass(frozen=True, slots=True)
class CodeList:
    """The codes of one element; `closed` if the schema enumerates them."""

    name: str
    title: str
    element: str
    exchanges: tuple[str, ...]
    source: str
    codes: Mapping[str, Code]
    closed: bool = False

    def find(self, code: str, on: date) -> Code | None:
        """The code, if it is on the list and used on that day."""
        found = self.codes.get(code)
        return found if found is not None and found.is_used_on(on) else None

    def __getitem__(self, code: str) -> Code:
        return self.codes[code]


@dataclass(frozen=True, slots=True)
class CodeLists:
    """All code lists of one court, by name, in the order of their names. Read once, when the court is opened."""

    lists: Mapping[str, CodeList]

    def __getitem__(self, name: str) -> CodeList:
        """The list of that name. Raises ContractMissing."""
        try:
            return self.lists[name]
        except KeyError:
            raise ContractMissing(f"there is no code list {name}") from None

    def __iter__(self) -> Iterator[CodeList]:
        return iter(self.lists.values())


def code_list(name: str) -> CodeList:
    """The published list of that name, without what a court adds. Raises ContractMissing."""
    return published_codes()[name]


def published_codes() -> CodeLists:
    """The lists as they are published, without what a court adds."""
    return _published(catalog.folder("xsd"))


def load_codes(folder: Path | None = None) -> CodeLists:
    """The published lists with those that a court adds in `folder`; None: it adds none.

    Raises ConfigError for a file that is no code list, adds to a closed list, or has the name of none.
    """
    lists = dict(published_codes().lists)
    for path in [] if folder is None else sorted(folder.glob("*.toml")):
        base = lists.get(path.stem)
        if base is None:
            raise ConfigError(f"{path}: there is no code list {path.stem}", hint=f"known: {', '.join(lists)}")
        if base.closed:
            raise ConfigError(f"{path}: the list {path.stem} is closed", hint="it changes with the exchange's version")
        try:
            own = _codes(tomllib.loads(path.read_text("utf-8-sig")).get("codes", {}))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{path} is no code list: {error}") from error
        lists[path.stem] = replace(base, codes=MappingProxyType({**base.codes, **own}))
    return CodeLists(MappingProxyType(lists))


@cache  # the files of the package, which no setting changes
def _published(xsd: Path) -> CodeLists:
    return CodeLists(MappingProxyType({path.stem: _read(path) for path in sorted((xsd / "codes").glob("*.toml"))}))


def _read(path: Path) -> CodeList:
    try:
        data = tomllib.loads(path.read_text("utf-8-sig"))
        return CodeList(
            name=path.stem,
            title=data["title"],
            element=data["element"],
            exchanges=tuple(data["exchanges"]),
            source=data["source"],
            codes=MappingProxyType(_codes(data["codes"])),
            closed=data.get("closed", False),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ContractError(f"{path} is no code list: {error}") from error


def _codes(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Code]:
    for code, entry in entries.items():
        if unknown := set(entry) - _KEYS:
            raise ValueError(f"{code} has {', '.join(sorted(unknown))}")
        if type(entry["effective"]) is not date or type(entry.get("ended", date.min)) is not date:
            raise ValueError(f"{code}: a day is written 2026-01-01, without quotes")
    return {code: Code(code, **entry) for code, entry in entries.items()}


def written(codes: CodeList) -> str:
    """The list as TOML, in the form of `xsd/codes/`, with what the court has added."""
    head = {"title": codes.title, "element": codes.element, "exchanges": list(codes.exchanges), "source": codes.source}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in head.items()]
    lines += ["closed = true"] if codes.closed else []
    for code in codes.codes.values():
        lines += ["", f"[codes.{json.dumps(code.code)}]", f"text = {json.dumps(code.text, ensure_ascii=False)}"]
        lines += [f"outcome = {json.dumps(code.outcome)}"] if code.outcome else []
        lines += [f"resend = {json.dumps(code.resend)}"] if code.resend is not None else []
        lines += [f"effective = {code.effective}"]
        lines += [f"ended = {code.ended}"] if code.ended else []
    return "\n".join(lines) + "\n"
