"""Whatever can go wrong between the court and a partner, as one of two verdicts: try again, or do not.

Permanent is only what the message itself is to blame for, and only in a signed fault of the partner: another attempt
would be answered the same. Whatever an unauthenticated party on the way could have sent (any HTTP status, an unsigned
fault, a broken answer), what the installation of either side may be to blame for (TLS, address, trust, rights) and what
time may heal is transient; the budget of attempts and hours ends that too. For the same reason nothing unsigned shows
that a message has not arrived.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ProtocolError

from ccms_ws.contract.namespaces import FAULT, WSA, WSSE, WSU, q
from ccms_ws.envelope.faults import SoapFault
from ccms_ws.errors import (
    ActionNotSupported,
    AnswerUnrelated,
    CcmsWsError,
    DeliveryError,
    MessageIdReused,
    NotPermitted,
    PermanentDeliveryError,
    SecurityError,
    TransientDeliveryError,
)

_PARTNER_AT_FAULT = frozenset({"Server", "Receiver", "EndpointUnavailable"})
_ABOUT_SECURITY = frozenset(
    {
        *("UnsupportedSecurityToken", "UnsupportedAlgorithm", "InvalidSecurity", "InvalidSecurityToken"),
        *("FailedAuthentication", "FailedCheck", "SecurityTokenUnavailable", "MessageExpired"),
    }
)
"""The fault codes of WSS SOAP Message Security 1.1.1, 12, and of its wsu schema."""
_LONGEST_RETRY_AFTER = timedelta(seconds=10**8)


class FailureCause(StrEnum):
    """What happened, in one stable word."""

    CONFIGURATION = "configuration"
    CONNECT = "connect"
    CONNECT_TIMEOUT = "connect.timeout"
    TLS = "tls"
    ANSWER_TIMEOUT = "answer.timeout"
    """Sent, perhaps processed, not answered in time."""
    CUT = "answer.cut"
    """The connection ended after the message was, at least in part, sent."""
    REDIRECTED = "http.redirect"
    HTTP_CLIENT_ERROR = "http.4xx"
    HTTP_SERVER_ERROR = "http.5xx"
    HTTP_OTHER = "http.other"
    FAULT_CLIENT = "fault.client"
    FAULT_SERVER = "fault.server"
    FAULT_SECURITY = "fault.security"
    FAULT_DUPLICATE = "fault.duplicate"
    """The partner has had a message of this id: this very one, if an earlier attempt may have arrived."""
    ANSWER_TOO_LARGE = "answer.too-large"
    ANSWER_MALFORMED = "answer.malformed"
    ANSWER_UNTRUSTED = "answer.untrusted"
    ANSWER_UNRELATED = "answer.unrelated"
    ANSWER_UNDECLARED = "answer.undeclared"
    """A verified answer that the partner's WSDL does not declare."""
    INTERNAL = "internal"

    @property
    def may_have_arrived(self) -> bool:
        """True if, for all that is known, the partner may have taken the message in."""
        return self not in _CERTAINLY_NOT

    @property
    def is_about_the_line(self) -> bool:
        """True if another message to this partner would probably fail for the same reason."""
        return self not in (FailureCause.CONFIGURATION, FailureCause.INTERNAL)


_CERTAINLY_NOT = frozenset(
    {
        *(FailureCause.CONFIGURATION, FailureCause.CONNECT, FailureCause.CONNECT_TIMEOUT, FailureCause.TLS),
        *(FailureCause.FAULT_CLIENT, FailureCause.FAULT_SECURITY, FailureCause.FAULT_DUPLICATE),
    }
)
_CAUSES = (
    (AnswerUnrelated, FailureCause.ANSWER_UNRELATED),
    (ActionNotSupported, FailureCause.ANSWER_UNDECLARED),
    (SecurityError, FailureCause.ANSWER_UNTRUSTED),
    (NotPermitted, FailureCause.ANSWER_UNTRUSTED),
)


def of_connection(error: requests.RequestException | OSError) -> DeliveryError:
    """The verdict on an exchange that brought no HTTP answer."""
    asked = urlsplit(str(getattr(getattr(error, "request", None), "url", None) or ""))
    where = f"{asked.hostname}:{asked.port}" if asked.port else asked.hostname or "the partner"
    return TransientDeliveryError(f"no answer from {where}: {_innermost(error)}", cause=_cause_of(error))


def _cause_of(error: Exception) -> FailureCause:
    if isinstance(error, requests.exceptions.SSLError):
        return FailureCause.TLS
    if isinstance(error, requests.ConnectTimeout):
        return FailureCause.CONNECT_TIMEOUT
    if isinstance(error, requests.Timeout):
        return FailureCause.ANSWER_TIMEOUT
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return FailureCause.CONFIGURATION
    began = error.args and isinstance(error.args[0], ProtocolError | OSError)
    return FailureCause.CUT if began or not isinstance(error, requests.ConnectionError) else FailureCause.CONNECT


def _innermost(error: BaseException) -> str:
    """What the operating system or the TLS library said, without the layers around it."""
    inside = (getattr(error, "reason", None), *error.args)
    nested = next((one for one in inside if isinstance(one, BaseException)), None)
    if nested is not None:
        return _innermost(nested)
    said = next((one.strerror for one in (error, error.__cause__) if isinstance(one, OSError) and one.strerror), None)
    return said or f"{type(error).__name__}: {error}"


def of_status(status: int, retry_after: timedelta | None) -> DeliveryError:
    """The verdict on an HTTP answer that carries no SOAP message and is no success."""
    detail = f"the partner answered HTTP {status} without a SOAP message"
    kinds = {3: FailureCause.REDIRECTED, 4: FailureCause.HTTP_CLIENT_ERROR, 5: FailureCause.HTTP_SERVER_ERROR}
    cause = kinds.get(status // 100, FailureCause.HTTP_OTHER)
    return TransientDeliveryError(detail, cause=cause, http_status=status, retry_after=retry_after)


def of_fault(fault: SoapFault, status: int, retry_after: timedelta | None) -> DeliveryError:
    """The verdict on a signed SOAP fault without an error message of the exchange: an error of the partner's service.

    A fault about message security is transient: the next attempt has a fresh timestamp and signature. A code whose
    namespace no signature binds is judged by its local name.
    """
    codes = [code for code in (fault.code, fault.subcode, *fault.deeper) if code]
    detail = f"the partner's service answered a fault: {' '.join(codes)}: {fault.reason}"
    if any(_is_about_security(code) for code in codes):
        kind, cause = TransientDeliveryError, FailureCause.FAULT_SECURITY
    elif any(_is(code, WSA, "DuplicateMessageID") for code in codes) or _says_reused(fault):
        return PermanentDeliveryError(detail, cause=FailureCause.FAULT_DUPLICATE, http_status=status)
    elif _local_name(fault.code) in _PARTNER_AT_FAULT or any(_is(code, WSA, "EndpointUnavailable") for code in codes):
        kind, cause = TransientDeliveryError, FailureCause.FAULT_SERVER
    else:
        return PermanentDeliveryError(detail, cause=FailureCause.FAULT_CLIENT, http_status=status)
    return kind(detail, cause=cause, http_status=status, retry_after=retry_after)


def _is_about_security(code: str) -> bool:
    return code.startswith((f"{{{WSSE}}}", f"{{{WSU}}}")) or (
        _is_unbound(code) and _local_name(code) in _ABOUT_SECURITY
    )


def _is(code: str, namespace: str, name: str) -> bool:
    return code == q(namespace, name) or (_is_unbound(code) and _local_name(code) == name)


def _is_unbound(code: str) -> bool:
    """Whether its namespace is anyone's word: it has a prefix that no signature binds."""
    return not code.startswith("{") and ":" in code


def _local_name(code: str) -> str:
    return code.rpartition("}")[2].rpartition(":")[2]


def _says_reused(fault: SoapFault) -> bool:
    """SOAP 1.1 has no room for the special subcode; an endpoint like ours says it in its fault's detail."""
    return fault.detail is not None and fault.detail.findtext(q(FAULT, "ErrorCode")) == MessageIdReused.code


def of_answer(error: CcmsWsError, status: int, retry_after: timedelta | None, claims: str = "") -> DeliveryError:
    """The verdict on an answer that could not be opened; `claims`: its own text, which is not authenticated."""
    kinds = (kind for kinds, kind in _CAUSES if isinstance(error, kinds))
    cause = next(kinds, FailureCause.ANSWER_MALFORMED)
    detail = f"the partner's answer was not accepted ({error.code}): {error}"
    if claims:
        detail += f"; unverified, it says: {claims}"
    return TransientDeliveryError(detail, cause=cause, http_status=status, retry_after=retry_after)


def read_retry_after(value: str, now: datetime) -> timedelta | None:
    """The Retry-After header (RFC 9110 10.2.3): seconds or a date; None if it is neither or lies in the past."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), _LONGEST_RETRY_AFTER)
    try:
        at = parsedate_to_datetime(value)
        wait = at.replace(tzinfo=at.tzinfo or UTC) - now
    except (ValueError, TypeError, LookupError, OverflowError):  # whatever a date of anyone's making brings about
        return None
    return min(wait, _LONGEST_RETRY_AFTER) if wait > timedelta(0) else None
