"""A court in this process whose clock stands where a recording says: the demo court, or a copy of a given one."""

from __future__ import annotations

import io
import shutil
import sqlite3
import tempfile
from collections.abc import Collection
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

from ccms_ws.bootstrap import CourtApplication, open_court
from ccms_ws.clock import FixedClock
from ccms_ws.config import Settings, load_settings
from ccms_ws.demo.installation import make_installation
from ccms_ws.domain.courts import Court
from ccms_ws.errors import ConfigError, NotStored
from ccms_ws.registry import EXCHANGES
from ccms_ws.replay import pki
from ccms_ws.replay.case import Books
from ccms_ws.replay.draft import Request
from ccms_ws.replay.partners import ScriptedPartners
from ccms_ws.replay.reset import forget, forget_all
from ccms_ws.replay.verdicts import Answer, Seen
from ccms_ws.store import migrate
from ccms_ws.store.engine import open_engine
from ccms_ws.store.unit_of_work import read_only, unit_of_work

_SQLITE: Final = "sqlite:///"


class ReplayCourt:
    """One court that nothing else touches. Not for several threads: it has one clock."""

    def __init__(self, settings: Settings, clock: FixedClock) -> None:
        self.clock = clock
        self._engine = open_engine(settings.database.url)
        self.application: CourtApplication = replace(
            open_court(settings, clock, published_keys=True),
            units=unit_of_work(self._engine),
            reading=read_only(self._engine),
        )
        self._gate = self.application.gateway(is_limited=False)

    def begin(self, at: datetime, books: sqlite3.Connection | None) -> None:
        """Set the clock, and put the database back to `books`; None leaves it as it is."""
        self.clock.at = at
        if books is None:
            return
        with closing(self._engine.raw_connection()) as connection:
            own: Any = connection.driver_connection
            own.execute("PRAGMA synchronous = OFF")  # nothing in it has to outlive this process
            books.backup(own)

    def forget(self, message_ids: Collection[UUID]) -> None:
        """Let these messages be new: one in the log would get its stored answer, whatever the court says now."""
        forget(self._engine, message_ids)

    def receive(self, request: Request, path: str) -> Answer:
        """One HTTP request through the gateway."""
        status, headers = "", {}

        def start(line: str, fields: list[tuple[str, str]]) -> None:
            nonlocal status, headers
            status, headers = line, {name.lower(): value for name, value in fields}

        body = b"".join(self._gate(environ_of(request, path), start))
        return Answer(int(status[:3]), headers, body)

    def reason(self, seen: Seen) -> str:
        """The code by which the court explains a refusal to its operator; empty if it refused nothing."""
        incident = seen.incident
        if incident is None:
            return ""
        with self.application.reading() as uow:
            try:
                return uow.inbox.get_refusal(incident).code
            except NotStored:
                return ""

    def close(self) -> None:
        """End it."""
        self._engine.dispose()


def environ_of(request: Request, path: str) -> dict[str, Any]:
    """The request as a WSGI server hands it over."""
    environ = {
        "REQUEST_METHOD": request.method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(request.body)),
        "CONTENT_TYPE": request.content_type,
        "wsgi.input": io.BytesIO(request.body),
    }
    if request.soap_action is not None:
        environ["HTTP_SOAPACTION"] = request.soap_action
    return environ | {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}


class Courthouse:
    """Has one court, and puts it back to where it was before each case. Use it in a `with` block."""

    def __init__(self, settings: Settings, *, database: str = "") -> None:
        """`settings`: of the installation that is copied, which stays as it is. `database`: the URL of a copy that may
        be changed, for installations on PostgreSQL. Raises ConfigError.
        """
        url = settings.database.url
        if not database and not url.startswith(_SQLITE):
            raise ConfigError("this court's database is not a file that could be copied",
                              hint="restore a copy of it and name that with --database")  # fmt: skip
        if database == url:
            raise ConfigError("that database is the court's own, and a replay changes what it plays in",
                              hint="restore a copy of it and name that with --database")  # fmt: skip
        self.settings = settings
        self.partners = ScriptedPartners()
        self._database = database
        self._own = tempfile.TemporaryDirectory(prefix="ccms-ws-replay-")
        self._folder = Path(self._own.name)
        self._books: dict[Books, sqlite3.Connection] = {}
        self._courts: dict[str, ReplayCourt] = {}
        if not database and not Path(url.removeprefix(_SQLITE)).is_file():
            raise ConfigError(f"there is no database {url.removeprefix(_SQLITE)}", hint="ccms-ws db upgrade makes one")

    @classmethod
    def demo(cls, at: datetime) -> Self:
        """The demo court with the published test keys. `at`: when it was made."""
        with tempfile.TemporaryDirectory(prefix="ccms-ws-replay-") as folder:
            made = make_installation(Path(folder) / "court", FixedClock(at))
            home = made.settings_file.parent
            pki.install(home / "pki")
            house = cls(_load(made.settings_file, environment=False))
            shutil.copytree(home, house._folder / "court")
        house.settings = _load(house._folder / "court" / "ccms-ws.toml", environment=False)
        return house

    @classmethod
    def copy_of(cls, settings_file: Path, *, database: str = "") -> Self:
        """A copy of the installation with these settings."""
        return cls(_load(settings_file), database=database)

    def court(self, at: datetime, books: Books = Books.COURT) -> ReplayCourt:
        """The court as it was before anything was played, its clock at `at`, its partners those of `partners`. One at a
        time: the court that was had before is this one. `books`: `MADE` has nothing on file but the court itself.
        """
        kept = self._kept(books)
        url = self._database if kept is None else f"{_SQLITE}{self._folder / 'court.db'}"
        if url not in self._courts:
            if kept is not None:
                with closing(sqlite3.connect(self._folder / "court.db")) as copy:
                    kept.backup(copy)
            settings = self.partners.moved_here(self.settings)
            self._courts[url] = ReplayCourt(_with_database(settings, url), FixedClock(at))
        self._courts[url].begin(at, kept)
        return self._courts[url]

    def _kept(self, books: Books) -> sqlite3.Connection | None:
        """What is put back before each case, made when it is first needed; None if there is nothing to put back."""
        wanted = Books.MADE if books is Books.MADE else Books.COURT
        if wanted not in self._books:
            if wanted is Books.COURT and self._database:
                return None
            source = Path(self.settings.database.url.removeprefix(_SQLITE))
            self._books[wanted] = self._nothing() if wanted is Books.MADE else _books(source, self._folder / "books.db")
        return self._books[wanted]

    def _nothing(self) -> sqlite3.Connection:
        path, court = self._folder / "nothing.db", self.settings.court
        engine = open_engine(f"{_SQLITE}{path}")
        migrate.upgrade(engine)
        with unit_of_work(engine)() as uow:
            uow.books.add(Court(court.ori, court.name, court.county_code, court.dmv_court_code))
            uow.commit()
        engine.dispose()
        return sqlite3.connect(path, check_same_thread=False)

    def close(self) -> None:
        """End everything and delete it."""
        self.partners.stop()
        for court in self._courts.values():
            court.close()
        for books in self._books.values():
            books.close()
        self._own.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def _load(settings_file: Path, *, environment: bool = True) -> Settings:
    return load_settings(settings_file, [exchange.code for exchange in EXCHANGES], environment=environment)


def _with_database(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"database": settings.database.model_copy(update={"url": url})})


def _books(source: Path, target: Path) -> sqlite3.Connection:
    """A copy of a database that may be in use, brought to the schema of this version, without the message log."""
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(target)) as copy:
        live.backup(copy)
    engine = open_engine(f"{_SQLITE}{target}")
    migrate.upgrade(engine)
    forget_all(engine)
    engine.dispose()
    books = sqlite3.connect(target, check_same_thread=False)
    books.execute("VACUUM")  # the log is most of a database, and what is left is put back before each case
    return books
