"""The names of the checks of `open_envelope`, and the report of what each of them found."""

from __future__ import annotations

from contextlib import AbstractContextManager
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, NoReturn, Protocol

from ccms_ws.errors import CcmsWsError, InternalError

if TYPE_CHECKING:
    from lxml.etree import _Element

    from ccms_ws.envelope.addressing import Addressing
    from ccms_ws.envelope.signature_xml import ParsedSignature
    from ccms_ws.envelope.soap_parts import MessageParts, UnsignedMessageParts


class Check(StrEnum):
    """The checks, in their order."""

    MEDIA_TYPE = "Content-Type"
    XML = "XML and its limits"
    STRUCTURE = "SOAP structure and headers"
    VERSION = "SOAP version"
    IDS = "unique ids"
    SIGNATURE_FORM = "algorithms, transforms and references"
    CERTIFICATE = "certificate and partner"
    SIGNATURE_VALUE = "signature value"
    DIGESTS = "digests"
    COVERAGE = "signed parts"
    TIMESTAMP = "Timestamp"
    FRESHNESS = "freshness"
    ADDRESSING = "addressing headers"
    OPERATION = "wsa:Action and payload"
    SOAP_ACTION = "SOAPAction"
    DESTINATION = "wsa:To"
    REPLY_ADDRESSES = "wsa:ReplyTo and wsa:FaultTo"
    RELATION = "wsa:RelatesTo"
    PERMISSION = "permission"


class CheckResult(NamedTuple):
    """What one check found: `error` is None if the message passed."""

    check: Check
    error: CcmsWsError | None


class Checks(Protocol):
    """How `open_envelope` runs its checks: each in a `with checks(Check.X):` block."""

    def __call__(self, check: Check) -> AbstractContextManager[object, bool]: ...

    def read(
        self,
        *,
        root: _Element | None = None,
        parts: MessageParts | UnsignedMessageParts | None = None,
        claims: ParsedSignature | None = None,
        addressing: Addressing | None = None,
    ) -> None:
        """Note what has been read."""

    def finish(self) -> None:
        """Raise the first failure, if there was any."""

    def stop(self) -> NoReturn:
        """Raise the first failure: without what it hides, nothing more can be checked."""


class StopAtFirst:
    """The checks of a receiver: the first failure is raised where it occurs."""

    def __call__(self, check: Check) -> AbstractContextManager[object, bool]:
        return _PASS_ON

    def read(self, **_found: object) -> None:
        """Keep nothing."""

    def finish(self) -> None:
        """Do nothing: a failure would have been raised."""

    def stop(self) -> NoReturn:
        raise InternalError("a check failed without an error")


class Report:
    """The result of every check that could be made of one message, and what was read of it.

    Nothing in a report may be believed: only the `VerifiedEnvelope` that `open_envelope` returns is verified, and it
    returns none if a check failed. A check that needs what an earlier one failed to read is not in `results`.
    """

    def __init__(self) -> None:
        self.results: list[CheckResult] = []
        self.remarks: list[str] = []
        """Tolerated departures from the profile, as in `VerifiedEnvelope.remarks`."""
        self.root: _Element | None = None
        self.parts: MessageParts | UnsignedMessageParts | None = None
        self.claims: ParsedSignature | None = None
        self.addressing: Addressing | None = None

    @property
    def first_failure(self) -> CheckResult | None:
        """The check at which a receiver stops; None if the message passed all."""
        return next((result for result in self.results if result.error is not None), None)

    def __call__(self, check: Check) -> AbstractContextManager[object, bool]:
        return _Noted(self.results, check)

    def read(
        self,
        *,
        root: _Element | None = None,
        parts: MessageParts | UnsignedMessageParts | None = None,
        claims: ParsedSignature | None = None,
        addressing: Addressing | None = None,
    ) -> None:
        """Note what has been read."""
        self.root = self.root if root is None else root
        self.parts = parts or self.parts
        self.claims = claims or self.claims
        self.addressing = addressing or self.addressing

    def finish(self) -> None:
        """Raise the first failure, if there was any."""
        failure = self.first_failure
        if failure is not None and failure.error is not None:
            raise failure.error

    def stop(self) -> NoReturn:
        """Raise the first failure: without what it hides, nothing more can be checked."""
        self.finish()
        raise InternalError("a check failed without an error")


class _Noted:
    """One check of a report: an error of ours is noted and goes no further."""

    def __init__(self, results: list[CheckResult], check: Check) -> None:
        self._results = results
        self._check = check

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> bool:
        if error is None:
            self._results.append(CheckResult(self._check, None))
        elif isinstance(error, CcmsWsError):
            self._results.append(CheckResult(self._check, error))
            return True
        return False


class _PassOn:
    """One check of a receiver: every error goes on."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_raised: object) -> Literal[False]:
        return False


_PASS_ON: Final = _PassOn()
STOP_AT_FIRST: Final = StopAtFirst()
