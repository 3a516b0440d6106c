"""Named points between two steps, for tests of crashes between them.

The acceptance tests install a hook that kills the process at a point. In every other run there is no hook, no setting
installs one, and a point costs one comparison.
"""

from __future__ import annotations

from collections.abc import Callable


class Hook:
    """The hook of a test; called with the name of each point that is reached."""

    on_point: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """Call the hook, if there is one, for the point `name`."""
    if Hook.on_point is not None:
        Hook.on_point(name)
