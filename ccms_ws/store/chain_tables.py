"""The hash chains that every record of messages is an entry of: how each chain ends, and its entries."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Named,
    PrimaryKeyConstraint,
    Table,
    TypedColumns,
)

from ccms_ws.store.column_types import RowId, check, code, metadata


class EntryKind(StrEnum):
    """What an entry of a chain is about: a row of one table, or a part of it that is written once."""

    INCOMING = "incoming"
    """An incoming message with its answer."""
    QUARANTINED = "quarantined"
    """An answer that was set aside."""
    OUTGOING = "outgoing"
    """An outgoing message with its payload."""
    ATTEMPT = "attempt"
    """An attempt to send one, with the envelope that was sent."""
    INTERVENTION = "intervention"
    """What an operator did with a dead message."""
    HOLD = "hold"
    """An operator held a message back."""
    HOLD_END = "hold end"
    """An operator let a held message go."""


class ChainColumns(TypedColumns):
    chain: Named[int] = Column(Integer, primary_key=True, autoincrement=False, comment="Number of the chain")
    length: Named[int] = Column(BigInteger, comment="How many entries it has")
    head: Named[bytes] = Column(LargeBinary, comment="The hash of its last entry; zeros while it has none")


message_chain = Table(
    "message_chain",
    metadata,
    ChainColumns,
    check("length", "length >= 0"),
    check("head", "length(head) = 32"),
    comment="The hash chains of the message log: each commit goes to the end of one that no other is writing to",
)


class EntryColumns(TypedColumns):
    chain: Named[int] = Column(Integer, ForeignKey("message_chain.chain"), comment="The chain that the entry is in")
    number: Named[int] = Column(BigInteger, comment="Its place in the chain, from 1 without gaps")
    kind: Named[EntryKind] = Column(code(EntryKind), comment="What it is about")
    row_id: Named[int] = Column(RowId, comment="Number of the message: inbox_id, outbox_id or quarantine_id")
    part: Named[int] = Column(Integer, comment="Number of the attempt or hold, or attempts before an act; otherwise 0")
    entry_hash: Named[bytes] = Column(
        LargeBinary, comment="SHA-256 of the entry before it and of all that this one covers (ccms_ws.store.hash_chain)"
    )


message_chain_entry = Table(
    "message_chain_entry",
    metadata,
    EntryColumns,
    PrimaryKeyConstraint("chain", "number"),
    check("number", "number > 0"),
    check("entry_hash", "length(entry_hash) = 32"),
    sqlite_with_rowid=False,
    comment="One record of the message log in its place in a chain; a record that is changed or deleted later is found",
)
