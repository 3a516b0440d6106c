"""The README of a kit: what to do, in which order, and what is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.faults import requirements_of, tasks_of
from ccms_ws.conformance.kit import Kit
from ccms_ws.conformance.requirements import TestRequirement
from ccms_ws.demo.installation import COURT
from ccms_ws.replay import pki


def guide(kit: Kit) -> str:
    """The text in Markdown."""
    return "\n".join((*_head(kit), *(_client(kit) if kit.tests_client else _endpoint(kit)), *_tail(kit))) + "\n"


def _head(kit: Kit) -> Iterator[str]:
    exchange = kit.exchange
    yield f"# Conformance kit: {exchange.code} {exchange.version}, {exchange.title}"
    yield ""
    yield "With this folder and the program `ccms-ws` a partner can be tested before go-live. Nothing else is needed:"
    yield "no court, no database, no network but the way between the two programs."
    yield ""
    yield "| here | what it is |"
    yield "|---|---|"
    yield "| `contract/` | WSDLs, schemas, code lists, samples (plain and signed) and a reading guide |"
    yield "| `keys/` | the court's certificate and a key pair for you; published, so worth nothing outside of a test |"
    yield "| `cases/` | recorded messages with what must come of them: `ccms-ws replay run cases` |"
    if kit.tests_client:
        yield "| `tasks.csv` | what the client is to ask |"
    yield "| `kit.toml` | which kit this is; leave it as it is |"
    yield ""
    yield f"In the test you are `{kit.partner}`, the court is `{COURT.ori}`, {COURT.name} (which"
    yield "does not exist), and every message has `TestIndicator` true."
    yield ""


def _client(kit: Kit) -> Iterator[str]:
    name = pki.NAME_OF[kit.partner]
    yield "## Test your client"
    yield ""
    yield "1. Pin `keys/court.crt` as the court's certificate."
    yield f"2. Sign with `keys/{name}.key` and `keys/{name}.crt`, or with your own key: `--certificate FILE`."
    yield "3. Start the small court: `ccms-ws kit run . --listen 127.0.0.1:8807 --html report.html`. If your client"
    yield "   reaches it under another address, say so: `--public-url https://tester.example`."
    yield f"   It publishes its WSDL as a court does: `http://127.0.0.1:8807{kit.exchange.path}?wsdl`."
    yield f"4. Let your client ask `http://127.0.0.1:8807{kit.exchange.path}`, one task after the other, in any order:"
    yield ""
    yield "| task | case number | and | what happens |"
    yield "|---|---|---|---|"
    for task in tasks_of(kit.exchange):
        yield f"| {task.number} | `{task.case_number}` | {task.asks} | {task.expects} |"
    yield ""
    yield "`tasks.csv` has the same for a program. The fourth task and the later ones get their answer the second time."
    yield "Where something goes wrong on the way the client shall send the same message again: the same"
    yield "`wsa:MessageID`, the same Body, a fresh Timestamp and signature. Wait half a minute before repeating a task."
    yield "The run ends by itself when every task was done, or with Ctrl-C; the report then says what was not seen."
    yield ""
    yield from _demands("What is looked at", requirements_of(kit.exchange))


def _endpoint(kit: Kit) -> Iterator[str]:
    name = pki.NAME_OF[kit.partner]
    wsdl = "" if kit.wsdl is None else kit.wsdl.name
    yield "## Test your endpoint"
    yield ""
    yield "1. Pin `keys/court.crt` as the court's certificate."
    yield f"2. Sign answers with `keys/{name}.key` and `keys/{name}.crt`, or with your own key: `--certificate FILE`."
    yield f"3. The run goes by the WSDL `contract/wsdl/partner/{wsdl}`; your own takes its place: `--wsdl FILE`."
    yield "4. If you answer later, with messages of your own, send them to the court at"
    yield f"   `http://127.0.0.1:8807{kit.exchange.path}`, or under the address that `--public-url` names."
    yield "5. `ccms-ws kit run . --endpoint http://127.0.0.1:9000/your/path --listen 127.0.0.1:8807 --html report.html`"
    yield ""
    yield "About seventy messages come: good ones, the same ones again, bad ones that must be refused, and odd ones."
    yield "Each is about a case of its own (`KIT-...`). The first answer that you send to the court gets HTTP 503: it"
    yield "must come again."
    yield ""
    yield from _demands("What is looked at", req.of_endpoint(kit.exchange))


def _demands(title: str, demands: Iterable[TestRequirement]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| id | demand | source | |"
    yield "|---|---|---|---|"
    for each in demands:
        yield f"| {each.id} | {each.says} | {each.source} | {each.level.value} |"
    yield ""


def _tail(kit: Kit) -> Iterator[str]:
    yield "## The report"
    yield ""
    yield "`CONFORMANT`: every *must* was seen to hold. `INCOMPLETE`: none failed, some were not seen."
    yield "`NOT CONFORMANT`: at least one failed; each failure says which message. The program ends with 0, 1 and 1,"
    yield "and with 6 if the partner cannot be reached. `--json` prints the report for a program, `--html FILE`"
    yield "writes it as a page."
    yield ""
    yield f"Made by {kit.made_by}."
