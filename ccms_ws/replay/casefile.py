"""Cases in folders: found, read and written. An unknown, missing or misspelt key is refused in plain words."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any, Final

from ccms_ws.errors import ConfigError
from ccms_ws.replay.case import (
    Books,
    Case,
    CourtAct,
    Delivery,
    Expected,
    ExpectedOutcome,
    Post,
    Sent,
    Step,
    Tolerance,
    Wait,
)
from ccms_ws.replay.draft import Request

FILE: Final = "case.toml"


def shipped_cases() -> Path:
    """The folder of the cases that come with the package."""
    return Path(str(resources.files(__package__) / "cases"))


def find_cases(paths: Iterable[Path]) -> list[Path]:
    """The folders of all cases at or below `paths`, sorted. Raises ConfigError if there is none."""
    paths = list(paths)
    found = sorted({file.parent for path in paths for file in (path.rglob(FILE) if path.is_dir() else ())})
    if not found:
        where = ", ".join(map(str, paths))
        raise ConfigError(f"there is no case in {where}", hint=f"a case is a folder with a {FILE}")
    return found


def court_of(folders: Iterable[Path]) -> Path | None:
    """The settings of the court where the cases were recorded; None if all of them play in the demo court.

    Raises ConfigError if they are of several courts, or the settings are no longer there.
    """
    courts = {str(_load(folder / FILE).get("court", "")) for folder in folders}
    if len(courts) > 1:
        names = ", ".join(sorted(court or "the demo court" for court in courts))
        raise ConfigError(f"these cases play in different courts: {names}", hint="run those of each court alone")
    court = courts.pop() if courts else ""
    if court and not Path(court).is_file():
        raise ConfigError(
            f"the court where these cases were recorded had its settings at {court}, and they are not there",
            hint="name them, or those of a copy of that court: --court FILE",
        )
    return Path(court) if court else None


# -- reading ----------------------------------------------------------------------------------------------------------
def read_case(folder: Path) -> Case:
    """The case in `folder`. Raises ConfigError that names the file and the key."""
    table = _Table(folder, _load(folder / FILE))
    case = Case(
        name=table.text("name", folder.name),
        folder=folder,
        title=table.text("title"),
        exchanges=tuple(table.get("exchanges", list)),
        at=_utc(table.get("at", datetime)),
        ran=timedelta(milliseconds=table.get("ran_ms", int, 0)),
        steps=tuple(_step(each, number) for number, each in enumerate(table.tables("step"), start=1)),
        books=Books(table.text("books", Books.DEMO)),
        sent=tuple(
            Sent(each.text("exchange"), each.text("partner"), each.file("payload")) for each in table.tables("sent")
        ),
        may_differ=tuple(Tolerance(each.text("path"), each.text("why")) for each in table.tables("may_differ")),
        clauses=tuple(table.get("clauses", list, [])),
        provenance=table.text("provenance", ""),
        not_live=table.text("not_live", ""),
        court=table.text("court", ""),
    )
    table.check()
    if not case.steps:
        raise ConfigError(f"{folder / FILE} has no step")
    return case


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path} cannot be read: {why}") from None


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


class _Table:
    """A table of the file, which knows what was asked of it."""

    def __init__(self, folder: Path, table: Mapping[str, Any], place: str = "") -> None:
        self.folder = folder
        self.place = place
        self._table = dict(table)
        self._inner: list[_Table] = []

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        value = self._table.pop(key, default)
        if value is None or not isinstance(value, kind):
            raise self.wrong(f"{key} should be given, as {kind.__name__}" if value is None else f"{key} is {value!r}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return str(self.get(key, str, default))

    def tables(self, key: str) -> Iterator[_Table]:
        for number, table in enumerate(self.get(key, list, []), start=1):
            self._inner.append(_Table(self.folder, table, f"[[{key}]] {number}: "))
            yield self._inner[-1]

    def words(self, key: str) -> dict[str, str]:
        return {str(name): str(value) for name, value in self.get(key, dict, {}).items()}

    def file(self, key: str, default: str | None = None) -> bytes:
        """The content of the file that the key names; nothing if it may be left out and is."""
        name = self.text(key, default)
        if not name:
            return b""
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise self.wrong(f"{key} names {name!r}, which is not in the folder of the case")
        try:
            return path.read_bytes()
        except OSError as error:
            raise self.wrong(f"{key}: {path} cannot be read: {error.strerror}") from None

    def rest(self) -> dict[str, Any]:
        rest, self._table = self._table, {}
        return rest

    def check(self) -> None:
        for table in (self, *self._inner):
            if table._table:
                raise table.wrong(f"unknown: {', '.join(sorted(table._table))}")

    def wrong(self, what: str) -> ConfigError:
        return ConfigError(f"{self.folder / FILE}: {self.place}{what}")


def _step(table: _Table, number: int) -> Step:
    do = table.text("do")
    name = table.text("name", f"{number} {do}")
    if do == "post":
        return _post(table, name)
    books = table.words("books")
    if do == "wait":
        return Wait(name=name, by=timedelta(seconds=table.get("seconds", int)), books=books)
    if do == "deliver":
        return Delivery(
            name=name,
            partner=table.text("partner"),
            exchange=table.text("exchange"),
            url=table.text("url"),
            message=table.file("message"),
            status=table.get("status", int, 202),
            content_type=table.text("content_type", ""),
            answer=table.file("answer", ""),
            books=books,
        )
    return CourtAct(name=name, do=do, message_id=table.text("message_id", ""), books=books, facts=table.rest())


def _post(table: _Table, name: str) -> Post:
    return Post(
        name=name,
        path=table.text("path"),
        partner=table.text("partner", ""),
        payload=table.file("payload", ""),
        layout=table.text("layout", ""),
        defect=table.text("defect", ""),
        request=Request(
            body=table.file("request"),
            content_type=table.text("content_type"),
            soap_action=table.text("soap_action", "") or None,
            method=table.text("method", "POST"),
            headers=table.words("headers"),
        ),
        expected=Expected(
            outcome=ExpectedOutcome(table.text("outcome")),
            status=table.get("status", int),
            code=table.text("code", ""),
            signed=table.get("signed", bool, True),
            answer=table.file("answer", ""),
            books=table.words("books"),
        ),
    )
