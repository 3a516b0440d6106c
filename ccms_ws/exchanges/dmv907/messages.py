"""The messages of DMV907 as values: the abstract that leaves, the response or the error message that comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from ccms_ws.domain.abstracts import Abstract
from ccms_ws.domain.courts import Court, DriverLicense, Participant
from ccms_ws.message_parts.error_block import ErrorBlock
from ccms_ws.message_parts.metadata import Metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One failure-to-comply abstract on its way to DMV, with the person whom it concerns (VC 1804(a) content).

    `warnings`: what the court's clerk should know of it; they stay at the court.
    """

    metadata: Metadata
    court: Court
    abstract: Abstract
    person: Participant
    warnings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstractResponse:
    """What DMV did with the abstract: a message code for a driver license.

    Of a person without one it is the number of the record that DMV opened.
    """

    metadata: Metadata
    abstract_id: str
    driver_license: DriverLicense
    message_code: str
    message_text: str = ""
    processed_on: date | None = None
    suspension_effective_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstractError:
    """DMV could not process the abstract."""

    metadata: Metadata
    abstract_id: str
    problem: ErrorBlock
