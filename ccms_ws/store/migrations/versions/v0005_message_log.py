"""The message log: entries are written once, with their answers, and chained."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from lxml import etree

from ccms_ws.store.migrations.hashes import incoming_hash
from ccms_ws.store.migrations.types import Instant

revision = "0005"
down_revision = "0004"

_CHAINS = 8
_OF_ANSWER = ("answer_id", "answer_action", "answer_error_code", "answer_error_reason", "answer_raw")

_chain = sa.table("message_chain", sa.column("chain"), sa.column("length"), sa.column("head", sa.LargeBinary()))
_entry = sa.table(
    "inbox_message",
    *(sa.column(name) for name in ("inbox_id", "chain", "number", "partner_id", "exchange", "root", "relates_to")),
    *(sa.column(name) for name in ("answer_kind", "answer_action", "answer_error_code", "answer_error_reason")),
    *(sa.column(name, sa.Uuid()) for name in ("message_id", "answer_id")),
    *(sa.column(name, sa.LargeBinary()) for name in ("entry_hash", "content_digest", "raw", "answer_raw")),
    sa.column("answer_body", sa.LargeBinary()),
    sa.column("received_at", Instant()),
)


_WAS = "A message that was accepted, with its answer, kept for good"
_IS = "The message log: a message that was accepted, with its answer, written once and kept for good"


def upgrade() -> None:
    op.create_table(
        "message_chain",
        sa.Column("chain", sa.Integer(), autoincrement=False, nullable=False, comment="Number of the chain"),
        sa.Column("length", sa.BigInteger(), nullable=False, comment="How many entries it has"),
        sa.Column(
            "head",
            sa.LargeBinary(),
            nullable=False,
            comment="The hash of its last entry; zeros while it has none",
        ),
        sa.PrimaryKeyConstraint("chain", name="pk_message_chain"),
        sa.CheckConstraint("length >= 0", name="ck_message_chain_length"),
        sa.CheckConstraint("length(head) = 32", name="ck_message_chain_head"),
        comment="The hash chains of the message log: each entry goes to the end of one that nobody else is writing to",
    )
    empty = [{"chain": chain, "length": 0, "head": bytes(32)} for chain in range(1, _CHAINS + 1)]
    op.get_bind().execute(sa.insert(_chain), empty)
    with op.batch_alter_table("inbox_message") as table:
        table.add_column(sa.Column("chain", sa.Integer(), comment="The chain that the entry is in"))
        table.add_column(sa.Column("number", sa.BigInteger(), comment="Its place in the chain, from 1 without gaps"))
        table.add_column(
            sa.Column(
                "entry_hash",
                sa.LargeBinary(),
                comment="SHA-256 of the entry before it and of all that this one says (ccms_ws.store.hash_chain)",
            )
        )
    _chain_entries()
    with op.batch_alter_table("inbox_message") as table:
        for column in ("chain", "number", "entry_hash"):
            table.alter_column(column, nullable=False)
        table.create_foreign_key("fk_inbox_message_chain", "message_chain", ["chain"], ["chain"])
        table.create_unique_constraint("uq_inbox_message_chain_number", ["chain", "number"])
        table.create_check_constraint("ck_inbox_message_number", "number > 0")
        table.create_check_constraint("ck_inbox_message_entry_hash", "length(entry_hash) = 32")
        table.drop_constraint("ck_inbox_message_answer_body", type_="check")
        table.drop_column("answer_body")
        table.create_table_comment(_IS, existing_comment=_WAS)


def downgrade() -> None:
    with op.batch_alter_table("inbox_message") as table:
        table.drop_constraint("uq_inbox_message_chain_number", type_="unique")
        table.drop_constraint("fk_inbox_message_chain", type_="foreignkey")
        table.drop_constraint("ck_inbox_message_number", type_="check")
        table.drop_constraint("ck_inbox_message_entry_hash", type_="check")
        for column in ("chain", "number", "entry_hash"):
            table.drop_column(column)
        table.add_column(
            sa.Column("answer_body", sa.LargeBinary(), comment="The answer's payload: a duplicate gets it again")
        )
    _take_bodies_out()
    with op.batch_alter_table("inbox_message") as table:
        table.create_check_constraint("ck_inbox_message_answer_body", "(answer_kind IS NULL) = (answer_body IS NULL)")
        table.create_table_comment(_WAS, existing_comment=_IS)
    op.drop_table("message_chain")


def _chain_entries() -> None:
    """All that is there goes into the first chain, in the order of coming in."""
    connection, head, number = op.get_bind(), bytes(32), 0
    for row in _each("entry_hash", "answer_body"):
        number += 1
        head = incoming_hash(head, {**row, "chain": 1, "number": number})
        connection.execute(
            sa.update(_entry)
            .where(_entry.c.inbox_id == row["inbox_id"])
            .values(chain=1, number=number, entry_hash=head)
        )
    connection.execute(sa.update(_chain).where(_chain.c.chain == 1).values(length=number, head=head))


def _take_bodies_out() -> None:
    connection = op.get_bind()
    for row in _each("entry_hash", "answer_body", "chain", "number"):
        if row["answer_kind"] is not None:
            body = b""
            if row["answer_raw"]:
                payload = etree.fromstring(row["answer_raw"])[-1][0]
                body = etree.tostring(payload, method="c14n", exclusive=True, with_comments=False)
            connection.execute(sa.update(_entry).where(_entry.c.inbox_id == row["inbox_id"]).values(answer_body=body))


def _each(*but: str) -> Any:
    """The rows in the order of coming in, one at a time: they are large, and are changed while they are read."""
    columns, connection, last = [column for column in _entry.c if column.name not in but], op.get_bind(), 0
    query = sa.select(*columns).where(_entry.c.inbox_id > sa.bindparam("last")).order_by(_entry.c.inbox_id).limit(1)
    while (row := connection.execute(query, {"last": last}).mappings().first()) is not None:
        yield row
        last = row["inbox_id"]
