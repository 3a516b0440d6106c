"""Logs: one line an event, nobody's data in it."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
import structlog

from ccms_ws.clock import FixedClock
from ccms_ws.domain.courts import Participant, PersonName
from ccms_ws.log import REDACTED, Limited, bound, configure_logging, dropped_lines, get_logger

CLOCK = FixedClock(datetime(2026, 11, 20, 8, 30, tzinfo=UTC))
MESSAGE_ID = UUID("0b7f2d94-58c1-4f6a-bd20-a93e6c1574d8")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure_logging("INFO", "json", stream=stream, clock=CLOCK)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_time_level_event_and_what_is_bound(stream: io.StringIO) -> None:
    with bound(exchange="FCC807", message_id=MESSAGE_ID, partner="FTB"):
        get_logger("ccms_ws.services").info("message.answered", outcome="balance")
    assert lines(stream) == [
        {
            "at": "2026-11-20T08:30:00.000Z",
            "event": "message.answered",
            "exchange": "FCC807",
            "level": "info",
            "logger": "ccms_ws.services",
            "message_id": str(MESSAGE_ID),
            "outcome": "balance",
            "partner": "FTB",
        }
    ]


def test_what_is_bound_ends_with_the_block(stream: io.StringIO) -> None:
    with bound(partner="FTB"):
        pass
    get_logger("x").info("later")
    assert "partner" not in lines(stream)[0]


@pytest.mark.parametrize(
    "key", ["surname", "given_name", "birth_date", "driver_license", "licence_number", "body", "raw"]
)
def test_personal_data_is_never_printed(stream: io.StringIO, key: str) -> None:
    get_logger("x").info("event", **{key: "F1204567"})
    assert lines(stream)[0][key] == REDACTED
    assert "F1204567" not in stream.getvalue()


def test_a_whole_record_is_never_printed(stream: io.StringIO) -> None:
    person = Participant("CA099015J", "P-1", PersonName("Marisol", "Aldana"), date(1990, 2, 11))
    get_logger("x").info("event", subject=person, several=[person])
    assert lines(stream)[0]["subject"] == "[Participant]"
    assert lines(stream)[0]["several"] == ["[Participant]"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_line_break_in_a_value_makes_no_second_line(form: str) -> None:
    stream = io.StringIO()
    configure_logging("INFO", "json" if form == "json" else "console", stream=stream, clock=CLOCK)
    get_logger("x").info("event", case_number="1\n2026-11-20 [error] forged\x1b[31m")
    logging.getLogger("library").warning("foreign %s", "1\n2")
    assert len(stream.getvalue().splitlines()) == 2
    assert "\x1b" not in stream.getvalue()


def test_libraries_that_print_messages_stay_quiet_at_every_level() -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", "json", stream=stream, clock=CLOCK)
    logging.getLogger("zeep.transports").debug("HTTP Post: <Envelope>")
    logging.getLogger("spyne.protocol").error("<Envelope>")
    assert stream.getvalue() == ""


def test_a_level_that_is_not_wanted_is_not_written(stream: io.StringIO) -> None:
    get_logger("x").debug("event")
    assert stream.getvalue() == ""


def test_an_exception_is_written_with_its_trace(stream: io.StringIO) -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        get_logger("x").exception("defect")
    assert "ZeroDivisionError" in str(lines(stream)[0]["exception"])


def test_a_line_that_cannot_be_written_is_dropped_and_counted_and_the_number_is_told_later() -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        full = os.open("/dev/full", os.O_WRONLY)
        good = os.dup(writer)
        configure_logging("INFO", "json", stream=stream, clock=CLOCK)
        os.dup2(full, writer)
        before = dropped_lines()
        get_logger("x").info("lost")
        logging.getLogger("library").warning("lost, too")
        assert dropped_lines() == before + 2
        os.dup2(good, writer)
        get_logger("x").info("written")
        for descriptor in (full, good):
            os.close(descriptor)
    with os.fdopen(reader, encoding="utf-8") as read:
        told = [json.loads(line) for line in read]
    assert [(line["event"], line.get("lines")) for line in told] == [("written", None), ("log.lines-dropped", 2)]


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_program_without_a_stream_goes_on(form: str) -> None:
    closed = io.StringIO()
    closed.close()
    configure_logging("INFO", "json" if form == "json" else "console", stream=closed, clock=CLOCK)
    get_logger("x").info("event")
    logging.getLogger("library").warning("%d", "a mistake of the library")
    assert dropped_lines() >= 2


def test_an_event_without_bound_is_written_a_few_times_and_counted(stream: io.StringIO) -> None:
    seconds = [0.0]
    limited = Limited(get_logger("x"), most=2, time=lambda: seconds[0])
    for number in range(10):
        limited.warning("flood", number=number)
    limited.error("other")
    seconds[0] = 60.0
    limited.warning("flood", number=10)
    limited.warning("flood", number=11)
    limited.warning("flood", number=12)
    limited.report()
    seconds[0] = 120.0
    limited.report()
    limited.report()
    told = [(line["event"], line.get("number"), line.get("unwritten"), line.get("lines")) for line in lines(stream)]
    assert told == [
        *[("flood", 0, None, None), ("flood", 1, None, None), ("other", None, None, None)],
        *[("flood", 10, 8, None), ("flood", 11, None, None), ("log.lines-left-out", None, None, 1)],
    ]
