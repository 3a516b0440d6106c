"""FCC807 messages to XML and back; the response is written by `text`."""

from __future__ import annotations

from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import NC, q
from ccms_ws.domain.ledger import Balance
from ccms_ws.domain.partners import ProbationUnit
from ccms_ws.errors import CcmsWsError
from ccms_ws.exchange import Context
from ccms_ws.exchanges.fcc807.messages import BalanceFound, Query, QueryError, Rejection, RejectionReason, Response
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.error_block import error_block_of, read_error_block, write_error_block
from ccms_ws.message_parts.metadata import MessageKind, read_metadata, reply_metadata, write_metadata
from ccms_ws.message_parts.money import read_amount, read_fees
from ccms_ws.message_parts.people import (
    Q_BIRTH_DATE,
    Q_LICENSE,
    Q_PARTICIPANT_ID,
    Q_PERSON_NAME,
    read_case_participant,
    read_license,
    read_name,
    read_participant_id,
    write_license,
    write_name,
    write_participant_id,
)

NAMESPACE: Final = "urn:ccms-ws:exchange:FCC807:1.0"
Q_QUERY: Final = q(NAMESPACE, "CaseParticipantBalanceQuery")
Q_RESPONSE: Final = q(NAMESPACE, "CaseParticipantBalanceQueryResponse")
Q_ERROR: Final = q(NAMESPACE, "CaseParticipantBalanceQueryError")
Q_SUBMITTER: Final = q(NAMESPACE, "QuerySubmitter")
Q_AGENCY: Final = q(NC, "OrganizationName")
Q_UNIT: Final = q(NAMESPACE, "SubmitterUnitCode")
Q_CRITERIA: Final = q(NAMESPACE, "SearchCriteria")
Q_CASE: Final = q(NC, "CaseTrackingID")
Q_AS_OF: Final = q(NAMESPACE, "BalanceAsOfDate")
Q_PURPOSE: Final = q(NAMESPACE, "QueryPurposeText")
Q_BALANCE: Final = q(NAMESPACE, "CaseParticipantBalance")
Q_DUE: Final = q(NAMESPACE, "BalanceDueAmount")
Q_REJECTION: Final = q(NAMESPACE, "QueryRejection")
Q_REASON_CODE: Final = q(NAMESPACE, "RejectionReasonCodeText")
Q_REASON_TEXT: Final = q(NAMESPACE, "RejectionReasonText")

_UNITS: Final = {ProbationUnit.ADULT: "AdultProbation", ProbationUnit.JUVENILE: "JuvenileProbation"}
_UNIT_OF: Final = {code: unit for unit, code in _UNITS.items()}


def query_from_xml(message: _Element) -> Query:
    """The query in a schema-valid CaseParticipantBalanceQuery."""
    metadata = read_metadata(message)
    submitter, criteria = xml.texts(xml.child(message, Q_SUBMITTER)), xml.child(message, Q_CRITERIA)
    keys, rest = xml.texts(criteria), xml.texts(message)
    return Query(
        metadata=metadata,
        court_ori=metadata.court_ori,
        unit=_UNIT_OF[submitter[Q_UNIT]],
        agency=submitter[Q_AGENCY],
        case_number=keys.get(Q_CASE, ""),
        participant_id=read_participant_id(criteria) if Q_PARTICIPANT_ID in keys else "",
        name=read_name(criteria) if Q_PERSON_NAME in keys else None,
        birth_date=xml.day(criteria, Q_BIRTH_DATE) if Q_BIRTH_DATE in keys else None,
        driver_license=read_license(criteria) if Q_LICENSE in keys else None,
        as_of=xml.day(message, Q_AS_OF) if Q_AS_OF in rest else None,
        purpose=rest.get(Q_PURPOSE, ""),
    )


def query_to_xml(query: Query) -> _Element:
    message = xml.root(Q_QUERY, "fcc807")
    write_metadata(message, query.metadata)
    submitter = xml.add(message, Q_SUBMITTER)
    xml.add(submitter, Q_AGENCY, query.agency)
    xml.add(submitter, Q_UNIT, _UNITS[query.unit])
    criteria = xml.add(message, Q_CRITERIA)
    xml.add_if(criteria, Q_CASE, query.case_number)
    if query.participant_id:
        write_participant_id(criteria, query.participant_id)
    if query.name is not None:
        write_name(criteria, query.name)
    xml.add_date(criteria, Q_BIRTH_DATE, query.birth_date)
    write_license(criteria, query.driver_license)
    xml.add_date(message, Q_AS_OF, query.as_of)
    xml.add_if(message, Q_PURPOSE, query.purpose)
    return message


def response_from_xml(message: _Element) -> Response:
    """The response as a partner reads it. Raises ValueError if the breakdown does not add up to the balance."""
    metadata = read_metadata(message)
    rejection = message.find(Q_REJECTION)
    if rejection is not None:
        code = xml.text(rejection, Q_REASON_CODE)
        reason = next((known for known in RejectionReason if known == code), code)
        return Rejection(metadata=metadata, reason=reason, sentence=xml.text(rejection, Q_REASON_TEXT))
    found = xml.child(message, Q_BALANCE)
    as_of = xml.day(found, Q_AS_OF)
    if as_of is None:
        raise LookupError(f"{found.tag} has no {Q_AS_OF}; was the message validated?")
    balance = Balance(as_of, read_fees(found))
    if balance.due != read_amount(found, Q_DUE):
        raise ValueError("the fee breakdown does not add up to the balance due")
    subject = read_case_participant(found, metadata.court_ori, xml.text(found, Q_CASE))
    return BalanceFound(metadata=metadata, subject=subject, balance=balance)


def error_to_xml(error: CcmsWsError, context: Context) -> _Element:
    """The exchange's own error message: code and reason."""
    metadata = reply_metadata("FCC807", "1.0", context, MessageKind.ERROR)
    return query_error_to_xml(QueryError(metadata=metadata, problem=error_block_of(error)))


def query_error_to_xml(error: QueryError) -> _Element:
    message = xml.root(Q_ERROR, "fcc807")
    write_metadata(message, error.metadata)
    write_error_block(message, error.problem)
    return message


def error_from_xml(message: _Element) -> QueryError:
    return QueryError(metadata=read_metadata(message), problem=read_error_block(message))
