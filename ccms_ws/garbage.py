"""How programs that live long, or read much, deal with Python's search for cycles of garbage."""

from __future__ import annotations

import gc


def settle_memory() -> None:
    """What lives as long as the process is never again looked through for garbage, and the rest more rarely.

    A message leaves next to no cycles behind. Without this, a fifth of the time would go into looking for them; when
    batches are built from thousands of accounts at a time, half of it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
