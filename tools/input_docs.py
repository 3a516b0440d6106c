"""Pages of `ccms_ws/docs` that follow from the code: the exchanges, what `ccms-ws import cases` reads, the settings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from ccms_ws.config import PartnerSettings, Settings
from ccms_ws.contract.codes import published_codes
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.domain.import_columns import COLUMNS
from ccms_ws.exchange import Exchange
from ccms_ws.registry import EXCHANGES
from ccms_ws.services.samples import partner_wsdls

_HEAD = """# Loading the court's books

Made by `tools/make-docs` from `ccms_ws/domain/import_columns.py`; a test keeps it current. Samples:
`samples/court.csv` and `samples/court.jsonl`, which say the same.

`ccms-ws import cases FILE...` reads CSV (UTF-8, commas, a header line, RFC 4180) and JSON lines (`.jsonl`, one object a
line). The column `record` says what a row is; a file may hold all kinds, and columns that a row does not need stay
empty. What a row refers to (its case, its participant, the entry that it reverses) must stand before it or be on file.

Rows are recognized by their keys, so a file may be loaded again. **What a file does not state stays as it is on
file**: a column that the file does not have, a cell that a short row does not have, a key that a JSON object does not
have. An empty cell (in JSON: an empty text or null) states that there is no value. `status`, `confidential` and
`sealed` are changed by a stated value alone: an empty cell leaves them as they are. A ledger entry that says
something else than on file is refused: post a reversal.

## What is refused

A row is refused with its line, its field and the reason, and keeps no other from loading (exit code 5; `--rejects`
writes them all to a file): more cells than the header, a quote in the wrong place, control characters and line
breaks, a key that stands twice or is unknown, amounts other than plain digits with at most two places after a point,
days other than ISO dates from 1850 to 2199, records that it refers to and that are not on file, and whatever no
message could carry: ids, names, states, kinds of fees and statutes by the published schemas, and sums of more than
999999999999.99 on a case.

A file is refused where it is not certain what its columns are or where the next row begins: a column that is unknown
or stands twice, another separator than commas, a quote that is never closed, a line that is not UTF-8, UTF-16 or a
workbook (exit code 3). The rows before that place are loaded and counted. A byte order mark at its beginning is no
part of a file, line ends may be of any kind, and rows of separators alone are none.

Case numbers are written in the court's own spelling (`case_number_form`); with a `case_number_pattern`, a number that
does not match it is refused.
"""


def import_page() -> str:
    """The whole page, as Markdown."""
    lines = [_HEAD]
    for kind, columns in COLUMNS.items():
        lines += [f"## record = {kind}\n", "| column | required | meaning |", "|---|---|---|"]
        lines += [f"| {column.name} | {'yes' if column.required else ''} | {column.meaning} |" for column in columns]
        lines.append("")
    return "\n".join(lines)


_SETTINGS_HEAD = """# The settings

Made by `tools/make-docs` from `ccms_ws/config/`; a test keeps it current. The court's settings stand in
`ccms-ws.toml`, each partner's in `partners/ID.toml`. Paths count from the file that they stand in. Each value of
`ccms-ws.toml` can be overridden from the environment, which keeps secrets out of files: `CCMS_WS_DATABASE__URL`. An
unknown, missing or wrong key is refused with what to do, all at once; `ccms-ws doctor` tries them without starting
anything.
"""


def settings_page() -> str:
    """The whole page, as Markdown."""
    lines = [_SETTINGS_HEAD]
    for name, section in _sections(Settings):
        lines += [f"## [{name}]\n", *_keys(section)]
    lines += ["## partners/ID.toml\n", *_keys(PartnerSettings)]
    for name, section in _sections(PartnerSettings):
        lines += [f"## partners/ID.toml: [{name}]\n", *_keys(section)]
    return "\n".join(lines)


def _sections(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """The tables below a model, however they are wrapped, with their names; EXCHANGE: a table for each of them."""
    for name, field in model.model_fields.items():
        for section in _models(field.annotation):
            if not issubclass(section, PartnerSettings):
                place = f"{above}{name}" + (".EXCHANGE" if get_origin(field.annotation) is dict else "")
                yield place, section
                yield from _sections(section, f"{place}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)


def _keys(section: type[BaseModel]) -> Iterator[str]:
    yield from ((section.__doc__ or "").strip(), "", "| key | default | meaning |", "|---|---|---|")
    for name, field in section.model_fields.items():
        if field.description:
            needed = field.default is PydanticUndefined
            default = "must be given" if needed else f"`{field.default}`" if field.default not in ("", None) else ""
            yield f"| `{name}` | {default} | {field.description} |"
    yield ""


_EXCHANGES_HEAD = """# The exchanges

Made by `tools/make-docs` from the declarations in `ccms_ws/exchanges/`; a test keeps it current.

| exchange | title | who starts | other end |
|---|---|---|---|"""


def exchanges_page() -> str:
    """The whole page, as Markdown."""
    lines = [_EXCHANGES_HEAD]
    for each in EXCHANGES:
        kinds = ", ".join(sorted(kind.value for kind in each.partner_kinds))
        lines.append(f"| {each.code} {each.version} | {each.title} | {each.direction.value} | {kinds} |")
    for each in EXCHANGES:
        lines += ["", *_exchange(each)]
    return "\n".join(lines) + "\n"


def _exchange(exchange: Exchange) -> Iterator[str]:
    """Its story, as its declaration tells it, and what belongs to it."""
    story = (import_module(exchange.package).__doc__ or "").strip().partition("\n\n")[2]
    operations = load_wsdl(exchange.service).operations
    lists = [each.name for each in published_codes() if exchange.code in each.exchanges]
    yield f"## {exchange.code} {exchange.version}"
    yield ""
    yield story
    yield ""
    yield f"- namespace: `{exchange.namespace}`"
    yield f"- the court's service: `{exchange.path}`, {', '.join(f'`{name}`' for name in operations)}"
    yield f"- WSDLs: {', '.join(f'`wsdl/{name}`' for name in (exchange.service, *partner_wsdls(exchange)))}"
    if lists:
        yield f"- code lists: {', '.join(f'`{name}`' for name in lists)}"
