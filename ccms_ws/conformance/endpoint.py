"""One partner's endpoint on the wire: messages sealed by the kit's court, and what comes back in the HTTP response."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from ccms_ws.clock import Clock
from ccms_ws.conformance.message_checks import Examiner, MessageCheck, Standard
from ccms_ws.conformance.messages import Said
from ccms_ws.contract.wsdl import WsdlOperation, load_wsdl
from ccms_ws.contract.wsdl_check import bound_for
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.message_parts.metadata import Metadata
from ccms_ws.replay.case import ExpectedOutcome
from ccms_ws.replay.draft import Draft, Request
from ccms_ws.replay.remote import Wire
from ccms_ws.replay.unverified_reader import LIMITS
from ccms_ws.replay.verdicts import Seen, see

_VERSIONS: Final = {"1.1": SoapVersion.SOAP11, "1.2": SoapVersion.SOAP12}
_INSIDE: Final = re.compile(
    rb"Traceback \(most|\bat [\w$.<>]+\([\w$]+\.(java|kt|scala):\d+\)|\.py\", line \d+|System\.\w+Exception|"
    rb"java\.(lang|io|util)\.|org\.(apache|springframework)\.|\bORA-\d{5}|SQLSTATE|\bstack ?trace\b|"
    rb"/(usr|home|opt|var)/[\w./-]+\.\w+|[A-Z]:\\\\[\w\\\\.]+|PHP (Fatal|Warning|Notice)|libxml2?\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the partner did with one request: what came back, and what it says if it is a message."""

    seen: Seen
    answer: MessageCheck | None = None

    @property
    def taken(self) -> bool:
        """The message was taken, with or without an answer."""
        if self.seen.outcome is ExpectedOutcome.ACCEPTED:
            return self.seen.answer.status in (200, 202, 204)
        return self.answer is not None and self.answer.payload is not None

    @property
    def refused(self) -> bool:
        """It was refused so that the court notices: an HTTP error, or a fault."""
        return not self.taken and (self.seen.answer.status >= 400 or self.is_fault)

    @property
    def is_fault(self) -> bool:
        """A SOAP fault came, with or without an error message in it."""
        return self.seen.outcome in (ExpectedOutcome.FAULT, ExpectedOutcome.ERROR)

    @property
    def inside(self) -> str:
        """Something of the partner's inside that the response shows; empty if nothing."""
        found = _INSIDE.search(self.seen.answer.body)
        return "" if found is None else found[0].decode("utf-8", "replace")

    def __str__(self) -> str:
        return str(self.seen)


class Endpoint:
    """The partner's endpoint at `url`, as its WSDL says it works."""

    def __init__(
        self, url: str, wsdl: Path, root: str, *, wire: Wire, court: Identity, trust: TrustStore, clock: Clock,
        examiner: Examiner, expected: Callable[[Metadata], str],
    ) -> None:  # fmt: skip
        """`root`: of what the court sends. Raises ContractError if the WSDL has no operation for it."""
        read = load_wsdl(wsdl.resolve())
        first = bound_for(read, root, name=wsdl.name)
        self.url = url
        self.operation: WsdlOperation = first.operation
        ports = (each.port for each in read.bound if each.same_operation(first))
        self.versions = tuple(dict.fromkeys(_VERSIONS[port.soap_version] for port in ports))
        self.court = court
        self._wire, self._trust, self._clock, self._examiner = wire, trust, clock, examiner
        self._expected = expected

    @property
    def answers_at_once(self) -> bool:
        """True if the WSDL declares an answer in the HTTP response."""
        return bool(self.operation.output) or bool(self.operation.faults)

    def draft(self, said: Said, version: SoapVersion | None = None) -> Draft:
        return Draft(
            payload=said.payload,
            to=self.url,
            action=self.operation.input_action,
            message_id=said.message_id,
            version=version or self.versions[0],
            signer=self.court,
            at=self._clock.now() - timedelta(milliseconds=1),
        )

    def post(self, request: Request, said: Said) -> Reaction:
        """Send it, and look at what comes back. Raises TransientDeliveryError if nothing does."""
        seen = see(self._wire.post(self.url, request))
        declared = self._declared()
        answers = seen.root is not None and next(seen.root.iter(*declared), None) is not None if declared else False
        if not answers:
            return Reaction(seen)
        headers = seen.answer.headers
        received = HttpMessage(seen.answer.body, headers.get("content-type", ""), headers.get("soapaction"))
        standard = Standard(
            trust=self._trust,
            policy=SecurityPolicy(limits=LIMITS),
            acceptance=ReceivePolicy(
                to=frozenset(),
                operations=declared,
                permits=lambda _partner, _root: True,
                relates_to=f"urn:uuid:{said.message_id}",
                faults=True,
            ),
            now=self._clock.now(),
            expected=self._expected,
        )
        return Reaction(seen, self._examiner.examine(received, standard))

    def request(self, method: str) -> Seen:
        """An HTTP request without a message."""
        return see(self._wire.post(self.url, Request(body=b"", content_type="text/plain", method=method)))

    def _declared(self) -> Mapping[str, str]:
        """Element to wsa:Action of the answers that the WSDL declares."""
        declared = {fault.element: fault.action for fault in self.operation.faults.values()}
        if self.operation.output:
            declared[self.operation.output] = self.operation.output_action
        return declared
