"""A console over the demo court: its operators, a browser without a screen, and things worth looking at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.security import generate_password_hash
from werkzeug.test import TestResponse

from ccms_ws.console.app import make_console
from ccms_ws.console.context import KEY, ConsoleContext
from tests.support.court import Court

PASSWORD = "correct horse battery"
OPERATOR, READER = "m.lee", "r.ortiz"
IMPATIENT = "[delivery]\ngive_up_after_attempts = 1\ngive_up_after_hours = 0"


def write_operators(path: Path, password: str = PASSWORD) -> None:
    """An operator and a reader whose hashes cost little."""
    text = ""
    for name, role in ((OPERATOR, "operator"), (READER, "reader")):
        hashed = generate_password_hash(password, "scrypt:1024:8:1")
        text += f'[[operator]]\nname = "{name}"\nrole = "{role}"\npassword = "{hashed}"\n'
    path.touch(0o600)
    path.write_text(text, "utf-8")


def impatient(settings: Path) -> None:
    """A court that gives up at the first failure."""
    settings.write_text(settings.read_text("utf-8").replace("[delivery]", IMPATIENT), "utf-8")


class Console:
    """A console in this process, and a browser of its own."""

    def __init__(self, court: Court, host: str = "") -> None:
        self.court = court
        settings = court.application.settings.console
        assert settings is not None
        self.url = settings.url
        write_operators(settings.operators)
        self.app = make_console(court.application, lambda _now: [])
        self.house: ConsoleContext = self.app.extensions[KEY]
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, base_url=self.url, headers=headers)

    def token(self, path: str = "/sign-in") -> str:
        """The token of the first form of a page, for this browser."""
        found = re.search(r'name="token" value="([0-9a-f]+)"', self.get(path).text)
        assert found is not None
        return found[1]

    def post(self, path: str, *, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
        """As the console's own page would."""
        fields = {"token": form.pop("token", None) or self.house.tokens.token(self.cookie)} | form
        return self.client.post(path, base_url=self.url, data=fields, headers={"Origin": self.url} | (headers or {}))

    @property
    def cookie(self) -> str:
        host = self.url.partition("://")[2].partition(":")[0]
        found = self.client.get_cookie(self.house.cookie, domain=host)
        return found.value if found else ""

    def sign_in(self, operator: str = OPERATOR, password: str = PASSWORD) -> TestResponse:
        if not self.cookie:
            self.get("/sign-in")
        return self.post("/sign-in", operator=operator, password=password)


def behind_proxy(settings: Path) -> None:
    """A console that its operators reach over TLS."""
    text = settings.read_text("utf-8")
    settings.write_text(text.replace("[console]", '[console]\npublic_url = "https://console.court.example"'), "utf-8")


@pytest.fixture
def console(court: Court) -> Console:
    return Console(court)
