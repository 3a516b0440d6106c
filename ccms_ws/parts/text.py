"""Message parts as text, in the exclusive canonical form in which payloads are signed, sent and stored.

What is answered at once, and batches that may be too large for a tree, are written so: names are declared where they
are used, and nothing is left to a serializer. The parts stand inside of a message whose root declares the prefix of its
exchange alone. What no XML document can hold is found when the whole is parsed to be validated.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from ccms_ws.contract.namespaces import EXT, NC, J
from ccms_ws.domain.courts import CaseParticipant
from ccms_ws.domain.ledger import ZERO, FeeBalance
from ccms_ws.parts import xml
from ccms_ws.parts.metadata import Metadata

DECLARED_NC: Final = f' xmlns:nc="{NC}"'
_EXT: Final = f' xmlns:ext="{EXT}"'
_J: Final = f' xmlns:j="{J}"'
_USD: Final = f'{DECLARED_NC} nc:currencyCode="USD"'


# Each with the end of its tag, which no value holds: there it is written &gt;.
_DECLARATIONS: Final = (
    (f"{_USD}>", ' nc:currencyCode="USD">'),
    *((f"{each}>", ">") for each in (DECLARED_NC, _EXT, _J)),
)
DECLARED_ONCE: Final = f"{DECLARED_NC}{_EXT}{_J}"
"""For a root element around parts that declare nothing by themselves."""


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
_USUAL_PARTICIPANT: Final = _PARTICIPANT % ("%s", _NAME_PARTS[0] + _NAME_PARTS[2], "%s", _BORN, "")
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
_ZERO: Final = "0.00"  # most of them: it need not be written anew
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
    given, surname = name.given, name.surname
    if given and surname and not (name.middle or name.suffix or licence) and person.birth_date:
        # As nearly everybody is written: in one go.
        words = (person.participant_id, given, surname)
        if _SPECIAL.search("".join(words)) is not None:
            words = (escaped(person.participant_id), escaped(given), escaped(surname))
        return _USUAL_PARTICIPANT % (*words, subject.role, day_text(person.birth_date))
    parts = zip(_NAME_PARTS, (given, name.middle, surname, name.suffix), strict=True)
    return _PARTICIPANT % (
        escaped(person.participant_id),
        "".join(template % escaped(part) for template, part in parts if part),
        subject.role,
        _BORN % person.birth_date if person.birth_date else "",
        _LICENSE % (escaped(licence.number), escaped(licence.jurisdiction)) if licence else "",
    )


def fee_text(fee: FeeBalance) -> str:
    template, untouched = _fee_templates(fee.fee_kind, fee.statute, fee.joint)
    if not (fee.paid or fee.waived or fee.vacated):
        assessed = str(fee.assessed)
        return untouched % (assessed, assessed)
    return template % (fee.assessed, fee.due, fee.paid or _ZERO, fee.waived or _ZERO, fee.vacated or _ZERO)


@lru_cache(maxsize=10_000)
def _fee_templates(fee_kind: str, statute: str, joint: bool) -> tuple[str, str]:
    """What is the same in every balance of one kind of fee, with its five amounts left open, or only what was assessed
    and is due. The amounts of a ledger have two places.
    """
    book, _, section = statute.partition(" ")
    words = (
        escaped(fee_kind),
        _STATUTE % (escaped(book), escaped(section)) if section else "",
        _JOINT if joint else "",
    )
    kind, *rest = (word.replace("%", "%%") for word in words)
    return _FEE % (*["%s"] * 3, kind, *["%s"] * 2, *rest), _FEE % ("%s", "%s", _ZERO, kind, _ZERO, _ZERO, *rest)


day_text = lru_cache(maxsize=50_000)(date.isoformat)
"""A day as it is written: they are few, and come again and again."""


def without_declarations(parts: str) -> str:
    """The same parts, shorter by a third, for a root element that has `DECLARED_ONCE`: equal, but not canonical."""
    for written, plain in _DECLARATIONS:
        parts = parts.replace(written, plain)
    return parts


def escaped(value: str) -> str:
    """Character data in canonical form."""
    if _SPECIAL.search(value) is None:
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)


def dollars(sum_: Decimal) -> str:
    if sum_ is ZERO:  # most fees were neither waived nor vacated
        return "0.00"
    written = str(sum_)
    return written if written[-3:-2] == "." else f"{sum_:.2f}"
