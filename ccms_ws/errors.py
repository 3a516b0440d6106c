"""The one tree of errors. Each condition has one stable `code`; the docstring's first line is its default message.

    CcmsWsError
      ConfigError
      FileRefused           in tabular_files
      ContractError         SchemaViolated, UnknownMessage, ContractMissing
      HttpRefusal           MethodNotAllowed, LengthRequired, MessageTooLarge, UnsupportedMediaType, RequestMalformed,
                            RequestTimeout, ServiceNotFound, Overloaded
      EnvelopeError         MalformedEnvelope, LimitExceeded, SoapVersionMismatch, HeaderNotUnderstood
        AddressingError     AddressingHeaderMissing, AddressingHeaderInvalid, ActionMismatch, ActionNotSupported,
                            DestinationUnreachable, ReplyAddressRefused, MessageIdReused, AnswerUnrelated
        SecurityError       SecurityHeaderInvalid, AlgorithmRefused, TokenUnsupported, TokenInvalid, TokenUnavailable,
                            SignerNotTrusted, SignatureInvalid, DigestMismatch, PartNotSigned, TimestampOutOfRange
        NotPermitted
      ExchangeError         business refusals; subclasses are beside their rule in the exchange
      StoreError            ConcurrentChange, StoreUnavailable, NotStored
      DeliveryError         TransientDeliveryError, PermanentDeliveryError
      OperatorRefused       MessageNotDead, MessageNotWaiting, SubjectsDiffer
      InternalError         unexpected errors

`str(error)` is for the operator. `ccms_ws.envelope.faults` alone decides what an unauthenticated sender may read.
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class CcmsWsError(Exception):
    """Something went wrong in ccms_ws."""

    code: ClassVar[str] = "ccms-ws"
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str = "", *, rule: str = "", hint: str = "") -> None:
        """`detail`: the specific problem; `rule`: the violated clause ("BSP R5205"); `hint`: advice for the reader."""
        self.detail = detail or (type(self).__doc__ or "").partition("\n")[0]
        self.rule = rule
        self.hint = hint
        super().__init__(self.detail)

    def __str__(self) -> str:
        return self.detail + (f" [{self.rule}]" if self.rule else "")


class ConfigError(CcmsWsError):
    """The configuration cannot be used."""

    code = "config.invalid"


# -- contract ---------------------------------------------------------------------------------------------------------
class ContractError(CcmsWsError):
    """A message or file does not conform to the published contract."""

    code = "contract"


class SchemaViolated(ContractError):
    """The message does not conform to the published schema."""

    code = "contract.schema-violated"

    def __init__(self, detail: str = "", *, node: str = "", rule: str = "", hint: str = "") -> None:
        """`node`: the element at fault, with its usual prefix ("nc:Date"). Neither it nor `detail` contains a value."""
        super().__init__(detail, rule=rule, hint=hint)
        self.node = node


class UnknownMessage(ContractError):
    """No exchange declares this message."""

    code = "contract.unknown-message"


class ContractMissing(ContractError):
    """A schema or WSDL that is needed cannot be found."""

    code = "contract.missing"


# -- HTTP -------------------------------------------------------------------------------------------------------------
class HttpRefusal(CcmsWsError):
    """The HTTP request cannot carry a message."""

    code = "http"
    status: ClassVar[str] = "400 Bad Request"


class RequestMalformed(HttpRefusal):
    """The HTTP request is malformed."""

    code = "http.malformed"


class MethodNotAllowed(HttpRefusal):
    """Messages are sent with POST."""

    code = "http.method-not-allowed"
    status = "405 Method Not Allowed"


class RequestTimeout(HttpRefusal):
    """The request did not arrive in time."""

    code = "http.request-timeout"
    status = "408 Request Timeout"


class LengthRequired(HttpRefusal):
    """The request must state its Content-Length or be chunked."""

    code = "http.length-required"
    status = "411 Length Required"


class MessageTooLarge(HttpRefusal):
    """The message is larger than this endpoint accepts."""

    code = "http.message-too-large"
    status = "413 Content Too Large"


class UnsupportedMediaType(HttpRefusal):
    """The Content-Type, charset or Content-Encoding is not accepted here."""

    code = "http.unsupported-media-type"
    status = "415 Unsupported Media Type"


class ServiceNotFound(HttpRefusal):
    """There is no service at this address."""

    code = "http.service-not-found"
    status = "404 Not Found"


class Overloaded(HttpRefusal):
    """The endpoint is at its limit; try again later."""

    code = "http.overloaded"
    status = "503 Service Unavailable"
    retryable = True


# -- envelope ---------------------------------------------------------------------------------------------------------
class EnvelopeError(CcmsWsError):
    """The SOAP envelope cannot be accepted."""

    code = "envelope"


class MalformedEnvelope(EnvelopeError):
    """The bytes are not one well-formed SOAP envelope."""

    code = "envelope.malformed"


class LimitExceeded(EnvelopeError):
    """The message exceeds a structural limit."""

    code = "envelope.limit-exceeded"


class SoapVersionMismatch(EnvelopeError):
    """The envelope is of a SOAP version that this binding does not speak."""

    code = "envelope.version-mismatch"


class HeaderNotUnderstood(EnvelopeError):
    """A mandatory header block is not understood."""

    code = "envelope.header-not-understood"


class NotPermitted(EnvelopeError):
    """The partner is not entitled to this operation."""

    code = "envelope.not-permitted"


class AddressingError(EnvelopeError):
    """The WS-Addressing headers cannot be accepted."""

    code = "addressing"


class AddressingHeaderMissing(AddressingError):
    """A required WS-Addressing header is missing."""

    code = "addressing.header-missing"


class AddressingHeaderInvalid(AddressingError):
    """A WS-Addressing header is repeated or malformed."""

    code = "addressing.header-invalid"


class ActionMismatch(AddressingError):
    """wsa:Action, SOAPAction (in quotes) and the message in the Body do not agree."""

    code = "addressing.action-mismatch"


class ActionNotSupported(AddressingError):
    """The action is not offered at this address."""

    code = "addressing.action-not-supported"


class DestinationUnreachable(AddressingError):
    """wsa:To names another endpoint."""

    code = "addressing.destination-unreachable"


class ReplyAddressRefused(AddressingError):
    """wsa:ReplyTo and wsa:FaultTo must be absent or anonymous, or the none address on a one-way message."""

    code = "addressing.reply-address-refused"


class MessageIdReused(AddressingError):
    """The message id was used before for other content."""

    code = "addressing.message-id-reused"


class AnswerUnrelated(AddressingError):
    """The answer does not relate to the message that was sent."""

    code = "addressing.answer-unrelated"


class SecurityError(EnvelopeError):
    """The message security cannot be accepted."""

    code = "security"


class SecurityHeaderInvalid(SecurityError):
    """The security header is missing or malformed."""

    code = "security.header-invalid"


class AlgorithmRefused(SecurityError):
    """A signature, digest, canonicalization or transform algorithm is not on the allow-list."""

    code = "security.algorithm-refused"


class TokenUnsupported(SecurityError):
    """The security token is of a kind that is not accepted."""

    code = "security.token-unsupported"


class TokenInvalid(SecurityError):
    """The security token is malformed, expired, revoked or not meant for signing."""

    code = "security.token-invalid"


class TokenUnavailable(SecurityError):
    """The referenced security token cannot be found."""

    code = "security.token-unavailable"


class SignerNotTrusted(SecurityError):
    """The signer's certificate belongs to no partner."""

    code = "security.signer-not-trusted"


class SignatureInvalid(SecurityError):
    """The signature value does not verify."""

    code = "security.signature-invalid"


class DigestMismatch(SecurityError):
    """A signed part was changed after it was signed."""

    code = "security.digest-mismatch"


class PartNotSigned(SecurityError):
    """A part that must be signed is not covered by the signature."""

    code = "security.part-not-signed"


class TimestampOutOfRange(SecurityError):
    """The message is not fresh."""

    code = "security.timestamp-out-of-range"


# -- business, store, delivery ----------------------------------------------------------------------------------------
class ExchangeError(CcmsWsError):
    """The exchange cannot process this message."""

    code = "exchange"


class StoreError(CcmsWsError):
    """The database operation failed."""

    code = "store"


class NotStored(StoreError):
    """The requested record is not in the database."""

    code = "store.not-found"


class ConcurrentChange(StoreError):
    """The record was changed by another transaction."""

    code = "store.concurrent-change"
    retryable = True


class StoreDamaged(StoreError):
    """The database is damaged, or its files do not belong together."""

    code = "store.damaged"


class StoreReadOnly(StoreError):
    """The database cannot be written."""

    code = "store.read-only"


class StoreUnavailable(StoreError):
    """The database cannot be reached or is locked."""

    code = "store.unavailable"
    retryable = True


class DeliveryError(CcmsWsError):
    """A message could not be delivered."""

    code = "delivery"

    def __init__(
        self,
        detail: str = "",
        *,
        cause: str = "",
        http_status: int | None = None,
        retry_after: timedelta | None = None,
        rule: str = "",
        hint: str = "",
    ) -> None:
        """`cause`: a stable word for the failure (`clients.delivery_failures`); `retry_after`: the requested wait."""
        super().__init__(detail, rule=rule, hint=hint)
        self.cause = cause
        self.http_status = http_status
        self.retry_after = retry_after


class TransientDeliveryError(DeliveryError):
    """A message could not be delivered; another attempt may succeed."""

    code = "delivery.transient"
    retryable = True


class PermanentDeliveryError(DeliveryError):
    """A message could not be delivered, and sending it again would not help."""

    code = "delivery.permanent"


class OperatorRefused(CcmsWsError):
    """The operator's action is not possible."""

    code = "operator"


class MessageNotDead(OperatorRefused):
    """The message is not dead."""

    code = "operator.message-not-dead"


class MessageNotWaiting(OperatorRefused):
    """Only a waiting message can be held, and only a held one can be released."""

    code = "operator.message-not-waiting"


class OrderingKeysDiffer(OperatorRefused):
    """A message can only replace one about the same court, cases and participants."""

    code = "operator.subjects-differ"


class InternalError(CcmsWsError):
    """Something unforeseen happened; the incident id leads to the explanation."""

    code = "internal"
