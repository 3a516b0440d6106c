"""A signed round trip with a partner: a message of its WSDL without effect, sent as every message is, and its answer.

The exchanges have no such message, and sending a real one is no test. So a partner has to offer an operation of its own
for it, and its profile has to name the message (`test_message`); without that nothing is sent.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

from ccms_ws.errors import CcmsWsError, ConfigError
from ccms_ws.health.findings import Finding, amber, green, red

if TYPE_CHECKING:
    from pathlib import Path

    from lxml.etree import _Element

    from ccms_ws.bootstrap import CourtApplication


def round_trips(court: CourtApplication, partner_id: str) -> list[Finding]:
    """One for each exchange that is pushed to the partner."""
    receives = court.settings.partner(partner_id).receives
    return [_round_trip(court, partner_id, code, push.test_message) for code, push in receives.items()]


def _round_trip(court: CourtApplication, partner_id: str, code: str, file: Path | None) -> Finding:
    what = f"{partner_id} {code} round trip"
    if file is None:
        return green(what, "no message was sent: its profile names no test_message")
    try:
        return _sent(what, court, partner_id, code, _harmless(file))
    except CcmsWsError as error:
        return red(what, f"{error.code}: {error}", error.hint or "ask the partner what it has seen")


def _harmless(file: Path) -> _Element:
    """The message in `file`. Raises ConfigError for what is none, and for one of the exchanges' own."""
    from lxml import etree

    from ccms_ws.envelope.parsing import new_parser
    from ccms_ws.registry import EXCHANGES

    try:
        message = etree.fromstring(file.read_bytes(), new_parser())
    except (OSError, etree.XMLSyntaxError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from error
    if any(exchange.notification is not None and message.tag == exchange.notification.root for exchange in EXCHANGES):
        raise ConfigError(
            f"{file} is {etree.QName(message).localname}, which is no test: the partner would act on it",
            hint="name a message of the partner's WSDL that has no effect there, or none",
        )
    return message


def _sent(what: str, court: CourtApplication, partner_id: str, code: str, message: _Element) -> Finding:
    from lxml import etree

    from ccms_ws.domain.messages import OutgoingMessage
    from ccms_ws.envelope.canonical import canonical

    route, name, now = court.routes()(partner_id, code), etree.QName(message).localname, court.clock.now()
    test = OutgoingMessage(uuid4(), code, partner_id, str(message.tag), canonical(message), (), now)
    began = time.perf_counter()
    receipt = route.client.send(test, url=route.url, soap=route.soap)
    if receipt.answer is None:
        do = "an operation with an answer would show the partner's signature too"
        return amber(what, f"{name} was taken (HTTP {receipt.http_status}) and not answered", do)
    answer = etree.QName(receipt.answer.payload).localname
    return green(what, f"{name} answered with {answer}, signed as it must be, in {_ms(began)} ms")


def _ms(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.0f}"
