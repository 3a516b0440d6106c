"""Problems of a settings file, reported without Python terms: where, what, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ccms_ws.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `place` is a file or an environment variable, `key` the path inside it, "" for the whole."""

    place: str
    key: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.place}: {self.key}" if self.key else self.place
        return f"{where} {self.what}" + (f"; {self.remedy}" if self.remedy else "")


def refuse(problems: Sequence[Problem]) -> None:
    """Raises one ConfigError with all problems; returns if there are none."""
    if not problems:
        return
    lines = [str(problem) for problem in problems]
    many = "\n".join((f"{len(lines)} problems:", *(f"  - {line}" for line in lines)))
    raise ConfigError(
        lines[0] if len(lines) == 1 else many, hint="`ccms-ws init DIR` makes a complete example to compare with"
    )


def problems_in(error: ValidationError, model: type[BaseModel], place_of: Callable[[str], str]) -> list[Problem]:
    """The problems that pydantic reports, in plain words; `place_of` returns a value's origin by the key's path."""
    return [_problem(dict(found), model, place_of) for found in error.errors(include_url=False)]


def nearest(word: str, known: Iterable[str]) -> str:
    """Advice for an unknown word: the most similar known one, or the list of all."""
    names = sorted(known)
    likely = get_close_matches(word, names, n=1) or get_close_matches(word.lower(), names, n=1)
    if likely:
        return f"did you mean {likely[0]}?"
    return "known here: " + ", ".join(names) if names else "none is known here"


def _problem(found: dict[str, Any], model: type[BaseModel], place_of: Callable[[str], str]) -> Problem:
    location = tuple(found["loc"])
    key = ".".join(str(part + 1) if isinstance(part, int) else part for part in location)
    place = place_of(key)
    if found["type"] == "extra_forbidden":
        owner = _model_at(model, location[:-1])
        return Problem(place, key, "is not a key", nearest(str(location[-1]), owner.model_fields if owner else ()))
    description = _description(model, location)
    if found["type"] == "missing":
        section = _model_at(model, location)
        if section is not None:
            needed = ", ".join(name for name, field in section.model_fields.items() if field.is_required())
            return Problem(place, key, "is missing", f"add [{key}] with {needed}")
        return Problem(place, key, "is missing", f"add it: {description}" if description else "add it")
    what = str(found["ctx"]["error"]) if found["type"] == "value_error" else _plain(found)
    return Problem(place, key, f"is wrong: {what}" if key else what, description if key else "")


def _plain(found: dict[str, Any]) -> str:
    """The message without the value: a setting may hold a secret."""
    if found["type"] == "string_pattern_mismatch":
        return "it does not have the right form"
    return str(found["msg"]).replace("Input should", "it should").replace("String should", "it should")


def _description(model: type[BaseModel], location: Sequence[str | int]) -> str:
    """The description of the field at `location`; a value inside a list or a table belongs to the field above it."""
    for length in range(len(location), 0, -1):
        owner = _model_at(model, location[: length - 1])
        field = owner.model_fields.get(str(location[length - 1])) if owner else None
        if field is not None:
            return field.description or ""
    return ""


def _model_at(model: type[BaseModel], location: Sequence[str | int]) -> type[BaseModel] | None:
    """The model at `location` below `model`; None for a plain value."""
    kind: Any = model
    for part in location:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = field.annotation if field else None
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType):
            kind = next((option for option in get_args(kind) if isinstance(option, type)), None)
        else:
            return None
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None
