"""Persons in messages: names, birth dates, driver licenses, case participants."""

from __future__ import annotations

from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import EXT, NC, J, q
from ccms_ws.domain.courts import CaseParticipant, DriverLicense, Participant, ParticipantRole, PersonName
from ccms_ws.message_parts import xml

Q_ID: Final = q(NC, "IdentificationID")
Q_PERSON_NAME: Final = q(NC, "PersonName")
Q_GIVEN: Final = q(NC, "PersonGivenName")
Q_MIDDLE: Final = q(NC, "PersonMiddleName")
Q_SURNAME: Final = q(NC, "PersonSurName")
Q_SUFFIX: Final = q(NC, "PersonNameSuffixText")
Q_BIRTH_DATE: Final = q(NC, "PersonBirthDate")
Q_LICENSE: Final = q(EXT, "DriverLicense")
Q_LICENSE_ID: Final = q(NC, "DriverLicenseIdentification")
Q_LICENSE_STATE: Final = q(J, "IdentificationJurisdictionUSPostalServiceCode")
Q_PARTICIPANT: Final = q(EXT, "CaseParticipant")
Q_PARTICIPANT_ID: Final = q(EXT, "CaseParticipantIdentification")
Q_ROLE: Final = q(EXT, "ParticipantRoleCode")


def write_name(parent: _Element, name: PersonName) -> None:
    person_name = xml.add(parent, Q_PERSON_NAME)
    xml.add_if(person_name, Q_GIVEN, name.given)
    xml.add_if(person_name, Q_MIDDLE, name.middle)
    xml.add(person_name, Q_SURNAME, name.surname)
    xml.add_if(person_name, Q_SUFFIX, name.suffix)


def read_name(parent: _Element) -> PersonName | None:
    name = parent.find(Q_PERSON_NAME)
    if name is None:
        return None
    said = xml.texts(name)
    return PersonName(
        given=said.get(Q_GIVEN, ""),
        surname=said.get(Q_SURNAME, ""),
        middle=said.get(Q_MIDDLE, ""),
        suffix=said.get(Q_SUFFIX, ""),
    )


def write_participant_id(parent: _Element, participant_id: str) -> None:
    xml.add(xml.add(parent, Q_PARTICIPANT_ID), Q_ID, participant_id)


def read_participant_id(parent: _Element) -> str:
    return xml.text(parent, f"{Q_PARTICIPANT_ID}/{Q_ID}")


def write_license(parent: _Element, license: DriverLicense | None) -> None:
    if license is not None:
        element = xml.add(parent, Q_LICENSE)
        xml.add(xml.add(element, Q_LICENSE_ID), Q_ID, license.number)
        xml.add(element, Q_LICENSE_STATE, license.jurisdiction)


def read_license(parent: _Element) -> DriverLicense | None:
    element = parent.find(Q_LICENSE)
    if element is None:
        return None
    return DriverLicense(xml.text(element, f"{Q_LICENSE_ID}/{Q_ID}"), xml.text(element, Q_LICENSE_STATE))


def read_case_participant(parent: _Element, court_ori: str, case_number: str) -> CaseParticipant:
    element = xml.child(parent, Q_PARTICIPANT)
    participant = Participant(
        court_ori=court_ori,
        participant_id=read_participant_id(element),
        name=read_name(element) or PersonName("", ""),
        birth_date=xml.day(element, Q_BIRTH_DATE),
        driver_license=read_license(element),
    )
    return CaseParticipant(participant, case_number, ParticipantRole(xml.text(element, Q_ROLE)))
