"""Whatever can go wrong between the court and a partner, as one of two verdicts: try again, or do not.

Permanent is only what the message itself is to blame for, told by the partner itself: another attempt would be answered
the same. What a stranger could have said (an unsigned fault, a broken answer), what the installation of either side may
be to blame for (TLS, address, trust, rights) and what time may heal is transient; the budget of attempts ends that too.
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

_ABOUT_THE_WAY = frozenset({401, 402, 403, 404, 405, 407, 408, 410, 421, 423, 425, 426, 429, 451})
"""Client errors that are about address, rights or moment, not about the message."""
_Q_DUPLICATE = q(WSA, "DuplicateMessageID")
_PARTNER_AT_FAULT = frozenset({"Server", "Receiver"})


class Cause(StrEnum):
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
        """True if another message to this partner would, as far as can be told, meet the same."""
        return self not in (Cause.CONFIGURATION, Cause.INTERNAL)


_CERTAINLY_NOT = frozenset(
    {
        *(Cause.CONFIGURATION, Cause.CONNECT, Cause.CONNECT_TIMEOUT, Cause.TLS, Cause.REDIRECTED),
        *(Cause.HTTP_CLIENT_ERROR, Cause.FAULT_CLIENT, Cause.FAULT_SECURITY, Cause.FAULT_DUPLICATE),
    }
)
_CAUSES = (
    (AnswerUnrelated, Cause.ANSWER_UNRELATED),
    (ActionNotSupported, Cause.ANSWER_UNDECLARED),
    (SecurityError, Cause.ANSWER_UNTRUSTED),
    (NotPermitted, Cause.ANSWER_UNTRUSTED),
)


def of_connection(error: requests.RequestException | OSError) -> DeliveryError:
    """The verdict on an exchange that brought no HTTP answer."""
    asked = urlsplit(str(getattr(getattr(error, "request", None), "url", None) or ""))
    where = f"{asked.hostname}:{asked.port}" if asked.port else asked.hostname or "the partner"
    return TransientDeliveryError(f"no answer from {where}: {_innermost(error)}", cause=_cause_of(error))


def _cause_of(error: Exception) -> Cause:
    if isinstance(error, requests.exceptions.SSLError):
        return Cause.TLS
    if isinstance(error, requests.ConnectTimeout):
        return Cause.CONNECT_TIMEOUT
    if isinstance(error, requests.Timeout):
        return Cause.ANSWER_TIMEOUT
    if isinstance(error, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        return Cause.CONFIGURATION
    began = error.args and isinstance(error.args[0], ProtocolError | OSError)
    return Cause.CUT if began or not isinstance(error, requests.ConnectionError) else Cause.CONNECT


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
    if 400 <= status < 500:
        kind = TransientDeliveryError if status in _ABOUT_THE_WAY else PermanentDeliveryError
        return kind(detail, cause=Cause.HTTP_CLIENT_ERROR, http_status=status, retry_after=retry_after)
    cause = Cause.REDIRECTED if 300 <= status < 400 else Cause.HTTP_SERVER_ERROR if status >= 500 else Cause.HTTP_OTHER
    return TransientDeliveryError(detail, cause=cause, http_status=status, retry_after=retry_after)


def of_fault(fault: SoapFault, status: int, retry_after: timedelta | None) -> DeliveryError:
    """The verdict on a signed SOAP fault that carries no error message of the exchange.

    A fault about message security is transient: the next attempt has a fresh timestamp and signature.
    """
    codes = (fault.code, fault.subcode, *fault.deeper)
    detail = f"the partner answered a fault: {' '.join(filter(None, codes))}: {fault.reason}"
    if any(code.startswith((f"{{{WSSE}}}", f"{{{WSU}}}")) for code in codes if code):
        kind, cause = TransientDeliveryError, Cause.FAULT_SECURITY
    elif _Q_DUPLICATE in codes or _says_reused(fault):
        return PermanentDeliveryError(detail, cause=Cause.FAULT_DUPLICATE, http_status=status)
    elif fault.code.rpartition("}")[2] in _PARTNER_AT_FAULT:
        kind, cause = TransientDeliveryError, Cause.FAULT_SERVER
    else:
        return PermanentDeliveryError(detail, cause=Cause.FAULT_CLIENT, http_status=status)
    return kind(detail, cause=cause, http_status=status, retry_after=retry_after)


def _says_reused(fault: SoapFault) -> bool:
    """SOAP 1.1 has no room for the special subcode; an endpoint like ours says it in its fault's detail."""
    return fault.detail is not None and fault.detail.findtext(q(FAULT, "ErrorCode")) == MessageIdReused.code


def of_answer(error: CcmsWsError, status: int, retry_after: timedelta | None, claims: str = "") -> DeliveryError:
    """The verdict on an answer that could not be opened; `claims`: what it says of itself, which nobody vouches for."""
    kinds = (kind for kinds, kind in _CAUSES if isinstance(error, kinds))
    cause = next(kinds, Cause.ANSWER_MALFORMED)
    detail = f"the partner's answer was not accepted ({error.code}): {error}"
    if claims:
        detail += f"; unverified, it says: {claims}"
    return TransientDeliveryError(detail, cause=cause, http_status=status, retry_after=retry_after)


def read_retry_after(value: str, now: datetime) -> timedelta | None:
    """The Retry-After header (RFC 9110 10.2.3): seconds or a date; None if it is neither or lies in the past."""
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), 10**8))
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    wait = at.replace(tzinfo=at.tzinfo or UTC) - now
    return wait if wait > timedelta(0) else None
