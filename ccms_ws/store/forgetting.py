"""Taking messages out of the log of a copy of a court's database, so that they are new to it: for replays alone.

The log that a court keeps is never shortened; its chains of hashes would show it (`ccms_ws.store.chains`).
"""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Engine, delete, update

from ccms_ws.store.message_tables import inbox_message, message_chain


def forget_all(copy: Engine) -> None:
    """Empty the message log, and begin its chains anew."""
    with copy.begin() as connection:
        connection.execute(delete(inbox_message))
        connection.execute(update(message_chain).values(length=0, head=bytes(32)))


def forget(copy: Engine, message_ids: Collection[UUID]) -> None:
    """Take these messages out of the log, whoever sent them."""
    if message_ids:
        with copy.begin() as connection:
            connection.execute(delete(inbox_message).where(inbox_message.c.message_id.in_(message_ids)))
