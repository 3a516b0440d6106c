"""A client made from a partner's WSDL: one message out, sealed; one answer in, opened as strictly as any request.

`zeep.Client` sends, with the WSDL's binding and operation; `stored_payload` has what the court adds to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from lxml.etree import _Element
from zeep import Client, Settings

from ccms_ws.clients import delivery_failures
from ccms_ws.clients.deadlines import sending_until
from ccms_ws.clients.operations import Operation, operation_for, read_document, read_operations
from ccms_ws.clients.stored_payload import PayloadSecurity, StoredAddressing, StoredPayload
from ccms_ws.clients.transport import HttpAnswer, PartnerTransport, TransportSettings
from ccms_ws.clients.unverified import describe_fault, is_empty, is_envelope
from ccms_ws.clock import Clock
from ccms_ws.contract.pins import check_pins
from ccms_ws.domain.messages import OutgoingMessage, SentEnvelope
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import VerifiedEnvelope
from ccms_ws.envelope.policy import SecurityPolicy, TokenReference
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.streaming import SealedStream
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import (
    CcmsWsError,
    ContractError,
    LimitExceeded,
    MalformedEnvelope,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from ccms_ws.failpoints import failpoint

OnWire = Callable[[bytes, bytes | None], None]
"""Called after each attempt with the bytes that left and the body that came back (None: no HTTP answer)."""

_SOAP_TYPES = frozenset(version.media_type for version in SoapVersion)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a partner answered in the HTTP response. `payload`: a reply, or the error message in a declared fault."""

    envelope: VerifiedEnvelope
    payload: _Element
    raw: bytes


@dataclass(frozen=True, slots=True)
class Receipt:
    """A message was delivered. `answer` is None if the partner said nothing more; `remark`: what was odd about that."""

    http_status: int
    answer: Answer | None = None
    remark: str = ""


class PartnerClient:
    """Sends to one partner. Make it once and share it: threads may send at the same time, over kept connections."""

    def __init__(
        self,
        wsdl: str | os.PathLike[str],
        *,
        partner_id: str,
        identity: Identity,
        trust: TrustStore,
        policy: SecurityPolicy,
        clock: Clock,
        token_reference: TokenReference = TokenReference.DIRECT,
        transport: TransportSettings | None = None,
        on_wire: OnWire | None = None,
    ) -> None:
        """`partner_id`: whose signature, by `trust`, answers must bear. `token_reference`: how our signatures name our
        certificate. A policy of a weaker profile needs mutual TLS in `transport`, and holds for answers too. Raises
        ContractError for an unusable WSDL, and for one that is not as it was pinned when it was imported.
        """
        wsdl = Path(wsdl)
        check_pins(wsdl)
        self._operations = read_operations(wsdl)
        self._wsdl = wsdl
        self._security = PayloadSecurity(
            peer_id=partner_id,
            identity=identity,
            trust=trust,
            policy=policy,
            clock=clock,
            token_reference=token_reference,
        )
        self._transport = PartnerTransport(transport or TransportSettings())
        self._client = Client(  # type: ignore[no-untyped-call]
            read_document(wsdl),
            wsse=self._security,
            transport=self._transport,
            plugins=[StoredAddressing()],
            settings=Settings(raw_response=True),
        )
        self._on_wire = on_wire

    def send(
        self,
        message: OutgoingMessage,
        *,
        url: str,
        soap: SoapVersion,
        relates_to: str | None = None,
        not_after: float | None = None,
        on_sealed: Callable[[SentEnvelope], None] | None = None,
    ) -> Receipt:
        """Send once and wait for the answer.

        `relates_to`: the id (an IRI) of a message that this one answers. Nothing leaves after `not_after`
        (`clock.running_time`). `on_sealed`: called with the envelope before it is sent.

        Success is an HTTP 2xx that says nothing or has an envelope with an empty Body, a declared reply, or a declared
        fault with its detail. A 2xx without a SOAP message is a success of a one-way operation, with a remark: HTTP
        says that the partner has the message, and TLS who says so. Raises TransientDeliveryError or
        PermanentDeliveryError for everything else.
        """
        operation = self._operation(message.root, soap)
        service = self._client.create_service(operation.binding, url)  # type: ignore[no-untyped-call]
        payload = StoredPayload.of(message, action=operation.action, relates_to=relates_to, on_sealed=on_sealed)
        received: bytes | None = None
        failpoint("send.before-seal")
        try:
            with sending_until(not_after):
                http: HttpAnswer = service[operation.name](payload)
            received = http.body
        except LimitExceeded as error:  # sooner or later it would be the same
            raise PermanentDeliveryError(
                f"cannot be sealed: {error}", cause=delivery_failures.FailureCause.INTERNAL
            ) from None
        except TransientDeliveryError as error:
            if not operation.one_way or not _is_success(error.http_status):
                raise
            return Receipt(error.http_status, remark=f"its body was not read: {error.detail}")
        finally:
            if self._on_wire is not None and payload.sealed is not None:
                self._on_wire(
                    b"".join(payload.sealed) if isinstance(payload.sealed, SealedStream) else payload.sealed, received
                )
        failpoint("send.answered")
        return self._read(http, operation, payload.message_id)

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def _operation(self, root: str, soap: SoapVersion) -> Operation:
        operation = self._operations.get((soap, root))
        if operation is not None:
            return operation
        try:
            return operation_for(self._wsdl, root, soap)
        except ContractError as error:
            raise TransientDeliveryError(
                str(error), hint=error.hint, cause=delivery_failures.FailureCause.CONFIGURATION
            ) from None

    def _read(self, http: HttpAnswer, operation: Operation, message_id: str) -> Receipt:
        policy = self._security.policy
        retry_after = delivery_failures.read_retry_after(
            http.headers.get("Retry-After", ""), self._security.clock.now()
        )
        content_type = http.headers.get("Content-Type", "")
        success = _is_success(http.status)
        if success and (not http.body or is_empty(http.body, policy.limits)):
            return Receipt(http.status)
        if success and operation.one_way and not is_envelope(http.body):
            return Receipt(http.status, remark=_about_body(http.body, content_type))
        if content_type.partition(";")[0].strip().lower() not in _SOAP_TYPES:
            if success:
                wrong = MalformedEnvelope("the answer is no SOAP message")
                raise delivery_failures.of_answer(wrong, http.status, retry_after)
            raise delivery_failures.of_status(http.status, retry_after)
        try:
            opened = self._security.verify(http, answers=operation.answers, relates_to=message_id)
        except CcmsWsError as error:
            raise delivery_failures.of_answer(
                error, http.status, retry_after, describe_fault(http.body, policy.limits)
            ) from error
        fault = opened.fault
        remark = "" if policy.profile.is_weaker else "; ".join(opened.remarks)  # there it is the same each time
        if fault is None:
            return Receipt(http.status, Answer(opened, opened.payload, http.body), remark)
        if fault.detail is not None and fault.detail.tag in operation.answers:
            return Receipt(http.status, Answer(opened, fault.detail, http.body), remark)
        raise delivery_failures.of_fault(fault, http.status, retry_after)


def _is_success(status: int | None) -> TypeGuard[int]:
    return status is not None and 200 <= status < 300


def _about_body(body: bytes, content_type: str) -> str:
    """What came beside a success, without any of its words: they are not signed."""
    if not body.strip():
        return "the answer's body is blank"
    return f"the answer's body is no SOAP message ({len(body)} bytes, {content_type[:100] or 'of no type'!r})"
