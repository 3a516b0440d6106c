"""Read an installation's settings from its files and the environment, and report all problems at once.

Relative paths are relative to the file that contains them. Each value of `ccms-ws.toml` can be overridden from the
environment (`CCMS_WS_DATABASE__URL`), which keeps secrets out of files; a path there is relative to `ccms-ws.toml`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict, SettingsError

from ccms_ws.config.fields import Section
from ccms_ws.config.model import Settings
from ccms_ws.config.partners import PartnerSettings
from ccms_ws.config.problems import Problem, nearest, problems_in, refuse
from ccms_ws.errors import ConfigError

S = TypeVar("S", bound=Section)

PREFIX = "CCMS_WS_"


class _Environment(Settings, BaseSettings):
    """The shape of the settings, for reading them from environment variables."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__")


def load_settings(path: Path, exchanges: Collection[str] | None = None, *, environment: bool = True) -> Settings:
    """The settings in `path` with the partner profiles of its partners folder.

    `exchanges`: the codes that partners may name in `sends` and `receives`; None accepts any. `environment`: False
    for a test court, which must never use the database of a real one. Raises ConfigError
    with every wrong key, its file, the problem, and advice.
    """
    path = path.resolve()
    if not path.is_file():
        raise ConfigError(
            f"there is no settings file {path}", hint="name it with --config, or make a court: ccms-ws init DIR"
        )
    problems: list[Problem] = []
    table = _read_table(path, path.name, problems)
    if table.pop("partners", None) is not None:
        problems.append(Problem(path.name, "partners", "is not a key here", "each partner has a file partners/ID.toml"))
    overrides = _overrides(problems) if environment else {}
    settings: Settings | None = None
    if table or not problems:
        settings = _validated(Settings, _merged(table, overrides), path, problems, _place_of(path.name, overrides))
    folder = settings.partners_folder if settings else path.parent / str(table.get("partners_folder", "partners"))
    partners = _load_partners(folder, exchanges, problems)
    refuse(problems)
    assert settings is not None  # noqa: S101 - otherwise there was a problem
    return settings.model_copy(update={"partners": partners})


def _read_table(path: Path, place: str, problems: list[Problem]) -> dict[str, Any]:
    """The TOML in `path`; empty, with a problem added, if it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        problems.append(Problem(place, "", f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(Problem(place, "", "is not UTF-8 text", "save it as UTF-8"))
    except tomllib.TOMLDecodeError as error:
        problems.append(Problem(place, "", f"is not TOML: {error}", "text stands in quotes, tables in [brackets]"))
    return {}


def _overrides(problems: list[Problem]) -> dict[str, Any]:
    """The settings in environment variables. A variable that looks like a setting but matches none is a problem."""
    known = {field.upper() for field in Settings.model_fields if field != "partners"}
    for name in sorted(name for name in os.environ if name.startswith(PREFIX)):
        first, nested, _ = name.removeprefix(PREFIX).upper().partition("__")
        meant = nested or first == "PARTNERS" or get_close_matches(first, known, cutoff=0.7)
        if first not in known and meant:
            problems.append(Problem(name, "", "is not a setting", nearest(first, known)))
    try:
        found = EnvSettingsSource(_Environment)()
    except SettingsError as error:
        problems.append(Problem("the environment", "", f"cannot be read: {error}", "set single keys: SECTION__KEY"))
        return {}
    return {key: value for key, value in found.items() if key != "partners"}


def _merged(table: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(table)
    for key, value in overrides.items():
        below = result.get(key)
        result[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _place_of(file: str, overrides: Mapping[str, Any]) -> Callable[[str], str]:
    """Returns a function that gives, for the path of a key, the file or environment variable of its value."""

    def place_of(key: str) -> str:
        section, _, name = key.partition(".")
        value = overrides.get(section)
        overridden = name in value if isinstance(value, dict) else value is not None
        return PREFIX + key.upper().replace(".", "__") if overridden else file

    return place_of


def _validated(
    model: type[S], table: Mapping[str, Any], path: Path, problems: list[Problem], place_of: Callable[[str], str]
) -> S | None:
    try:
        return model.model_validate(table, context={"base": path.parent})
    except ValidationError as error:
        problems.extend(problems_in(error, model, place_of))
        return None


def _load_partners(
    folder: Path, exchanges: Collection[str] | None, problems: list[Problem]
) -> tuple[PartnerSettings, ...]:
    if not folder.is_dir():
        problems.append(Problem("partners_folder", "", f"is wrong: there is no folder {folder}", "make it"))
    partners: list[tuple[str, PartnerSettings]] = []
    for path in sorted(folder.glob("*.toml")):
        place = f"{folder.name}/{path.name}"
        before = len(problems)
        table = _read_table(path, place, problems)
        if len(problems) > before:
            continue
        partner = _validated(PartnerSettings, table, path, problems, _place_of(place, {}))
        if partner is not None:
            partners.append((place, partner))
            problems.extend(_unknown_exchanges(place, partner, exchanges))
    problems.extend(_shared_ids(partners))
    problems.extend(_shared_certificates(partners))
    return tuple(partner for _, partner in partners)


def _unknown_exchanges(place: str, partner: PartnerSettings, exchanges: Collection[str] | None) -> Iterable[Problem]:
    for key, codes in (("sends", partner.sends), ("receives", partner.receives)):
        for code in codes:
            if exchanges is not None and code not in exchanges:
                yield Problem(place, key, f"names {code!r}, which is no exchange", nearest(code, exchanges))


def _shared_ids(partners: Iterable[tuple[str, PartnerSettings]]) -> Iterable[Problem]:
    seen: dict[str, str] = {}
    for place, partner in partners:
        # Ids that differ in case alone would be one folder on some file systems.
        other = seen.setdefault(partner.id.upper(), place)
        if other != place:
            yield Problem(place, "id", f"{partner.id!r} is also the id in {other}", "give each partner its own")


def _shared_certificates(partners: Iterable[tuple[str, PartnerSettings]]) -> Iterable[Problem]:
    """A certificate identifies one partner: two partners must not pin the same one."""
    seen: dict[bytes, tuple[str, str]] = {}
    for place, partner in partners:
        for path in partner.certificates:
            try:
                digest = x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(SHA256())
            except (ValueError, OSError) as error:
                yield Problem(place, "certificates", f"names {path.name}, which is no certificate: {error}", "use PEM")
                continue
            other, owner = seen.setdefault(digest, (place, partner.id))
            if other != place:
                what = f"pins {path.name}, which {owner} ({other}) pins too"
                yield Problem(place, "certificates", what, "a certificate belongs to one partner")
