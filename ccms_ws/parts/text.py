"""Message parts as text, in the exclusive canonical form in which payloads are signed, sent and stored.

What is answered at once, and batches that may be too large for a tree, are written so: names are declared where they
are used, and nothing is left to a serializer. The parts stand inside of a message whose root declares the prefix of its
exchange alone. What no XML document can hold is found when the whole is parsed to be validated.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ccms_ws.contract.namespaces import EXT, NC, J
from ccms_ws.domain.courts import CaseParticipant
from ccms_ws.domain.ledger import FeeBalance
from ccms_ws.parts import xml
from ccms_ws.parts.metadata import Metadata

DECLARED_NC: Final = f' xmlns:nc="{NC}"'
_EXT: Final = f' xmlns:ext="{EXT}"'
_J: Final = f' xmlns:j="{J}"'
_USD: Final = f'{DECLARED_NC} nc:currencyCode="USD"'


# -- templates: %s is where a value comes ------------------------------------------------------------------------------
def amount(name: str) -> str:
    return f"<{name}{_USD}>%s</{name}>"


def day(name: str) -> str:
    return f"<{name}><nc:Date{DECLARED_NC}>%s</nc:Date></{name}>"


def text(name: str, declared: str = "") -> str:
    return f"<{name}{declared}>%s</{name}>"


_METADATA: Final = "".join(
    (
        f"<ext:MessageMetadata{_EXT}>",
        text("ext:TransactionID"),
        "%s",  # correlation
        *(text(f"ext:{name}") for name in ("MessageDateTime", "ExchangeCode", "MessageKindCode", "SchemaVersionID")),
        *(
            f"<ext:{name}>{text('ext:PartyID')}%s</ext:{name}>"  # its name
            for name in ("SendingParty", "ReceivingParty")
        ),
        f"<ext:Court>%s{text('ext:CourtORIID')}{text('ext:CountyCode')}</ext:Court>",
        text("ext:TestIndicator"),
        "</ext:MessageMetadata>",
    )
)
_CORRELATION: Final = text("ext:CorrelationID")
_PARTY_NAME: Final = text("nc:OrganizationName", DECLARED_NC)
_COURT_NAME: Final = text("j:CourtName", _J)
_PARTICIPANT: Final = (
    f"<ext:CaseParticipant{_EXT}><ext:CaseParticipantIdentification>{text('nc:IdentificationID', DECLARED_NC)}"
    f"</ext:CaseParticipantIdentification><nc:PersonName{DECLARED_NC}>%s</nc:PersonName>"
    f"{text('ext:ParticipantRoleCode')}%s%s</ext:CaseParticipant>"
)
_NAME_PARTS: Final = tuple(
    text(f"nc:{name}") for name in ("PersonGivenName", "PersonMiddleName", "PersonSurName", "PersonNameSuffixText")
)
_BORN: Final = f"<nc:PersonBirthDate{DECLARED_NC}><nc:Date>%s</nc:Date></nc:PersonBirthDate>"
_LICENSE: Final = (
    f"<ext:DriverLicense><nc:DriverLicenseIdentification{DECLARED_NC}>{text('nc:IdentificationID')}"
    f"</nc:DriverLicenseIdentification>{text('j:IdentificationJurisdictionUSPostalServiceCode', _J)}"
    "</ext:DriverLicense>"
)
_FEE: Final = "".join(
    (
        f"<ext:FeeBalance{_EXT}>",
        *(
            f'<nc:Obligation{name}Amount{DECLARED_NC} nc:currencyCode="USD">%s</nc:Obligation{name}Amount>'
            for name in ("Total", "Due", "Paid")
        ),
        text("ext:FeeCategoryCodeText"),
        amount("ext:FeeWaivedAmount"),
        amount("ext:FeeVacatedAmount"),
        "%s%s",  # statute, joint debt
        "</ext:FeeBalance>",
    )
)
_STATUTE: Final = "".join(
    f"<j:{name}{_J}>{text('nc:IdentificationID', DECLARED_NC)}</j:{name}>"
    for name in ("StatuteCodeIdentification", "StatuteCodeSectionIdentification")
)
_JOINT: Final = "<ext:JointAndSeveralIndicator>true</ext:JointAndSeveralIndicator>"
_SPECIAL: Final = re.compile("[&<>\r]")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}


# -- parts -------------------------------------------------------------------------------------------------------------
def metadata_text(metadata: Metadata) -> str:
    """The block with which a message begins."""
    sender, receiver = metadata.sender_name, metadata.receiver_name
    return _METADATA % (
        metadata.transaction_id,
        _CORRELATION % metadata.correlation_id if metadata.correlation_id else "",
        xml.utc(metadata.at),
        metadata.exchange,
        metadata.kind.value,
        metadata.version,
        escaped(metadata.sender_id),
        _PARTY_NAME % escaped(sender) if sender else "",
        escaped(metadata.receiver_id),
        _PARTY_NAME % escaped(receiver) if receiver else "",
        _COURT_NAME % escaped(metadata.court_name) if metadata.court_name else "",
        escaped(metadata.court_ori),
        escaped(metadata.county_code),
        "true" if metadata.test else "false",
    )


def participant_text(subject: CaseParticipant) -> str:
    person = subject.participant
    name, licence = person.name, person.driver_license
    return _PARTICIPANT % (
        escaped(person.participant_id),
        "".join(
            template % escaped(part)
            for template, part in zip(_NAME_PARTS, (name.given, name.middle, name.surname, name.suffix), strict=True)
            if part
        ),
        subject.role.value,
        _BORN % person.birth_date if person.birth_date else "",
        _LICENSE % (escaped(licence.number), escaped(licence.jurisdiction)) if licence else "",
    )


def fee_text(fee: FeeBalance) -> str:
    book, _, section = fee.statute.partition(" ")
    return _FEE % (
        dollars(fee.assessed),
        dollars(fee.due),
        dollars(fee.paid),
        escaped(fee.fee_kind),
        dollars(fee.waived),
        dollars(fee.vacated),
        _STATUTE % (escaped(book), escaped(section)) if section else "",
        _JOINT if fee.joint else "",
    )


def escaped(value: str) -> str:
    """Character data in canonical form."""
    if _SPECIAL.search(value) is None:
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)


def dollars(sum_: Decimal) -> str:
    written = str(sum_)
    return written if written[-3:-2] == "." else f"{sum_:.2f}"
