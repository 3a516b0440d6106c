"""What the demo did, step by step, and whether each was what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

WIDE = 140


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message and what became of it. `outcome` is what was found, `expected` what had to be found."""

    exchange: str
    what: str
    partner: str
    transaction_id: str
    outcome: str
    expected: str
    ok: bool
    seconds: float


def as_table(steps: Sequence[Step], width: int) -> Table:
    """The steps in the court's language: a line each if `width` columns are enough, otherwise two."""
    table = Table(box=None, pad_edge=False, header_style="bold", row_styles=["", "dim"])
    wide = width >= WIDE
    heads = ("partner", "outcome", "transaction id") if wide else ("outcome and transaction id",)
    for head in ("", "exchange", "what" if wide else "what and partner", *heads):
        table.add_column(head, overflow="fold")
    for step in steps:
        mark = Text("ok", "green") if step.ok else Text("NO", "red")
        outcome = Text(step.outcome) if step.ok else Text(f"{step.outcome} (expected: {step.expected})", "red")
        if wide:
            table.add_row(mark, step.exchange, Text(step.what), step.partner, outcome, step.transaction_id)
        else:
            what = Text(f"{step.what}\n{step.partner}")
            table.add_row(mark, step.exchange, what, outcome + Text(f"\n{step.transaction_id}"))
    return table
