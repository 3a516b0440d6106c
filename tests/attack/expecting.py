"""What must come of an attack, as a sidecar says it: from the attack's own answer and the table of faults."""

from __future__ import annotations

from lxml import etree

from ccms_ws.clock import FixedClock
from ccms_ws.envelope.faults import compose_fault, read_fault
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy
from ccms_ws.envelope.policy import Profile, SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import CcmsWsError, HttpRefusal
from tests.attack.attack import Attack
from tests.attack.catalogue import ROWS
from tests.attack.vectors import Expectation, Vector
from tests.support.envelopes import QUERY, opened
from tests.support.pki import NOW


def expect(family: str, attack: Attack, message: HttpMessage) -> Vector:
    """The vector of an attack that was made."""
    how = attack.how
    clock, policy, accept = how.get("clock"), how.get("policy"), how.get("accept")
    at = clock.now() if isinstance(clock, FixedClock) else NOW
    limit = (policy if isinstance(policy, SecurityPolicy) else SecurityPolicy()).limits.message
    relates_to, only, faults, profile, connection, one_way = "", "", False, Profile.GFIPM_S2S, "", False
    if isinstance(accept, ReceivePolicy):
        profile, connection = accept.profile("adult-probation"), accept.connection
        faults, one_way = accept.faults, bool(accept.one_way)
        relates_to = accept.relates_to or ""
        only = "" if accept.permits("dmv", QUERY) else "adult-probation"
    status, fault = (0, "") if relates_to else _over_http(attack.answer, message)
    expectation = Expectation(
        attack.number, attack.name, ROWS[attack.number].reference, message.content_type, message.soap_action or "",
        attack.answer.code if attack.answer else "", status, fault, at.isoformat(), limit, relates_to, faults, only,
        profile.value if profile.is_weaker else "", connection, one_way, attack.reason, attack.remark,
    )  # fmt: skip
    return Vector(family, message.body, expectation)


def outcome_of(message: HttpMessage) -> type[CcmsWsError] | None:
    """The error that comes of a message, None if it is accepted."""
    try:
        opened(message)
    except CcmsWsError as error:
        return type(error)
    return None


def _over_http(answer: type[CcmsWsError] | None, message: HttpMessage) -> tuple[int, str]:
    if answer is None:
        return 202, ""
    if issubclass(answer, HttpRefusal):
        return int(answer.status[:3]), ""
    soap12 = message.content_type.startswith(SoapVersion.SOAP12.media_type)
    fault = compose_fault(answer(), "", SoapVersion.SOAP12 if soap12 else SoapVersion.SOAP11)
    sender = soap12 and read_fault(fault).code.endswith("}Sender")
    return (400 if sender else 500), fault_code(fault)


def fault_code(fault: etree._Element) -> str:
    """The most special code in a fault, with its prefix."""
    values = fault.xpath(".//*[local-name()='faultcode' or local-name()='Value']/text()")
    return str(values[-1])  # type: ignore[index]
