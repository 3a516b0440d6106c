"""Taking messages out of the log of a copy of a court's database, so that they are new to it: for replays alone.

The log that a court keeps is never shortened; its chains of hashes would show it (`ccms_ws.store.hash_chain`).
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Engine, delete, update

from ccms_ws.store.chain_tables import message_chain, message_chain_entry
from ccms_ws.store.message_tables import inbox_message


def forget_all(copy: Engine) -> None:
    """Empty the log of incoming messages, and let its chains begin again."""
    with copy.begin() as connection:
        connection.execute(delete(inbox_message))
        connection.execute(delete(message_chain_entry))
        connection.execute(update(message_chain).values(length=0, head=bytes(32)))


def forget(copy: Engine, message_ids: Collection[UUID]) -> None:
    """Delete these messages from the log, whichever partner sent them."""
    if message_ids:
        with copy.begin() as connection:
            connection.execute(delete(inbox_message).where(inbox_message.c.message_id.in_(message_ids)))
