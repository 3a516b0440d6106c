"""Message parts as text, in the exclusive canonical form in which payloads are signed, sent and stored.

Replies, and batches that may be too large for a tree, are written in this form: namespaces are declared where they are
used, and no serializer is needed. The parts are inside a message whose root declares the prefix of its exchange alone.
Characters that XML does not allow are found when the whole message is parsed for validation.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from ccms_ws.contract.namespaces import EXT, NC, J
from ccms_ws.domain.courts import CaseParticipant
from ccms_ws.domain.ledger import FeeBalance
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.metadata import Metadata

DECLARED_NC: Final = f' xmlns:nc="{NC}"'
_EXT: Final = f' xmlns:ext="{EXT}"'
_J: Final = f' xmlns:j="{J}"'
_USD: Final = f'{DECLARED_NC} nc:currencyCode="USD"'


# With the end of its tag, which no value contains: there it is written &gt;.
_DECLARATION: Final = re.compile(
    f"(?:{'|'.join(map(re.escape, (DECLARED_NC, _EXT, _J)))})"
    r'(?=(?: nc:currencyCode="USD")?>)'
)
DECLARED_ONCE: Final = f"{DECLARED_NC}{_EXT}{_J}"
"""For a root element around parts without declarations of their own."""


# -- templates: %s is the place of a value ----------------------------------------------------------------------------
def amount(name: str) -> str:
    return f"<{name}{_USD}>%s</{name}>"


def day(name: str) -> str:
    return f"<{name}><nc:Date{DECLARED_NC}>%s</nc:Date></{name}>"


def text(name: str, declared: str = "") -> str:
    return f"<{name}{declared}>%s</{name}>"


def pieces(template: str) -> tuple[str, ...]:
    """The text around the values. Joining them with an f-string takes an eighth of the time of "%"."""
    return tuple(template.split("%s"))


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
_USUAL_PARTICIPANT: Final = pieces(_PARTICIPANT % ("%s", _NAME_PARTS[0] + _NAME_PARTS[2], "%s", _BORN, ""))
_LICENSE: Final = (
    f"<ext:DriverLicense><nc:DriverLicenseIdentification{DECLARED_NC}>{text('nc:IdentificationID')}"
    f"</nc:DriverLicenseIdentification>{text('j:IdentificationJurisdictionUSPostalServiceCode', _J)}"
    "</ext:DriverLicense>"
)
_FEE: Final = pieces(
    "".join(
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
)
_STATUTE: Final = "".join(
    f"<j:{name}{_J}>{text('nc:IdentificationID', DECLARED_NC)}</j:{name}>"
    for name in ("StatuteCodeIdentification", "StatuteCodeSectionIdentification")
)
_ZERO: Final = "0.00"  # most of them: reuse the text
_JOINT: Final = "<ext:JointAndSeveralIndicator>true</ext:JointAndSeveralIndicator>"
_SPECIAL: Final = re.compile("[&<>\r]")
_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}


# -- parts -------------------------------------------------------------------------------------------------------------
def metadata_text(metadata: Metadata) -> str:
    """The metadata block at the beginning of a message."""
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
    name, license = person.name, person.driver_license
    given, surname = name.given, name.surname
    if given and surname and not (name.middle or name.suffix or license) and person.birth_date:
        # The usual case, in one step.
        words = (person.participant_id, given, surname)
        if _SPECIAL.search("".join(words)) is not None:
            words = (escaped(person.participant_id), escaped(given), escaped(surname))
        person_id, given, surname = words
        a, b, c, d, e, end = _USUAL_PARTICIPANT
        return f"{a}{person_id}{b}{given}{c}{surname}{d}{subject.role}{e}{day_text(person.birth_date)}{end}"
    parts = zip(_NAME_PARTS, (given, name.middle, surname, name.suffix), strict=True)
    return _PARTICIPANT % (
        escaped(person.participant_id),
        "".join(template % escaped(part) for template, part in parts if part),
        subject.role,
        _BORN % person.birth_date if person.birth_date else "",
        _LICENSE % (escaped(license.number), escaped(license.jurisdiction)) if license else "",
    )


def fee_text(fee: FeeBalance) -> str:
    """The amounts of a ledger have two places."""
    if not (fee.paid or fee.waived or fee.vacated):
        return _untouched_fee_text(fee.fee_kind, fee.statute, fee.joint, str(fee.assessed))
    a, b, c, d, e, end = _fee_pieces(fee.fee_kind, fee.statute, fee.joint)
    paid, waived, vacated = fee.paid or _ZERO, fee.waived or _ZERO, fee.vacated or _ZERO
    return f"{a}{fee.assessed!s}{b}{fee.due!s}{c}{paid!s}{d}{waived!s}{e}{vacated!s}{end}"


@lru_cache(maxsize=4_000)
def _untouched_fee_text(fee_kind: str, statute: str, joint: bool, assessed: str) -> str:
    """A fee of which nothing was paid, waived or vacated. Cached: laws fix amounts, so they repeat."""
    a, b, c, d, e, end = _fee_pieces(fee_kind, statute, joint)
    return f"{a}{assessed}{b}{assessed}{c}{_ZERO}{d}{_ZERO}{e}{_ZERO}{end}"


@lru_cache(maxsize=10_000)
def _fee_pieces(fee_kind: str, statute: str, joint: bool) -> tuple[str, ...]:
    """The text that is the same in every balance of one kind of fee, around its five amounts."""
    book, _, section = statute.partition(" ")
    law = _STATUTE % (escaped(book), escaped(section)) if section else ""
    a, b, c, category, waived, e, statutes, joints, end = _FEE
    d, end = f"{category}{escaped(fee_kind)}{waived}", f"{statutes}{law}{joints}{_JOINT if joint else ''}{end}"
    return a, b, c, d, e, end


day_text = lru_cache(maxsize=50_000)(date.isoformat)
"""A date as text. Cached: there are few, often repeated."""


def without_declarations(parts: str) -> str:
    """The same parts, shorter by a third, for a root element that has `DECLARED_ONCE`: equal, but not canonical."""
    return _DECLARATION.sub("", parts)


def escaped(value: str) -> str:
    """Character data in canonical form."""
    if _SPECIAL.search(value) is None:
        return value
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], value)


def dollars(sum_: Decimal) -> str:
    written = str(sum_)
    return written if written[-3:-2] == "." else f"{sum_:.2f}"
