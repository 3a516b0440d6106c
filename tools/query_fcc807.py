#!/usr/bin/env python3
"""Ask a court what case participants owe (FCC807): one query from the command line, or one for each row of a CSV file.

    query_fcc807.py probation.toml --case TR-2025-004417
    query_fcc807.py probation.toml --file people.csv --out balances.csv

Columns: case_number, participant_id, given, surname, birth_date, license_number, license_state, as_of. Settings: see
ccms_ws/docs/samples/probation.toml. A file that cannot be read whole asks nothing. Ends with 0 if the court answered
all with a balance or a rejection, 1 if not, 2 if nothing could begin or the answers cannot be written.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from ccms_ws.domain.courts import DriverLicense, PersonName
from ccms_ws.errors import CcmsWsError
from ccms_ws.exchanges.fcc807.client import BalanceQueryClient, Criteria, criteria_problems
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Rejection
from ccms_ws.message_parts.representable import in_words
from ccms_ws.plain_values import day
from ccms_ws.scripts import complain, run, say, writable
from ccms_ws.tabular_files import BadRow, Columns, CsvWriter, read_rows

OPTIONS = ("case", "participant", "given", "surname", "born", "license", "state", "as-of")
ANSWER = ("case_number", "participant_id", "surname", "answer", "balance_due", "as_of", "reason")
KEYS = ("case_number", "participant_id", "given", "surname", "birth_date", "license_number", "license_state", "as_of")


def queries_of(file: Path) -> tuple[list[Mapping[str, str]], list[str]]:
    """The rows of a file, and what is wrong with it. Raises FileRefused."""
    rows: list[Mapping[str, str]] = []
    problems: list[str] = []
    for row in read_rows(file, Columns(KEYS)):
        if isinstance(row, BadRow):
            problems.append(f"{file.name} line {row.line}: {' '.join(filter(None, (row.field, row.reason)))}")
        else:
            rows.append(row.cells)
    return rows, problems


def criteria(row: Mapping[str, str]) -> Criteria:
    """The search keys in one row. Raises ValueError, with the key at fault."""
    said = {key: (row.get(key) or "").strip() for key in KEYS}
    days = {}
    for key in ("birth_date", "as_of"):
        try:
            days[key] = day(said[key]) if said[key] else None
        except ValueError as error:
            raise ValueError(f"{key} {error}") from None
    name = PersonName(said["given"], said["surname"]) if said["given"] or said["surname"] else None
    license = DriverLicense(said["license_number"], said["license_state"] or "CA") if said["license_number"] else None
    keys = {key: said[key] for key in ("case_number", "participant_id")}
    asked = Criteria(**keys, name=name, birth_date=days["birth_date"], driver_license=license, as_of=days["as_of"])
    if problems := criteria_problems(asked):
        raise ValueError(in_words(problems))
    return asked


def ask(client: BalanceQueryClient, row: Mapping[str, str]) -> dict[str, str]:
    """What the court says: a balance, a rejection, its error message, or what kept it from answering."""
    said = {key: row.get(key) or "" for key in ("case_number", "participant_id", "surname")}
    said |= {"answer": "failed", "balance_due": "", "as_of": "", "reason": ""}
    try:
        answer = client.ask(criteria(row), attempts=4)  # the same message again, if it did not get through
    except (CcmsWsError, ValueError) as error:
        return said | {"reason": str(error)}
    if isinstance(answer, BalanceFound):
        person, balance = answer.subject.participant, answer.balance
        found = {"case_number": answer.subject.case_number, "participant_id": person.participant_id}
        due = {"answer": "balance", "balance_due": str(balance.due), "as_of": balance.as_of.isoformat()}
        return said | found | {"surname": person.name.surname} | due
    if isinstance(answer, Rejection):
        return said | {"answer": "rejection", "reason": f"{answer.reason}: {answer.text}"}
    return said | {"answer": "error", "reason": f"{answer.problem.code}: {answer.problem.reason}"}


def main() -> int:
    """Ask, and show or write what was answered."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("settings", type=Path, help="who asks whom (TOML)")
    parser.add_argument("--file", type=Path, help="a CSV file of queries")
    parser.add_argument("--out", type=writable, help="write the answers there: .csv or .json")
    for option, key in zip(OPTIONS, KEYS, strict=True):
        parser.add_argument(f"--{option}", dest=key, default="")
    options = parser.parse_args()
    try:
        client = BalanceQueryClient.from_settings(options.settings)
    except CcmsWsError as error:
        complain(f"query_fcc807: cannot begin: {error}")
        return 2
    queries, problems = queries_of(options.file) if options.file else ([vars(options)], [])
    if problems:
        complain("\n".join([*problems, "query_fcc807: nothing was asked"]))
        return 2
    answers = [ask(client, row) for row in track(queries, "asking", console=Console(stderr=True), transient=True)]
    client.close()
    show(answers, options.out)
    return 0 if all(answer["answer"] in ("balance", "rejection") for answer in answers) else 1


def show(answers: list[dict[str, str]], out: Path | None) -> None:
    """A table for people, or a file for programs. Raises OSError."""
    if out is not None and out.suffix == ".json":
        out.write_text(json.dumps(answers, indent=1, ensure_ascii=False) + "\n", "utf-8")
    elif out is not None:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = CsvWriter(file)
            writer.row(ANSWER)
            for answer in answers:
                row = answer | {"balance_due": Decimal(answer["balance_due"]) if answer["balance_due"] else ""}
                writer.row([row[column] for column in ANSWER])
    elif answers:
        table = Table(*(column.replace("_", " ") for column in ANSWER))
        for answer in answers:
            table.add_row(*(Text(answer[column]) for column in ANSWER))
        text = StringIO()
        Console(file=text, width=None if sys.stdout and sys.stdout.isatty() else 300).print(table)
        say(text.getvalue().rstrip())


if __name__ == "__main__":
    run("query_fcc807", main)
