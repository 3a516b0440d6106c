"""Every record of messages, in both directions, is an entry of a chain; attempts keep the envelope that was sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from alembic import op

from ccms_ws.store.migrations.hashes import incoming_hash, record_hash
from ccms_ws.store.migrations.types import Instant, RowId, code

revision = "0013"
down_revision = "0012"

_KINDS = ("incoming", "quarantined", "outgoing", "attempt", "intervention", "hold", "hold end")
_INCOMING = (
    *("partner_id", "message_id", "exchange", "root", "relates_to", "content_digest", "received_at", "answer_kind"),
    *("answer_id", "answer_action", "answer_error_code", "answer_error_reason", "raw", "answer_raw"),
)
_TYPES: Mapping[str, Any] = {
    **dict.fromkeys(("message_id", "answer_id"), sa.Uuid()),
    **dict.fromkeys(("received_at", "created_at", "started_at", "ended_at", "at", "held_at", "let_go_at"), Instant()),
    **dict.fromkeys(
        ("raw", "answer_raw", "content", "content_digest", "envelope_head", "envelope_tail", "entry_hash", "head"),
        sa.LargeBinary(),
    ),
}
_CHAIN_WAS = "The hash chains of the message log: each entry goes to the end of one that nobody else is writing to"
_CHAIN_IS = "The hash chains of the message log: each commit goes to the end of one that no other is writing to"


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column, _TYPES.get(column)) for column in columns))


_chain = _table("message_chain", "chain", "length", "head")
_entry = _table("message_chain_entry", "chain", "number", "kind", "row_id", "part", "entry_hash")
_inbox = _table("inbox_message", "inbox_id", "chain", "number", "entry_hash", *_INCOMING)
_body = _table("outbox_body", "outbox_id", "part", "content")
# Kind, table, its key, and the columns that the entry covers, in their order.
_RECORDS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        *("quarantined", "quarantined_answer", ("quarantine_id",)),
        ("partner_id", "message_id", "exchange", "reason", "received_at"),
    ),
    (
        *("outgoing", "outbox_message", ("outbox_id",)),
        ("message_id", "exchange", "partner_id", "root", "created_at", "body_digest"),
    ),
    (
        *("attempt", "delivery_attempt", ("outbox_id", "number")),
        (
            *("worker", "started_at", "ended_at", "outcome", "http_status", "error_code", "detail"),
            *("envelope_head", "envelope_tail"),
        ),
    ),
    (
        *("intervention", "outbox_intervention", ("outbox_id", "after_attempt")),
        ("kind", "at", "operator", "reason", "replaced_by"),
    ),
    ("hold", "outbox_hold", ("outbox_id", "number"), ("held_at", "held_by", "held_reason")),
    ("hold end", "outbox_hold", ("outbox_id", "number"), ("let_go_at", "let_go_by", "let_go_reason")),
)


def upgrade() -> None:
    op.create_table(
        "message_chain_entry",
        sa.Column("chain", sa.Integer(), nullable=False, comment="The chain that the entry is in"),
        sa.Column("number", sa.BigInteger(), nullable=False, comment="Its place in the chain, from 1 without gaps"),
        sa.Column(
            "kind", code("ck_message_chain_entry_entrykind", *_KINDS), nullable=False, comment="What it is about"
        ),
        sa.Column(
            "row_id", RowId, nullable=False, comment="Number of the message: inbox_id, outbox_id or quarantine_id"
        ),
        sa.Column(
            "part",
            sa.Integer(),
            nullable=False,
            comment="Number of the attempt or hold, or attempts before an act; otherwise 0",
        ),
        sa.Column(
            "entry_hash",
            sa.LargeBinary(),
            nullable=False,
            comment="SHA-256 of the entry before it and of all that this one covers (ccms_ws.store.hash_chain)",
        ),
        sa.PrimaryKeyConstraint("chain", "number", name="pk_message_chain_entry"),
        sa.ForeignKeyConstraint(["chain"], ["message_chain.chain"], name="fk_message_chain_entry_chain"),
        sa.CheckConstraint("number > 0", name="ck_message_chain_entry_number"),
        sa.CheckConstraint("length(entry_hash) = 32", name="ck_message_chain_entry_entry_hash"),
        comment="One record of the message log in its place in a chain; a record that is changed or deleted later is"
        " found",
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO message_chain_entry (chain, number, kind, row_id, part, entry_hash)"
        " SELECT chain, number, 'incoming', inbox_id, 0, entry_hash FROM inbox_message"
    )
    with op.batch_alter_table("inbox_message") as table:
        table.drop_constraint("uq_inbox_message_chain_number", type_="unique")
        table.drop_constraint("fk_inbox_message_chain", type_="foreignkey")
        table.drop_constraint("ck_inbox_message_number", type_="check")
        table.drop_constraint("ck_inbox_message_entry_hash", type_="check")
        for column in ("chain", "number", "entry_hash"):
            table.drop_column(column)
    with op.batch_alter_table("delivery_attempt") as table:
        table.add_column(
            sa.Column(
                "envelope_head",
                sa.LargeBinary(),
                comment="What stood before the payload in the envelope that was sent, compressed (zlib); null if it"
                " cannot have arrived",
            )
        )
        table.add_column(
            sa.Column(
                "envelope_tail",
                sa.LargeBinary(),
                comment="What stood after the payload; null if the head is the whole envelope",
            )
        )
        table.create_check_constraint(
            "ck_delivery_attempt_envelope", "envelope_head IS NOT NULL OR envelope_tail IS NULL"
        )
    _comment(_CHAIN_IS)
    _chain_records()


def downgrade() -> None:
    with op.batch_alter_table("delivery_attempt") as table:
        table.drop_constraint("ck_delivery_attempt_envelope", type_="check")
        table.drop_column("envelope_head")
        table.drop_column("envelope_tail")
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
    op.execute("DELETE FROM message_chain_entry")
    op.get_bind().execute(sa.update(_chain).values(length=0, head=bytes(32)))
    _chain_incoming()
    with op.batch_alter_table("inbox_message") as table:
        for column in ("chain", "number", "entry_hash"):
            table.alter_column(column, nullable=False)
        table.create_foreign_key("fk_inbox_message_chain", "message_chain", ["chain"], ["chain"])
        table.create_unique_constraint("uq_inbox_message_chain_number", ["chain", "number"])
        table.create_check_constraint("ck_inbox_message_number", "number > 0")
        table.create_check_constraint("ck_inbox_message_entry_hash", "length(entry_hash) = 32")
    op.drop_table("message_chain_entry")
    _comment(_CHAIN_WAS)


def _chain_records() -> None:
    """What there is besides incoming messages follows in the first chain, kind by kind, in the order of its keys."""
    connection = op.get_bind()
    number, head = connection.execute(sa.select(_chain.c.length, _chain.c.head).where(_chain.c.chain == 1)).one()
    for kind, name, keys, columns in _RECORDS:
        for row in _each(name, keys, [column for column in columns if column != "body_digest"]):
            if kind == "hold end" and row["let_go_at"] is None:
                continue
            values = dict(row)
            if kind == "outgoing":
                values["body_digest"] = _body_digest(row["outbox_id"])
            number += 1
            key = (row[keys[0]], row[keys[1]] if len(keys) > 1 else 0)
            head = record_hash(head, (kind, 1, number, *key), [values[column] for column in columns])
            entry = {"chain": 1, "number": number, "kind": kind, "row_id": key[0], "part": key[1], "entry_hash": head}
            connection.execute(sa.insert(_entry), entry)
    connection.execute(sa.update(_chain).where(_chain.c.chain == 1).values(length=number, head=head))


def _chain_incoming() -> None:
    connection, head, number = op.get_bind(), bytes(32), 0
    for row in _each("inbox_message", ("inbox_id",), _INCOMING):
        number += 1
        head = incoming_hash(head, {**row, "chain": 1, "number": number})
        connection.execute(
            sa.update(_inbox)
            .where(_inbox.c.inbox_id == row["inbox_id"])
            .values(chain=1, number=number, entry_hash=head)
        )
    connection.execute(sa.update(_chain).where(_chain.c.chain == 1).values(length=number, head=head))


def _each(name: str, keys: tuple[str, ...], columns: Any) -> Iterator[sa.RowMapping]:
    """The rows in the order of their key, some at a time: they are large, and the connection is used meanwhile."""
    table, connection = _table(name, *keys, *columns), op.get_bind()
    order = [table.c[key] for key in keys]
    query, last = sa.select(table).order_by(*order).limit(50), None
    while True:
        after = query if last is None else query.where(sa.tuple_(*order) > sa.tuple_(*(sa.literal(v) for v in last)))
        rows = connection.execute(after).mappings().all()
        if not rows:
            return
        yield from rows
        last = tuple(rows[-1][key] for key in keys)


def _body_digest(outbox_id: int) -> bytes:
    digest, connection, part = sha256(), op.get_bind(), 0
    query = sa.select(_body.c.content).where(_body.c.outbox_id == outbox_id, _body.c.part == sa.bindparam("number"))
    while (content := connection.execute(query, {"number": part}).scalar()) is not None:
        digest.update(b"%d:%b" % (len(content), content))
        part += 1
    return digest.digest()


def _comment(words: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        op.create_table_comment("message_chain", words)
