"""A reading of the court's numbers becomes what Prometheus reads; the document says what there is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse

from ccms_ws.cli.docs import all_documents
from ccms_ws.clock import FixedClock
from ccms_ws.config import PartnerSettings
from ccms_ws.domain.circuit_breaker import BreakerState, CircuitBreaker
from ccms_ws.errors import ConfigError, InternalError, StoreUnavailable
from ccms_ws.metrics.collector import Certificate, CourtCollector
from ccms_ws.metrics.exposition import application, rows, text
from ccms_ws.metrics.families import FAMILIES
from ccms_ws.store.heartbeats import RunningProgram
from ccms_ws.store.statistics import Measures

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTHING = Measures(
    received={}, logged=0, refused=0, refused_for={}, not_kept={}, delivered={}, open={}, oldest={}, due={}, lines=(),
    overdue=0,
)  # fmt: skip
PARTNERS = [
    PartnerSettings.model_construct(id="ADULT-PROBATION", sends=("FCC807",), receives={}),
    PartnerSettings.model_construct(id="DMV", sends=(), receives={"DMV907": None}),
]
PROGRAMS = [
    RunningProgram("worker", "a", 7, NOW - HOUR, NOW - timedelta(seconds=3), 0),
    RunningProgram("worker", "b", 7, NOW - HOUR, NOW - timedelta(seconds=40), 12),
]
OPERATIONS = all_documents()["OPERATIONS"].read_text("utf-8")


@dataclass(frozen=True)
class Held:
    """A certificate that somebody holds."""

    whose: str
    use: str
    file: Path
    until: datetime


def collector(measures: Measures = NOTHING, *certificates: Certificate) -> CourtCollector:
    return CourtCollector(PARTNERS, lambda _: measures, lambda _: certificates, lambda: PROGRAMS, FixedClock(NOW))


def values(collector: CourtCollector) -> dict[str, dict[tuple[str, ...], float]]:
    """What a reader of the text makes of it: the values of each family by those of the labels, in the order of it."""
    found: dict[str, dict[tuple[str, ...], float]] = {family.name: {} for family in FAMILIES}
    labels = {family.name: family.labels for family in FAMILIES}
    for metric in parse(text(collector)):
        for sample in metric.samples:
            assert set(sample.labels) == set(labels[sample.name])
            found[sample.name][tuple(sample.labels[label] for label in labels[sample.name])] = sample.value
    return found


def get(collector: CourtCollector, path: str = "/metrics", **headers: str) -> tuple[str, str]:
    said: list[Any] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", **headers}
    body = b"".join(application(collector)(environ, lambda *given: said.append(given)))
    return said[0][0], body.decode()


def test_what_the_settings_name_is_there_at_zero_before_the_first_message() -> None:
    found = values(collector())
    assert found["ccms_ws_messages_received_total"]["FCC807", "ADULT-PROBATION", "reply"] == 0
    assert found["ccms_ws_messages_received_total"]["DMV907", "DMV", "quarantined"] == 0
    assert found["ccms_ws_messages_delivered_total"] == {("DMV907", "DMV"): 0}
    assert found["ccms_ws_outbox_messages"] == {
        ("DMV907", "DMV", state): 0 for state in ("pending", "sending", "held", "dead")
    }
    assert found["ccms_ws_outbox_oldest_age_seconds"] == found["ccms_ws_outbox_late_seconds"] == {("DMV",): 0}
    assert found["ccms_ws_partner_line"] == {("DMV", "up"): 1, ("DMV", "down"): 0, ("DMV", "probing"): 0}
    assert found["ccms_ws_messages_refused_last_hour"] == {}


def test_each_number_stands_under_its_labels() -> None:
    read = replace(
        NOTHING,
        received={("FCC807", "ADULT-PROBATION", "reply"): 41},
        logged=42,
        refused=907,
        not_kept={
            ("", "http.service-not-found"): 600,
            ("DMV", "store.unavailable"): 90,
            ("DMV", "http.rate-limited"): 210,
        },
        refused_for={"envelope.stale": 2},
        delivered={("DMV907", "DMV"): 5, ("COL903", "GONE"): 3},
        open={("DMV907", "DMV", "dead"): 2},
        oldest={"DMV": NOW - 3 * HOUR},
        due={"DMV": NOW - HOUR, "GONE": NOW + HOUR},
        lines=(CircuitBreaker("DMV", BreakerState.OPEN, 9),),
        overdue=4,
    )
    found = values(collector(read))
    assert found["ccms_ws_messages_received_total"]["FCC807", "ADULT-PROBATION", "reply"] == 41
    assert found["ccms_ws_message_log_entries"] == {(): 42}
    assert found["ccms_ws_messages_refused_total"] == {(): 907}
    assert found["ccms_ws_messages_refused_not_kept_total"] == {(): 690}
    assert found["ccms_ws_messages_rate_limited_total"] == {("ADULT-PROBATION",): 0, ("DMV",): 210}
    assert found["ccms_ws_programs"] == {
        ("endpoint", "alive"): 0, ("endpoint", "silent"): 0, ("worker", "alive"): 1, ("worker", "silent"): 1
    }  # fmt: skip
    assert found["ccms_ws_log_lines_dropped"] == {("endpoint",): 0, ("worker",): 12}
    assert found["ccms_ws_messages_refused_last_hour"] == {("envelope.stale",): 2}
    assert found["ccms_ws_messages_delivered_total"] == {("DMV907", "DMV"): 5, ("COL903", "GONE"): 3}
    assert found["ccms_ws_outbox_messages"]["DMV907", "DMV", "dead"] == 2
    assert found["ccms_ws_outbox_oldest_age_seconds"] == {("DMV",): 3 * 3600}
    assert found["ccms_ws_outbox_late_seconds"] == {("DMV",): 3600, ("GONE",): 0}
    assert found["ccms_ws_partner_line"] == {("DMV", "up"): 0, ("DMV", "down"): 1, ("DMV", "probing"): 0}
    assert found["ccms_ws_partner_failures"] == {("DMV",): 9}
    assert found["ccms_ws_answers_overdue"] == {("DMV907",): 4}


def test_of_two_certificates_in_files_of_one_name_the_first_end_counts() -> None:
    held = [Held("DMV", "signs", Path(f"{days}/dmv.crt"), NOW + days * HOUR) for days in (9, 1, 5)]
    found = values(collector(NOTHING, *held))
    ends = found["ccms_ws_certificate_expiry_timestamp_seconds"]
    assert ends == {("DMV", "signs", "dmv.crt"): (NOW + HOUR).timestamp()}
    assert found["ccms_ws_certificates_readable"] == {(): 1}


def test_a_certificate_that_cannot_be_read_hides_no_other_number() -> None:
    def unreadable(_: datetime) -> list[Certificate]:
        raise ConfigError("dmv.crt cannot be read")

    found = values(CourtCollector(PARTNERS, lambda _: replace(NOTHING, logged=3), unreadable, list, FixedClock(NOW)))
    assert found["ccms_ws_certificates_readable"] == {(): 0}
    assert found["ccms_ws_certificate_expiry_timestamp_seconds"] == {}
    assert found["ccms_ws_message_log_entries"] == {(): 3}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (StoreUnavailable("the server is away"), ("503 Service Unavailable", f"{StoreUnavailable.code}\n")),
        (ZeroDivisionError("a defect"), ("500 Internal Server Error", f"{InternalError.code}\n")),
    ],
)
def test_what_cannot_be_read_whole_is_not_told_in_part(error: Exception, said: tuple[str, str]) -> None:
    def broken(_: datetime) -> Measures:
        raise error

    assert get(CourtCollector(PARTNERS, broken, lambda _: [], list, FixedClock(NOW))) == said


def test_only_the_one_address_answers_in_either_format() -> None:
    assert get(collector(), "/")[0] == get(collector(), "/FCC807/1.0")[0] == "404 Not Found"
    assert get(collector())[1] == text(collector())
    status, body = get(collector(), HTTP_ACCEPT="application/openmetrics-text; version=1.0.0")
    assert status == "200 OK"
    told = [metric.name for metric in open_metrics(body)]  # type: ignore[no-untyped-call]
    assert told == [family.name.removesuffix("_total") for family in FAMILIES]


def test_rows_are_the_same_samples_as_the_text() -> None:
    as_text = Counter(
        (sample.name, tuple(sorted(sample.labels.items())), sample.value)
        for metric in parse(text(collector()))
        for sample in metric.samples
    )
    as_rows = Counter((row["name"], tuple(sorted(row["labels"].items())), row["value"]) for row in rows(collector()))
    assert as_rows == as_text
    assert not [row for row in rows(collector()) if isinstance(row["value"], bool)]


def test_the_document_has_a_row_for_each_metric_with_its_labels_and_meaning() -> None:
    section = OPERATIONS.partition("\n## Metrics\n")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `(\w+)` \| ([^|]*) \| ([^|]*) \| [^|]+ \|$", section, re.MULTILINE)
    assert told == [(family.name, ", ".join(family.labels), family.meaning) for family in FAMILIES]


@pytest.mark.parametrize("rule", re.findall(r"- alert: (\w+)\n +expr: (.+)\n", OPERATIONS), ids=lambda rule: rule[0])
def test_each_alert_asks_for_metrics_and_labels_that_are_there(rule: tuple[str, str]) -> None:
    """`up` is Prometheus's own."""
    name, expression = rule
    section = OPERATIONS.partition("\n## Metrics\n")[2]
    assert section.count(name) >= 2, "the table names it"
    labels = {family.name: set(family.labels) for family in FAMILIES} | {"up": {"job"}}
    asked = re.findall(r"\b(ccms_ws_\w+|up)\b(?:\{([^}]*)\})?", expression)
    assert asked
    for metric, matchers in asked:
        assert set(re.findall(r'(\w+)!?=~?"', matchers)) <= labels[metric]
    for given in re.findall(r"(?:by|on) \(([^)]*)\)", expression):
        assert all({*given.split(", ")} <= labels[metric] for metric, _ in asked)
