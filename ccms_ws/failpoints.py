"""Named moments between two steps of which both, one or none may have happened when a program dies.

What must survive a death at any moment can only be tested by dying at it: the acceptance tests install a hook that ends
the process there. In every other run there is no hook, no setting makes one, and a point is one comparison.
"""

from __future__ import annotations

from collections.abc import Callable


class Hook:
    """Where a test puts its hook; it hears the name of each point that is passed."""

    on_point: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """The program is at the point `name`."""
    if Hook.on_point is not None:
        Hook.on_point(name)
