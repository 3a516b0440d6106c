"""A believable court of any size, invented: people, cases, ledgers. The same seed makes the same court."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseStatus,
    CaseType,
    Court,
    DriverLicense,
    JointDebtor,
    NameKind,
    OtherName,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.ledger import EntryKind, LedgerEntry
from ccms_ws.domain.ports import Record

_GIVEN = [
    "Ana María",
    "Marisol",
    "José",
    "Luis",
    "Guadalupe",
    "Wei",
    "Mei",
    "Thuy",
    "Đức",
    "Minh",
    "Anahit",
    "Armen",
    "Priya",
    "Arjun",
    "Fatima",
    "Omar",
    "Grace",
    "Harriet",
    "Walter",
    "Desmond",
    "Siobhan",
    "Jerome",
    "Nadia",
    "Kenji",
    "Leticia",
    "Owen",
    "Gideon",
    "Elena",
    "Tobias",
    "Curtis",
    "Mirela",
    "Isaac",
]
_SURNAMES = [
    "Aldana",
    "García Márquez",
    "Núñez",
    "O'Brien",
    "O’Connor",
    "Nguyen",
    "Tran",
    "Đặng",
    "Petrosyan",
    "Hovhannisyan",
    "Raghunathan",
    "Singh",
    "Okafor",
    "Lindqvist",
    "de la Cruz",
    "Van der Berg",
    "Hargrove",
    "Whitfield",
    "Matsuda",
    "Barragan",
    "Castellaw",
    "Stroud",
    "Vasquez-Moreau",
    "Abernathy",
    "Rahimi",
    "Fontaine",
    "Dragan",
    "Tolliver",
    "Applewhite",
    "Ferreira",
    "Hernández",
    "Martínez",
    "Smith",
    "Johnson",
    "Lee",
    "Kim",
]
_KINDS = (
    *((CaseType.TRAFFIC, "TR"),) * 6,
    *((CaseType.CRIMINAL, "CR"),) * 3,
    (CaseType.JUVENILE_DELINQUENCY, "JV"),
)
_FEES = (
    ("BaseFine", "VC 22350", 100),
    ("StatePenalty", "PC 1464", 100),
    ("CountyPenalty", "GOV 76000", 70),
    ("CourtOperations", "PC 1465.8", 40),
    ("ConvictionAssessment", "GOV 70373", 35),
)
_TODAY = date(2026, 11, 1)


def synthesize(court: Court, cases: int, seed: int) -> Iterator[Record]:
    """The records of that many cases, each after those that it refers to."""
    chance = Random(seed)  # noqa: S311 - the same seed makes the same court
    for number in range(1, cases + 1):
        yield from _case(court, chance, f"S{seed}-{number:07}")


def _case(court: Court, chance: Random, name: str) -> Iterator[Record]:
    kind, letters = chance.choice(_KINDS)
    filed = _TODAY - timedelta(days=chance.randrange(60, 3600))
    number = f"{letters}-{filed.year}-{name}"
    people = [_person(court, chance, f"{name}-{index}", kind) for index in range(chance.choice((1, 1, 1, 1, 2)))]
    status = chance.choice(tuple(CaseStatus))
    yield Case(court.ori, number, kind, status, f"People v. {people[0].name.surname}", sealed=chance.random() < 0.01)
    role = ParticipantRole.MINOR if kind.is_juvenile else ParticipantRole.DEFENDANT
    for person in people:
        yield person
        yield CaseParticipant(person, number, role)
        if chance.random() < 0.1:
            former = PersonName(person.name.given, chance.choice(_SURNAMES))
            yield OtherName(court.ori, person.participant_id, NameKind.FORMER, former)
        yield from _account(court, chance, number, person, filed)
    if len(people) > 1:
        yield from _restitution(court, chance, number, people, filed)


def _person(court: Court, chance: Random, participant_id: str, kind: CaseType) -> Participant:
    name = PersonName(
        chance.choice(_GIVEN),
        chance.choice(_SURNAMES),
        chance.choice(("", "", "R.", "Lee")),
        chance.choice(("",) * 9 + ("Jr",)),
    )
    age = chance.randrange(13, 18) if kind.is_juvenile else chance.randrange(19, 80)
    born = _TODAY - timedelta(days=age * 365 + chance.randrange(365))
    license = None if kind.is_juvenile else DriverLicense(f"{chance.choice('BCDEFNY')}{chance.randrange(10**7):07}")
    return Participant(court.ori, participant_id, name, born, license)


def _account(court: Court, chance: Random, case: str, person: Participant, filed: date) -> Iterator[LedgerEntry]:
    ids = (f"{case}/{person.participant_id[-1]}/{index}" for index in range(1, 1000))

    def entry(kind: EntryKind, fee: str, cents: int, day: date, **more: object) -> LedgerEntry:
        amount = Decimal(cents).scaleb(-2)
        posted = min(day, _TODAY)
        return LedgerEntry(
            next(ids), court.ori, case, person.participant_id, kind, fee, amount, posted, **more  # type: ignore[arg-type]
        )  # fmt: skip

    scale = chance.choice((1, 1, 2, 4))
    for fee, statute, dollars in _FEES:
        cents = dollars * 100 * scale
        yield entry(EntryKind.ASSESSMENT, fee, cents, filed, statute=statute, imposed_on=filed)
        if chance.random() < 0.7:
            paid = entry(EntryKind.PAYMENT, fee, chance.randrange(100, cents + 1), filed + timedelta(days=45))
            yield paid
            if chance.random() < 0.03:
                yield entry(
                    EntryKind.REVERSAL, fee, int(paid.amount.scaleb(2)), paid.posted_on, reverses=paid.entry_id,
                    reason="payment returned",
                )  # fmt: skip
        elif chance.random() < 0.1:
            yield entry(EntryKind.WAIVER, fee, cents // 2, filed + timedelta(days=90), reason="ability to pay")
    if chance.random() < 0.3:
        imposed = min(filed + timedelta(days=120), _TODAY)
        cents = 30_000 if imposed < date(2022, 7, 1) else 10_000
        yield entry(
            EntryKind.ASSESSMENT, "CivilAssessment", cents, imposed, statute="PC 1214.1", imposed_on=imposed
        )  # fmt: skip


def _restitution(court: Court, chance: Random, case: str, people: list[Participant], filed: date) -> Iterator[Record]:
    """Owed by all of them together, once."""
    for person in people:
        yield JointDebtor(court.ori, case, "restitution", person.participant_id)
    cents, first = chance.randrange(10_000, 500_000), people[0].participant_id
    amount, half = Decimal(cents).scaleb(-2), Decimal(cents // 2).scaleb(-2)
    yield LedgerEntry(
        f"{case}/R/1", court.ori, case, first, EntryKind.ASSESSMENT, "Restitution", amount, filed,
        statute="PC 1202.4(f)", imposed_on=filed, obligation="restitution",
    )  # fmt: skip
    payer = chance.choice(people).participant_id
    yield LedgerEntry(
        f"{case}/R/2", court.ori, case, payer, EntryKind.PAYMENT, "Restitution", half,
        min(filed + timedelta(days=200), _TODAY), obligation="restitution",
    )  # fmt: skip
