"""A day of queries as partners ask them: spellings, keys and days of every kind, about an invented court's people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

from ccms_ws.bootstrap import CourtApplication
from ccms_ws.clock import court_day
from ccms_ws.demo.installation import COURT
from ccms_ws.demo.synthetic_court import synthesize
from ccms_ws.domain.courts import (
    Case,
    CaseParticipant,
    CaseType,
    DriverLicense,
    NameKind,
    OtherName,
    Participant,
    ParticipantRole,
    PersonName,
)
from ccms_ws.domain.ports import Record
from ccms_ws.exchanges.fcc807.messages import Query
from tests.support.court import Court

NAMES = (
    PersonName("Desmond", "King", "Uche", "III"),
    PersonName("Sean", "O'Hara-Núñez", "", "Jr."),
    PersonName("María José", "de la Cruz", "R."),
    PersonName("Willem", "van der Berg"),
    PersonName("Ana", "MacDonald"),
    PersonName("Đức", "Đặng", "Văn"),
)
_BORN = date(1979, 5, 1)


def people() -> Iterator[Record]:
    """An invented crowd; names with suffixes and particles; two of one name; a case that nobody is on; sealed ones."""
    yield from synthesize(COURT, 60, 5)
    for number, name in enumerate(NAMES):
        who = f"V-{number}"
        license = DriverLicense(f"K{number:07}") if number % 2 else None
        yield Participant(COURT.ori, who, name, _BORN + timedelta(days=number), license)
        for kind in (CaseType.CRIMINAL, CaseType.JUVENILE_DEPENDENCY):
            case = f"{kind[:2].upper()}-V-{number}"
            yield Case(COURT.ori, case, kind, sealed=number == 3)
            yield CaseParticipant(replace(_person(who, name, number, license)), case, ParticipantRole.DEFENDANT)
    yield OtherName(COURT.ori, "V-4", NameKind.FORMER, PersonName("Ana", "Of the Isles"))
    yield Case(COURT.ori, "CR-NOBODY", CaseType.CRIMINAL)


def _person(who: str, name: PersonName, number: int, license: DriverLicense | None) -> Participant:
    return Participant(COURT.ori, who, name, _BORN + timedelta(days=number), license)


def spellings(name: PersonName) -> Iterator[PersonName]:
    """Of one name, as others write it, and a few that are another's."""
    yield name
    yield PersonName(name.given.upper(), name.surname.upper())
    yield PersonName(name.given, f"{name.surname} {name.suffix or 'Jr'}")
    yield PersonName(name.given, name.surname.replace("'", "").replace("-", " "), name.middle[:1])
    yield PersonName(name.given, name.surname.replace(" ", ""))
    yield PersonName(name.given, name.surname.split(" ")[-1].split("-")[0], suffix="Sr")
    yield PersonName(name.given[:1], name.surname)
    yield PersonName(f"{name.given} {name.middle}".strip(), name.surname)
    yield PersonName("", name.surname)
    yield PersonName("-", name.surname)
    yield PersonName(name.given, "'")
    yield PersonName("Nobody", name.surname)


def searches(person: Participant, case: str, chance: Random) -> Iterator[dict[str, Any]]:
    """Search keys for one person on one case, most of which lead to somebody."""
    born = person.birth_date
    yield {"case_number": case}
    yield {"case_number": f" {case} "}
    yield {"case_number": case, "participant_id": person.participant_id}
    yield {"case_number": case, "participant_id": person.participant_id.lower()}
    yield {"case_number": case, "birth_date": _BORN}
    yield {"participant_id": person.participant_id}
    yield {"birth_date": born}
    for name in spellings(person.name):
        yield {"name": name, "birth_date": born} if chance.random() < 0.7 else {"name": name, "case_number": case}
    if person.driver_license is not None:
        number = person.driver_license.number
        yield {"driver_license": person.driver_license}
        yield {"driver_license": DriverLicense(f"{number[:3].lower()} {number[3:]}"), "case_number": case}
        yield {"driver_license": replace(person.driver_license, jurisdiction="NV")}


def ask_all(court: Court, seed: int, count: int) -> list[Query]:
    """Ask `count` queries about those on file; every answer is in the court's log then."""
    chance, app = Random(seed), court.application
    with app.units() as uow:
        uow.books.add(*people())
        uow.commit()
    keys = list(_keys(app, chance))
    asked = []
    for search in chance.sample(keys, min(count, len(keys))):
        partner = chance.choice(("ADULT-PROBATION", "ADULT-PROBATION", "JUVENILE-PROBATION"))
        query = court.query(partner, **search, **_day(app, chance))
        if chance.random() < 0.02:
            query = replace(query, court_ori="CA019015J", metadata=replace(query.metadata, court_ori="CA019015J"))
        court.ask(query, signer=partner.lower())
        court.clock.advance(timedelta(seconds=7))
        asked.append(query)
    return asked


def _keys(app: CourtApplication, chance: Random) -> Iterator[dict[str, Any]]:
    yield {"case_number": "CR-NOBODY"}
    yield {"name": PersonName("Thuy", "Tran"), "birth_date": date(1992, 11, 4)}
    yield {"name": PersonName("Ana", "Of the Isles"), "birth_date": _BORN + timedelta(days=4)}
    yield {"name": PersonName("Walter", "Hargrove Jr"), "birth_date": date(1979, 1, 15)}
    with app.reading() as uow:
        for case in _cases(app):
            for subject in uow.books.on_case(COURT.ori, case):
                yield from searches(subject.participant, case, chance)


def _cases(app: CourtApplication) -> list[str]:
    from sqlalchemy import select

    from ccms_ws.store.court_tables import court_case
    from ccms_ws.store.engine import open_engine

    engine = open_engine(app.settings.database.url)
    with engine.connect() as connection:
        numbers = [str(number) for (number,) in connection.execute(select(court_case.c.number))]
    engine.dispose()
    return sorted(numbers)


def _day(app: CourtApplication, chance: Random) -> dict[str, Any]:
    """Today, a day of the past (often before the first entry), or one to come."""
    today = court_day(app.clock.now())
    if chance.random() < 0.6:
        return {}
    return {"as_of": today - timedelta(days=chance.choice((-1, 0, 1, 30, 400, 900, 1800, 3000, 9000)))}
