"""Play cases against an endpoint that runs somewhere: reissued (live), or the recorded bytes (as is)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from ccms_ws.clock import Clock, SystemClock
from ccms_ws.envelope.canonical import canonical
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.trust import TrustStore
from ccms_ws.errors import CcmsWsError, ConfigError, TransientDeliveryError
from ccms_ws.replay import pki
from ccms_ws.replay.case import Books, Case, ExpectedOutcome, Post
from ccms_ws.replay.casefile import read_case
from ccms_ws.replay.diff import Difference, tolerate
from ccms_ws.replay.draft import Request
from ccms_ws.replay.normalize import Ids, Roles, Times
from ccms_ws.replay.reissue import Occasion, renew
from ccms_ws.replay.results import CaseResult, RunResult, StepResult
from ccms_ws.replay.unverified_reader import find_tree, message_id_of, payload_of
from ccms_ws.replay.verdicts import Answer, Reader, Seen, exchange_at, in_words, judge, see

Signers = Callable[[str], Identity | None]
"""The key to sign with for a partner id; None if there is none, then the case is skipped."""

Play = Callable[["Case", "Target", "Wire"], Iterator[StepResult]]

_SKEW: Final = timedelta(seconds=60)
_TIMEOUT: Final = (5, 30)
_STALE: Final = "security.timestamp-out-of-range"
_UNKNOWN: Final = "security.signer-not-trusted"
_LARGEST: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Signing:
    """With which key messages are signed. `owner`: the partner whose key it is, empty if every partner has one."""

    signer: Signers
    owner: str = ""

    @classmethod
    def published(cls) -> Signing:
        """The published test keys, one for each partner of the demo court."""
        return cls(lambda partner: pki.identity(pki.NAME_OF[partner]) if partner in pki.NAME_OF else None)

    @classmethod
    def with_key(cls, key: Identity, owner: str) -> Signing:
        """The key of one partner; unsigned messages are sent with it too."""
        return cls(lambda partner: key if partner in (owner, "") else None, owner)


def owner_of(folders: Iterable[Path], key: Identity) -> str:
    """The partner whose recorded messages were signed with this key, or the only one that sent any.

    Raises ConfigError if neither says whose key it is.
    """
    senders: set[str] = set()
    token = key.certificate_text.encode()
    for folder in folders:
        for step in read_case(folder).steps:
            if isinstance(step, Post) and step.partner:
                senders.add(step.partner)
                if token in b"".join(step.request.body.split()):
                    return step.partner
    if len(senders) != 1:
        raise ConfigError(
            f"these cases were signed by {', '.join(sorted(senders)) or 'no partner'}, none of them with this key",
            hint="say whose key it is: --partner PARTNER",
        )
    return senders.pop()


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files. `authority`: who certified the endpoint, if no public one did; `client`: certificate and key."""

    authority: Path | None = None
    client: tuple[Path, Path] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The endpoint: its public URL, below which each exchange has its path, and whose signature answers must bear.

    `owner`: the partner to whom the only key belongs, if there is but one. `keep_ids`: messages keep their recorded
    ids; then only the first of two runs is a new message to the endpoint.
    """

    url: str
    trust: TrustStore
    signers: Signers
    owner: str = ""
    keep_ids: bool = False
    tls: Tls | None = None
    clock: Clock = field(default_factory=SystemClock)


class _NotKnownThere(Exception):
    """Recorded bytes say nothing to an endpoint that cannot verify them."""


class Wire:
    """HTTP to the endpoint. Threads may share one. Connections are kept until it is closed, unless `keep` is False:
    then no server's way of ending them can be taken for an answer.
    """

    def __init__(self, connections: int = 4, *, keep: bool = True, tls: Tls | None = None) -> None:
        self._tls = tls or Tls()
        self._kept = _session(connections, self._tls) if keep else None

    def post(self, url: str, request: Request) -> Answer:
        """One HTTP request. Raises TransientDeliveryError if no answer comes."""
        if self._kept is not None:
            return _post(self._kept, url, request)
        with closing(_session(1, self._tls)) as session:
            return _post(session, url, request)

    def close(self) -> None:
        if self._kept is not None:
            self._kept.close()


def _session(connections: int, tls: Tls) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(tls.authority) if tls.authority else True
    session.cert = (str(tls.client[0]), str(tls.client[1])) if tls.client else None
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
    return session


def _post(session: requests.Session, url: str, request: Request) -> Answer:
    try:
        with session.request(
            request.method, url, data=request.body, headers=request.http_headers, timeout=_TIMEOUT,
            allow_redirects=False, stream=True,
        ) as response:  # fmt: skip
            body = response.raw.read(_LARGEST, decode_content=True)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, headers, body)
    except (requests.RequestException, HTTPError, OSError) as error:
        raise TransientDeliveryError(f"no answer from {url}: {error}") from error


# -- many cases -------------------------------------------------------------------------------------------------------
def replay_live(
    folders: Sequence[Path], target: Target, *, jobs: int = 1, tell: Callable[[CaseResult], None] = lambda _: None
) -> RunResult:
    """Reissue each recorded message: at this moment, signed with `target.signers`, under a new id or its own."""
    return _run("live", folders, lambda folder, wire: _told(folder, target, wire, _live, tell), target, jobs=jobs)


def replay_as_is(
    folders: Sequence[Path], target: Target, *, jobs: int = 1, tell: Callable[[CaseResult], None] = lambda _: None
) -> RunResult:
    """Send the recorded bytes: each must be refused, as stale if nothing else is wrong with it, or be known already."""
    return _run("as is", folders, lambda folder, wire: _told(folder, target, wire, _as_is, tell), target, jobs=jobs)


def _run(
    mode: str, folders: Sequence[Path], play: Callable[[Path, Wire], CaseResult], target: Target, *, jobs: int
) -> RunResult:
    started, wire = time.perf_counter(), Wire(jobs, tls=target.tls)
    with closing(wire), ThreadPoolExecutor(jobs) as pool:
        cases = list(pool.map(lambda folder: play(folder, wire), folders))
    seconds = round(time.perf_counter() - started, 3)
    return RunResult(mode=mode, cases=cases, seconds=seconds, target=target.url)


def _told(folder: Path, target: Target, wire: Wire, play: Play, tell: Callable[[CaseResult], None]) -> CaseResult:
    result = _played(folder, target, wire, play)
    tell(result)
    return result


def _played(folder: Path, target: Target, wire: Wire, play: Play) -> CaseResult:
    started = time.perf_counter()
    result = CaseResult(name=folder.name, title="", exchanges=())
    steps: list[StepResult] = []
    try:
        case = read_case(folder)
        result = replace(result, title=case.title, exchanges=case.exchanges)
        if why := _why_not(case, target, play is _live):
            return replace(result, skipped=True, reason=why)
        steps.extend(play(case, target, wire))
    except TransientDeliveryError:
        raise
    except _NotKnownThere as unknown:
        return replace(result, skipped=True, reason=str(unknown))
    except (CcmsWsError, LookupError, ValueError) as error:
        result = replace(result, reason=str(error) or repr(error))
    return replace(result, steps=steps, seconds=round(time.perf_counter() - started, 4))


def _why_not(case: Case, target: Target, live: bool) -> str:
    """Why the case cannot be played there; empty if it can."""
    if case.not_live:
        return case.not_live
    if not all(isinstance(step, Post) for step in case.steps):
        return "it needs the clock or the hands of the court"
    if live and (case.sent or case.books is Books.MADE):
        return "the endpoint has not on file what it needs"
    lacking = {step.partner for step in case.steps if isinstance(step, Post)} if live else set()
    if nobody := sorted(name for name in lacking if target.signers(name) is None):
        signers = ", ".join(map(repr, nobody))
        return (
            f"it is signed by {signers}, and the key is {target.owner}'s"
            if target.owner
            else (f"there is no key of {signers}")
        )
    return ""


def _url(step: Post, target: Target) -> str:
    return target.url.rstrip("/") + step.path


# -- live -------------------------------------------------------------------------------------------------------------
def _live(case: Case, target: Target, wire: Wire) -> Iterator[StepResult]:
    """One moment for the whole conversation: a message that is sent again says what it said."""
    ids, at = Ids(), target.clock.now()
    for step in case.steps:
        if isinstance(step, Post):
            yield _say_anew(_Talk(case, target, wire, ids, at), step)


@dataclass(frozen=True, slots=True)
class _Talk:
    """One conversation with the endpoint, all of it at the moment `at`."""

    case: Case
    target: Target
    wire: Wire
    ids: Ids
    at: datetime


def _say_anew(talk: _Talk, step: Post) -> StepResult:
    target, signer = talk.target, talk.target.signers(step.partner)
    if signer is None:
        raise ConfigError(f"there is no key of {step.partner!r}")
    url = _url(step, target)
    occasion = Occasion(at=talk.at, recorded_at=talk.case.at, signer=signer, to=url)
    request = _renewed(step, occasion, talk.ids, new_id=not target.keep_ids)
    seen = see(talk.wire.post(url, request))
    times = Times(talk.case.at, talk.at - _SKEW, target.clock.now() + _SKEW)
    exchange, sent_id = exchange_at(step.path), message_id_of(request.body)
    reader = None if exchange is None else Reader(exchange, sent_id, target.trust, target.clock)
    found = judge(step.expected, seen, Roles(talk.ids, Ids(), times, {}, same_seal=False), reader)
    return StepResult(
        name=step.name,
        expected=in_words(step.expected.outcome, step.expected.code, step.expected.status),
        actual=str(seen),
        differences=tolerate(found, talk.case.may_differ),
    )


def _renewed(step: Post, occasion: Occasion, ids: Ids, *, new_id: bool) -> Request:
    """What a recorded request without message security, or without a message, says is the same at any time."""
    try:
        request = renew(step, occasion, ids, new_id=new_id)
    except ConfigError:
        return step.request
    recorded = step.request
    return replace(request, method=recorded.method) if recorded.method != "POST" else request


# -- as is ------------------------------------------------------------------------------------------------------------
def _as_is(case: Case, target: Target, wire: Wire) -> Iterator[StepResult]:
    for step in case.steps:
        if isinstance(step, Post):
            yield _send_again(step, target, wire)


def _send_again(step: Post, target: Target, wire: Wire) -> StepResult:
    """The endpoint must not act on it: it has to refuse it, or to know it and give the answer that it gave then."""
    seen = see(wire.post(_url(step, target), step.request))
    if seen.code == _UNKNOWN and step.expected.code != _UNKNOWN:
        raise _NotKnownThere("the endpoint does not know the key that signed the recorded message")
    expected = "refused as stale, or the recorded answer again"
    found: list[Difference] = []
    if seen.outcome in (ExpectedOutcome.REPLY, ExpectedOutcome.ERROR, ExpectedOutcome.ACCEPTED):
        if not _is_recorded_answer(step, seen):
            found.append(Difference("outcome", expected, str(seen), "it was taken for a new message"))
    elif (
        step.expected.outcome in (ExpectedOutcome.REPLY, ExpectedOutcome.ERROR, ExpectedOutcome.ACCEPTED)
        and seen.code != _STALE
    ):
        found.append(Difference("code", _STALE, seen.code or "none", "refused for another reason than its age"))
    return StepResult(name=step.name, expected=expected, actual=str(seen), differences=found)


def _is_recorded_answer(step: Post, seen: Seen) -> bool:
    """True if the answer has the Body that was recorded: its transaction id shows that nothing was done again."""
    then = find_tree(step.expected.answer)
    if then is None or seen.root is None:
        return not step.expected.answer and not seen.answer.body
    said, repeated = payload_of(then), payload_of(seen.root)
    if said is None or repeated is None:
        return False
    return canonical(said) == canonical(repeated)
