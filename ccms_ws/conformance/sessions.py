"""What was sent to a partner under test, and which answers have come to it, however they came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.conformance.messages import Said
from ccms_ws.conformance.requirements import TestRequirement
from ccms_ws.envelope.canonical import canonical


@dataclass(slots=True)
class Session:
    """One message that was sent. `why` names it in reports; `refused`: the partner had to refuse it, or did; `blamed`:
    the demand that wants an error message about it, since something in it is wrong.
    """

    said: Said
    why: str
    refused: bool = False
    blamed: TestRequirement | None = None
    answers: list[_Element] = field(default_factory=list)

    def add(self, answer: _Element) -> None:
        """Note an answer; the same one that comes again is no second one."""
        if not any(same_message(answer, other) for other in self.answers):
            self.answers.append(answer)


class Sessions:
    """All of them, by the id of what was sent."""

    def __init__(self) -> None:
        self._all: dict[UUID, Session] = {}

    def begin(self, said: Said, why: str) -> Session:
        self._all[said.message_id] = Session(said, why)
        return self._all[said.message_id]

    def find(self, message_id: UUID | None) -> Session | None:
        return None if message_id is None else self._all.get(message_id)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._all.values())

    def __len__(self) -> int:
        return len(self._all)

    @property
    def taken(self) -> Sequence[Session]:
        """Those that the partner took, as far as is known."""
        return [each for each in self if not each.refused]


def same_message(one: _Element | None, other: _Element | None) -> bool:
    """True if both are one message: the same content under the same id."""
    if one is None or other is None:
        return one is other
    return canonical(one) == canonical(other)
