"""Who may sign in: a TOML file that its owner alone can read, with a scrypt hash for each operator. No web here."""

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
    """What an operator may do: read what happened, or also open what messages say and act on dead ones."""

    READER = "reader"
    OPERATOR = "operator"


class OperatorAccount(Section):
    """One entry of the file."""

    name: str = Field(pattern=_NAME, description="how the operator signs in and stands in the records")
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
    """All of it."""

    operator: tuple[OperatorAccount, ...] = ()


def settings_of(settings: Settings) -> ConsoleSettings:
    """The console's settings. Raises ConfigError if there is none."""
    if settings.console is None:
        raise ConfigError("the settings have no console", hint='add [console] with operators = "operators.toml"')
    return settings.console


class Operators:
    """The file as it is now: a change takes effect with the next click."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._secret = secrets.token_bytes(32)
        self._read: tuple[tuple[int, ...], dict[str, OperatorAccount]] = ((), {})

    def all(self) -> dict[str, OperatorAccount]:
        """By name. Raises ConfigError if the file is not there, is open to others, or is not as it must be."""
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
        """A hash that no password has, with the parameters of an operator's: for a name always those of the same one.

        Where hashes cost different times, an unknown name then costs what a known one could.
        """
        methods = [each.password.partition("$")[0] for each in self.all().values()]
        chosen = hmac.digest(self._secret, name.encode("utf-8", "replace"), "sha256")
        return f"{methods[int.from_bytes(chosen[:8]) % len(methods)]}${chosen.hex()[:16]}${'0' * 128}"


def put_operator(path: Path, name: str, role: Role, password: str) -> bool:
    """Write an operator into the file, made if it is not there; True if the name is new. Raises ConfigError."""
    known = Operators(path).all() if path.exists() else {}
    if len(password) < SHORTEST_PASSWORD:
        raise ConfigError("the password is too short", hint=f"{SHORTEST_PASSWORD} characters at least")
    try:
        entry = OperatorAccount(name=name, role=role, password=generate_password_hash(password, _METHOD))
    except ValidationError:
        raise ConfigError(f"{name!r} cannot be a name", hint="letters, digits and . _ @ -, 64 at most") from None
    text = (
        "# Who may sign in to the console; written by `ccms-ws console add-operator`. To bar one, delete the table.\n"
    )
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
        refuse([Problem(path.name, "operator", "names somebody twice", "delete one of the two")])
    if not entries:
        raise ConfigError(f"{path} names nobody who may sign in", hint=_ADD)
    return entries
