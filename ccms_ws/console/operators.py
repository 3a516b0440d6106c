"""Accounts: a TOML file that only its owner can read, with a scrypt hash for each operator. Independent of HTTP."""

from __future__ import annotations

import hmac
import os
import secrets
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError
from werkzeug.security import check_password_hash, generate_password_hash

from ccms_ws.config import ConsoleSettings, Settings
from ccms_ws.config.fields import Section
from ccms_ws.config.problems import Problem, problems_in, refuse
from ccms_ws.envelope.identity import read_private
from ccms_ws.errors import ConfigError

SHORTEST_PASSWORD: Final = 12
_METHOD: Final = "scrypt:32768:8:3"
"""OWASP's parameters for 32 MB; about a sixth of a second for each guess."""
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
_ADD: Final = "ccms-ws console add-operator NAME"


class Role(StrEnum):
    """What an operator may do: read, or also open the content of messages and act on dead ones."""

    READER = "reader"
    OPERATOR = "operator"


class OperatorAccount(Section):
    """One entry of the file."""

    name: str = Field(pattern=_NAME, description="the name to sign in with, which is recorded with each action")
    role: Role = Field(default=Role.OPERATOR, description="reader or operator")
    password: str = Field(
        repr=False,
        pattern=r"^scrypt:\d+:\d+:\d+\$[^$]+\$[0-9a-f]+$",
        description=f"its hash, which `{_ADD}` writes",
    )

    @property
    def may_act(self) -> bool:
        return self.role is Role.OPERATOR


class OperatorsFile(Section):
    """The whole file."""

    operator: tuple[OperatorAccount, ...] = ()


def settings_of(settings: Settings) -> ConsoleSettings:
    """The console's settings. Raises ConfigError if there is none."""
    if settings.console is None:
        raise ConfigError("the settings have no console", hint='add [console] with operators = "operators.toml"')
    return settings.console


class Operators:
    """The file, read at each request: a change takes effect with the next one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._secret = secrets.token_bytes(32)
        self._read: tuple[tuple[int, ...], dict[str, OperatorAccount]] = ((), {})

    def all(self) -> dict[str, OperatorAccount]:
        """The operators by name. Raises ConfigError if the file is missing, readable by others, or malformed."""
        try:
            state = self._path.stat()
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be read: {error.strerror}", hint=_ADD) from None
        seen = (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino)
        if self._read[0] != seen:
            self._read = (seen, _parsed(self._path, read_private(self._path)))
        return self._read[1]

    def with_password(self, name: str, password: str) -> OperatorAccount | None:
        """The operator of that name if the password fits. An unknown name takes as long as one of those in the file."""
        entry = self.all().get(name)
        fits = check_password_hash(entry.password if entry else self._decoy(name), password)
        return entry if fits else None

    def _decoy(self, name: str) -> str:
        """A hash that no password has, with the parameters of an operator's, always the same one for a name.

        If hashes take different times, an unknown name then takes as long as some known one.
        """
        methods = [each.password.partition("$")[0] for each in self.all().values()]
        chosen = hmac.digest(self._secret, name.encode("utf-8", "replace"), "sha256")
        return f"{methods[int.from_bytes(chosen[:8]) % len(methods)]}${chosen.hex()[:16]}${'0' * 128}"


def put_operator(path: Path, name: str, role: Role, password: str) -> bool:
    """Write an operator into the file (created if missing); True if the name is new. Raises ConfigError."""
    known = Operators(path).all() if path.exists() else {}
    if len(password) < SHORTEST_PASSWORD:
        raise ConfigError("the password is too short", hint=f"{SHORTEST_PASSWORD} characters at least")
    try:
        entry = OperatorAccount(name=name, role=role, password=generate_password_hash(password, _METHOD))
    except ValidationError:
        raise ConfigError(f"{name!r} cannot be a name", hint="letters, digits and . _ @ -, 64 at most") from None
    text = "# Accounts of the console, written by `ccms-ws console add-operator`. To remove one, delete its table.\n"
    for each in (known | {name: entry}).values():
        text += f'\n[[operator]]\nname = "{each.name}"\nrole = "{each.role}"\npassword = "{each.password}"\n'
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        new.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from None
    return name not in known


def _parsed(path: Path, content: bytes) -> dict[str, OperatorAccount]:
    try:
        file = OperatorsFile.model_validate(tomllib.loads(content.decode()))
    except ValidationError as error:
        refuse(problems_in(error, OperatorsFile, lambda _key: path.name))
        raise  # not reached: there is a problem
    except ValueError as error:
        raise ConfigError(f"{path} is not TOML: {error}", hint=_ADD) from None
    entries = {each.name: each for each in file.operator}
    if len(entries) < len(file.operator):
        refuse([Problem(path.name, "operator", "has a name twice", "delete one of the two")])
    if not entries:
        raise ConfigError(f"{path} has no account", hint=_ADD)
    return entries
