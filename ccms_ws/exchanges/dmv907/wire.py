"""DMV907 messages to XML and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from lxml.etree import _Element

from ccms_ws.clock import court_day
from ccms_ws.contract.namespaces import EXT, NC, J, q
from ccms_ws.domain.abstracts import (
    Abstract,
    AbstractAction,
    AbstractState,
    OrderKind,
    ReleaseReason,
    SectionRole,
    SectionViolated,
    VehicleKind,
)
from ccms_ws.domain.courts import Court, DriverLicense, Participant, PersonName
from ccms_ws.exchanges.dmv907.messages import AbstractError, AbstractResponse, Notification
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.error_block import read_error_block, write_error_block
from ccms_ws.message_parts.metadata import read_metadata, write_metadata
from ccms_ws.message_parts.people import (
    Q_BIRTH_DATE,
    read_license,
    read_name,
    read_participant_id,
    write_license,
    write_name,
    write_participant_id,
)

NAMESPACE: Final = "urn:ccms-ws:exchange:DMV907:1.0"
Q_ABSTRACT: Final = q(NAMESPACE, "FailureToComplyAbstract")
Q_RESPONSE: Final = q(NAMESPACE, "FailureToComplyAbstractResponse")
Q_ERROR: Final = q(NAMESPACE, "FailureToComplyAbstractError")
Q_ABSTRACT_ID: Final = q(NAMESPACE, "AbstractID")
Q_HOLD: Final = q(NAMESPACE, "AbstractHold")
Q_ORDER_KIND: Final = q(NAMESPACE, "OrderKindCode")
Q_VEHICLE_KIND: Final = q(NAMESPACE, "VehicleKindCode")
Q_ORDER_DATE: Final = q(NAMESPACE, "OrderDate")
Q_NONCOMPLIANCE: Final = q(NAMESPACE, "NonComplianceDate")
Q_RELEASE: Final = q(NAMESPACE, "AbstractRelease")
Q_ORIGINAL: Final = q(NAMESPACE, "OriginalAbstractID")
Q_RELEASE_DATE: Final = q(NAMESPACE, "ReleaseDate")
Q_RELEASE_REASON: Final = q(NAMESPACE, "ReleaseReasonCode")
Q_SUBJECT: Final = q(NAMESPACE, "AbstractSubject")
Q_COURT_CODE: Final = q(NAMESPACE, "DMVCourtCodeText")
Q_CASE: Final = q(NC, "CaseTrackingID")
Q_CITATION: Final = q(NAMESPACE, "CitationID")
Q_VIOLATION_DATE: Final = q(NAMESPACE, "ViolationDate")
Q_SECTION: Final = q(EXT, "SectionViolated")
Q_CODE_BOOK: Final = q(J, "StatuteCodeIdentification")
Q_CODE_SECTION: Final = q(J, "StatuteCodeSectionIdentification")
Q_SECTION_ROLE: Final = q(EXT, "SectionRoleCode")
Q_ID: Final = q(NC, "IdentificationID")
Q_COMMERCIAL: Final = q(NAMESPACE, "CommercialVehicleIndicator")
Q_HAZARDOUS: Final = q(NAMESPACE, "HazardousMaterialIndicator")
Q_CERTIFICATION: Final = q(NAMESPACE, "AbstractCertification")
Q_CLERK: Final = q(NAMESPACE, "CertifyingClerkName")
Q_CERTIFIED_ON: Final = q(NAMESPACE, "CertificationDate")
Q_MESSAGE_CODE: Final = q(NAMESPACE, "MessageCodeText")
Q_MESSAGE_TEXT: Final = q(NAMESPACE, "MessageDescriptionText")
Q_PROCESSED: Final = q(NAMESPACE, "ProcessedDate")
Q_SUSPENSION: Final = q(NAMESPACE, "SuspensionEffectiveDate")


def notification_to_xml(notification: Notification) -> _Element:
    abstract = notification.abstract
    message = xml.root(Q_ABSTRACT, "dmv907")
    write_metadata(message, notification.metadata)
    xml.add(message, Q_ABSTRACT_ID, str(abstract.abstract_id))
    if abstract.action is AbstractAction.HOLD:
        hold = xml.add(message, Q_HOLD)
        if abstract.order_kind is not None:
            xml.add(hold, Q_ORDER_KIND, abstract.order_kind)
        if abstract.vehicle_kind is not None:
            xml.add(hold, Q_VEHICLE_KIND, abstract.vehicle_kind)
        xml.add_date(hold, Q_ORDER_DATE, abstract.order_date)
        xml.add_date(hold, Q_NONCOMPLIANCE, abstract.noncompliance_date)
    else:
        release = xml.add(message, Q_RELEASE)
        xml.add(release, Q_ORIGINAL, str(abstract.releases))
        xml.add_date(release, Q_RELEASE_DATE, abstract.release_date)
        xml.add(release, Q_RELEASE_REASON, abstract.release_reason)
    person = xml.add(message, Q_SUBJECT)
    write_participant_id(person, notification.person.participant_id)
    write_name(person, notification.person.name)
    xml.add_date(person, Q_BIRTH_DATE, notification.person.birth_date)
    if abstract.driver_license is not None:
        write_license(person, abstract.driver_license)
    xml.add(message, Q_COURT_CODE, notification.court.dmv_court_code)
    xml.add(message, Q_CASE, abstract.case_number)
    xml.add_if(message, Q_CITATION, abstract.citation_number)
    xml.add_date(message, Q_VIOLATION_DATE, abstract.violation_date)
    for section in abstract.sections:
        _write_section(message, section)
    xml.add_indicator(message, Q_COMMERCIAL, abstract.commercial_vehicle)
    xml.add_indicator(message, Q_HAZARDOUS, abstract.hazardous_material)
    if abstract.certified_by:
        certification = xml.add(message, Q_CERTIFICATION)
        xml.add(certification, Q_CLERK, abstract.certified_by)
        xml.add_date(certification, Q_CERTIFIED_ON, court_day(abstract.created_at))
    return message


def _write_section(message: _Element, section: SectionViolated) -> None:
    element = xml.add(message, Q_SECTION)
    xml.add(xml.add(element, Q_CODE_BOOK), Q_ID, section.code_book)
    xml.add(xml.add(element, Q_CODE_SECTION), Q_ID, section.section)
    xml.add(element, Q_SECTION_ROLE, section.role)


def notification_from_xml(message: _Element) -> Notification:
    """The abstract as DMV reads it. Raises ValueError for an id that is not a UUID (this court writes no other)."""
    metadata = read_metadata(message)
    person = xml.child(message, Q_SUBJECT)
    license = read_license(person)
    hold, release = message.find(Q_HOLD), message.find(Q_RELEASE)
    abstract = Abstract(
        abstract_id=UUID(xml.text(message, Q_ABSTRACT_ID)),
        action=AbstractAction.RELEASE if hold is None else AbstractAction.HOLD,
        state=AbstractState.QUEUED,
        court_ori=metadata.court_ori,
        case_number=xml.text(message, Q_CASE),
        participant_id=read_participant_id(person),
        driver_license=license,
        sections=tuple(_read_section(element) for element in message.findall(Q_SECTION)),
        violation_date=xml.day(message, Q_VIOLATION_DATE) or date.min,
        created_at=metadata.at,
        citation_number=xml.text(message, Q_CITATION),
        commercial_vehicle=bool(xml.indicator(message, Q_COMMERCIAL)),
        hazardous_material=bool(xml.indicator(message, Q_HAZARDOUS)),
        certified_by=xml.text(message, f"{Q_CERTIFICATION}/{Q_CLERK}"),
    )
    if hold is not None:
        abstract = replace(
            abstract,
            order_kind=OrderKind(xml.text(hold, Q_ORDER_KIND)),
            vehicle_kind=VehicleKind(xml.text(hold, Q_VEHICLE_KIND)),
            order_date=xml.day(hold, Q_ORDER_DATE),
            noncompliance_date=xml.day(hold, Q_NONCOMPLIANCE),
        )
    elif release is not None:
        abstract = replace(
            abstract,
            releases=UUID(xml.text(release, Q_ORIGINAL)),
            release_reason=ReleaseReason(xml.text(release, Q_RELEASE_REASON)),
            release_date=xml.day(release, Q_RELEASE_DATE),
        )
    return Notification(
        metadata=metadata,
        court=Court(metadata.court_ori, metadata.court_name, metadata.county_code, xml.text(message, Q_COURT_CODE)),
        abstract=abstract,
        person=Participant(
            court_ori=metadata.court_ori,
            participant_id=abstract.participant_id,
            name=read_name(person) or PersonName("", ""),
            birth_date=xml.day(person, Q_BIRTH_DATE),
            driver_license=license,
        ),
    )


def _read_section(element: _Element) -> SectionViolated:
    return SectionViolated(
        code_book=xml.text(element, f"{Q_CODE_BOOK}/{Q_ID}"),
        section=xml.text(element, f"{Q_CODE_SECTION}/{Q_ID}"),
        role=SectionRole(xml.text(element, Q_SECTION_ROLE)),
    )


def response_to_xml(response: AbstractResponse) -> _Element:
    message = xml.root(Q_RESPONSE, "dmv907")
    write_metadata(message, response.metadata)
    xml.add(message, Q_ABSTRACT_ID, response.abstract_id)
    write_license(message, response.driver_license)
    xml.add(message, Q_MESSAGE_CODE, response.message_code)
    xml.add_if(message, Q_MESSAGE_TEXT, response.message_text)
    xml.add_date(message, Q_PROCESSED, response.processed_on)
    xml.add_date(message, Q_SUSPENSION, response.suspension_effective_on)
    return message


def response_from_xml(message: _Element) -> AbstractResponse:
    """The response in a schema-valid FailureToComplyAbstractResponse."""
    return AbstractResponse(
        metadata=read_metadata(message),
        abstract_id=xml.text(message, Q_ABSTRACT_ID),
        driver_license=read_license(message) or DriverLicense(""),
        message_code=xml.text(message, Q_MESSAGE_CODE),
        message_text=xml.text(message, Q_MESSAGE_TEXT),
        processed_on=xml.day(message, Q_PROCESSED),
        suspension_effective_on=xml.day(message, Q_SUSPENSION),
    )


def error_to_xml(error: AbstractError) -> _Element:
    message = xml.root(Q_ERROR, "dmv907")
    write_metadata(message, error.metadata)
    xml.add(message, Q_ABSTRACT_ID, error.abstract_id)
    write_error_block(message, error.problem)
    return message


def error_from_xml(message: _Element) -> AbstractError:
    """The error in a schema-valid FailureToComplyAbstractError."""
    return AbstractError(
        metadata=read_metadata(message),
        abstract_id=xml.text(message, Q_ABSTRACT_ID),
        problem=read_error_block(message),
    )
