"""A case into its folder: the envelopes as files of their own, everything else in `case.toml`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from ccms_ws.errors import ConfigError
from ccms_ws.replay.case import Books, Case, CourtAct, Delivery, Post, Step, Wait
from ccms_ws.replay.casefile import FILE

_Table = dict[str, object]
_NOTHING: Final[tuple[object, ...]] = ("", None, {}, (), [])


def write_case(case: Case, folder: Path) -> None:
    """Write the case into `folder`, which must not hold one already. Raises ConfigError."""
    if (folder / FILE).exists():
        raise ConfigError(f"{folder} holds a case already", hint="name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    lines = [*_lines(_head(case))]
    for number, sent in enumerate(case.sent, start=1):
        payload = _keep(folder, f"sent-{number}.xml", sent.payload)
        table: _Table = {"exchange": sent.exchange, "partner": sent.partner, "payload": payload}
        lines += ["", "[[sent]]", *_lines(table)]
    for tolerance in case.may_differ:
        lines += ["", "[[may_differ]]", *_lines({"path": tolerance.path, "why": tolerance.why})]
    for number, step in enumerate(case.steps, start=1):
        prefix = f"{number}-" if case.is_session else ""
        lines += ["", "[[step]]", *_lines(_step(step, folder, prefix, number))]
    (folder / FILE).write_text("\n".join(lines) + "\n", "utf-8")


def _head(case: Case) -> _Table:
    return {
        "title": case.title,
        "exchanges": case.exchanges,
        "at": case.at,
        "ran_ms": int(case.ran.total_seconds() * 1000) or None,
        "books": "" if case.books is Books.DEMO else case.books.value,
        "clauses": case.clauses,
        "not_live": case.not_live,
        "provenance": case.provenance,
        "court": case.court,
    }


def _keep(folder: Path, name: str, content: bytes) -> str:
    """Write a file; the name to refer to it by, none if there is nothing to write."""
    if not content:
        return ""
    (folder / name).write_bytes(content)
    return name


def _step(step: Step, folder: Path, prefix: str, number: int) -> _Table:
    name = {"name": step.name} if step.name not in ("", f"{number} {_kind(step)}") else {}
    if isinstance(step, Post):
        return {"do": "post", **name, **_post(step, folder, prefix)}
    if isinstance(step, Wait):
        return {"do": "wait", **name, "seconds": int(step.by.total_seconds()), "books": step.books}
    if isinstance(step, CourtAct):
        return {"do": step.do, **name, "message_id": step.message_id, **step.facts, "books": step.books}
    return {"do": "deliver", **name, **_delivery(step, folder, prefix)}


def _kind(step: Step) -> str:
    if isinstance(step, CourtAct):
        return step.do
    return "post" if isinstance(step, Post) else "wait" if isinstance(step, Wait) else "deliver"


def _post(step: Post, folder: Path, prefix: str) -> _Table:
    request, expected = step.request, step.expected
    return {
        "partner": step.partner,
        "path": step.path,
        "method": "" if request.method == "POST" else request.method,
        "content_type": request.content_type,
        "soap_action": request.soap_action,
        "headers": request.headers,
        "request": _keep(folder, f"{prefix}request.xml", request.body),
        "payload": _keep(folder, f"{prefix}payload.xml", step.payload),
        "layout": step.layout,
        "defect": step.defect,
        "outcome": expected.outcome.value,
        "code": expected.code,
        "status": expected.status,
        "signed": None if expected.signed else False,
        "answer": _keep(folder, f"{prefix}answer.xml", expected.answer),
        "books": expected.books,
    }


def _delivery(step: Delivery, folder: Path, prefix: str) -> _Table:
    return {
        "exchange": step.exchange,
        "partner": step.partner,
        "url": step.url,
        "message": _keep(folder, f"{prefix}message.xml", step.message),
        "status": step.status,
        "content_type": step.content_type,
        "answer": _keep(folder, f"{prefix}answer.xml", step.answer),
        "books": step.books,
    }


# -- TOML -------------------------------------------------------------------------------------------------------------
def _lines(table: _Table) -> Iterable[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items() if value not in _NOTHING]


def _value(value: object) -> str:
    match value:
        case bool():
            text = "true" if value else "false"
        case datetime():
            text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            text = value.isoformat()
        case int():
            text = str(value)
        case Mapping():
            text = "{ " + ", ".join(f"{json.dumps(str(key))} = {_value(each)}" for key, each in value.items()) + " }"
        case list() | tuple():
            text = f"[{', '.join(map(_value, value))}]"
        case _:
            text = json.dumps(str(value), ensure_ascii=False)
    return text
