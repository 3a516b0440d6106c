"""Types of settings: sections that refuse unknown keys, paths and addresses that are checked when read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo


class Section(BaseModel):
    """A table of a settings file. Unknown keys are refused: a misspelt one would silently change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _resolved(path: Path, info: ValidationInfo) -> Path:
    base: Path = (info.context or {}).get("base", Path())
    return (base / path.expanduser()).resolve()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _existing_folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}")
    return path


def _plain_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("it should be an http:// or https:// address")
    if parts.query or parts.fragment or parts.username:
        raise ValueError("it should have no user, no ? and no #")
    parts.port  # noqa: B018 - raises ValueError if it is no port
    return url.rstrip("/")


def _database_url(url: str, info: ValidationInfo) -> str:
    kind, _, rest = url.partition("://")
    if kind == "sqlite" and re.fullmatch(r"/[^:?]+", rest):
        return f"sqlite:///{_resolved(Path(rest[1:]), info)}"
    if kind == "postgresql+psycopg" and rest:
        return url
    raise ValueError("it should be sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")


ResolvedPath = Annotated[Path, AfterValidator(_resolved)]
ExistingFolder = Annotated[Path, AfterValidator(_resolved), AfterValidator(_existing_folder)]
ExistingFile = Annotated[Path, AfterValidator(_resolved), AfterValidator(_existing)]
Url = Annotated[str, AfterValidator(_plain_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
