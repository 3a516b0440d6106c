"""What may be otherwise in a second run, and how it must be so: ids, moments, days and seals are matched by their role.

Nothing is ignored. An id may be another one, but the same everywhere; a moment may be later, by as much as the clock.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from ccms_ws.clock import court_day
from ccms_ws.contract.namespaces import DS, EXT, FAULT, NC, SOAP12, WSA, WSSE, WSU, q
from ccms_ws.registry import EXCHANGES

_IDS: Final = frozenset({
    q(WSA, "MessageID"), q(WSA, "RelatesTo"), q(EXT, "TransactionID"), q(EXT, "CorrelationID"),
    q(FAULT, "IncidentID"),
}).union(*(each.elements.own_ids | each.elements.earlier_ids for each in EXCHANGES))  # fmt: skip
_MOMENTS: Final = frozenset({q(EXT, "MessageDateTime"), q(WSU, "Created"), q(WSU, "Expires")})
_DAYS: Final = frozenset({q(NC, "Date")})
_SEALS: Final = frozenset({q(DS, "DigestValue"), q(DS, "SignatureValue"), q(WSSE, "BinarySecurityToken")})
_ADDRESSES: Final = frozenset({q(WSA, "To")})
_LINKS: Final = frozenset({q(WSU, "Id"), "URI"})
_QNAMES: Final = frozenset({"faultcode", q(SOAP12, "Value")})
_URN: Final = "urn:uuid:"


class Ids:
    """Which id of the recording is which id now: each is one and the same everywhere in the conversation."""

    def __init__(self) -> None:
        self._now: dict[str, str] = {}
        self._then: dict[str, str] = {}

    def bind(self, recorded: str, actual: str) -> bool:
        """Note that they are the same; False if either is known as something else."""
        recorded, actual = recorded.removeprefix(_URN), actual.removeprefix(_URN)
        return self._now.setdefault(recorded, actual) == actual and self._then.setdefault(actual, recorded) == recorded

    def now(self, recorded: str) -> str:
        """The id now, or the recorded one if nothing is known of it."""
        return self._now.get(recorded.removeprefix(_URN), recorded.removeprefix(_URN))

    def in_words(self, text: str) -> str:
        """`text` with the ids of now in place of the recorded ones."""
        for recorded, actual in self.changed.items():
            text = text.replace(recorded, actual)
        return text

    @property
    def changed(self) -> dict[str, str]:
        """The recorded ids that are others now."""
        return {recorded: actual for recorded, actual in self._now.items() if recorded != actual}


@dataclass(frozen=True, slots=True)
class Times:
    """The clock of the recording, and the clock now: `earliest` to `latest` for an endpoint with a clock of its own."""

    recorded: datetime
    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class Roles:
    """What is known of one conversation when two of its messages are compared.

    `addresses`: recorded to actual; `same_seal`: the certificate must be the recorded one.
    """

    ids: Ids
    links: Ids
    times: Times
    addresses: dict[str, str]
    same_seal: bool = True

    def disagreement(self, name: str, recorded: str, actual: str, meant: tuple[str, str]) -> str:
        """Why `actual` cannot stand for `recorded` in the element or attribute `name`; empty if it can.

        `meant`: both in Clark notation, if they are qualified names.
        """
        judge = next((judge for names, judge in _JUDGES if name in names), None)
        if judge is not None:
            return judge(self, name, recorded, actual)
        same_words = recorded == actual or self.ids.in_words(recorded) == actual
        same_address = name in _ADDRESSES and self.addresses.get(recorded) == actual
        same_name = name in _QNAMES and meant[0] == meant[1]
        return "" if same_words or same_address or same_name else "another value"

    def _id(self, _name: str, recorded: str, actual: str) -> str:
        if not _is_uuid(recorded):
            return "" if recorded == actual else "another value"
        if not _is_uuid(actual) or recorded.startswith(_URN) != actual.startswith(_URN):
            return "it is no id of the same form"
        return "" if self.ids.bind(recorded, actual) else f"the id stands for {self.ids.now(recorded)} elsewhere"

    def _link(self, _name: str, recorded: str, actual: str) -> str:
        """Ids inside of a message, and what refers to them."""
        if recorded.startswith("http"):
            return "" if recorded == actual else "another value"
        return "" if self.links.bind(recorded.lstrip("#"), actual.lstrip("#")) else "it refers to another part"

    def _moment(self, _name: str, recorded: str, actual: str) -> str:
        try:
            then, now = datetime.fromisoformat(recorded), datetime.fromisoformat(actual)
        except ValueError:
            return "it is no moment"
        since = then - self.times.recorded
        earliest, latest = self.times.earliest + since, self.times.latest + since
        tick = timedelta(milliseconds=1)
        if earliest - tick <= now <= latest + tick:
            return ""
        return f"it should be {_span(earliest, latest)}"

    def _day(self, _name: str, recorded: str, actual: str) -> str:
        """The day of the recording may become the day of the second run; other days stay."""
        if recorded == actual:
            return ""
        today, days = court_day(self.times.recorded), {court_day(self.times.earliest), court_day(self.times.latest)}
        if recorded == today.isoformat():
            return "" if actual in {day.isoformat() for day in days} else "it was the day of the recording"
        return "another day"

    def _seal(self, name: str, recorded: str, actual: str) -> str:
        """Whether it is true is found out by opening the envelope; here it must have the same form."""
        if name == q(WSSE, "BinarySecurityToken"):
            return "" if recorded == actual or not self.same_seal else "another certificate"
        try:
            then, now = len(b64decode(recorded, validate=True)), len(b64decode(actual, validate=True))
        except ValueError:
            return "it is not base64"
        return "" if then == now or not self.same_seal else "another length"


_JUDGES: Final[Sequence[tuple[frozenset[str], Callable[[Roles, str, str, str], str]]]] = (
    (_IDS, Roles._id),
    (_MOMENTS, Roles._moment),
    (_SEALS, Roles._seal),
    (_LINKS, Roles._link),
    (_DAYS, Roles._day),
)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text.removeprefix(_URN))
    except ValueError:
        return False
    return True


def _span(earliest: datetime, latest: datetime) -> str:
    return earliest.isoformat() if earliest == latest else f"between {earliest.isoformat()} and {latest.isoformat()}"
