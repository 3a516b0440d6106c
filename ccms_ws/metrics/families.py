"""Every metric there is: its name, its labels and what it says. `ccms_ws/docs/OPERATIONS.md` has the same table.

No label holds a person's data, a case number or the id of a message; each has few values: exchanges, partners, states,
outcomes, codes of errors, certificate files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Samples = Mapping[tuple[str, ...], float]
"""Values by the values of the labels."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric. A name that ends in `_total` is a counter's, which never gets less; others are gauges'."""

    name: str
    labels: tuple[str, ...]
    meaning: str

    def of(self, samples: Samples) -> Metric:
        """The metric with these values."""
        kind = CounterMetricFamily if self.name.endswith("_total") else GaugeMetricFamily
        metric = kind(self.name, self.meaning, labels=self.labels)
        for values, value in sorted(samples.items()):
            metric.add_metric(values, value)
        return metric


BUILD: Final = Family("ccms_ws_build_info", ("version",), "always 1: the version that is installed")
RECEIVED: Final = Family(
    "ccms_ws_messages_received_total",
    ("exchange", "partner", "outcome"),
    "messages that were let in: reply, fault, accepted, taken, quarantined",
)
REFUSED: Final = Family("ccms_ws_messages_refused_total", (), "messages that were not let in")
REFUSED_FOR: Final = Family(
    "ccms_ws_messages_refused_last_hour",
    ("code",),
    "messages that were not let in during the last hour, of the newest 10,000, by the code of the error",
)
NOT_KEPT: Final = Family(
    "ccms_ws_messages_refused_not_kept_total",
    (),
    "of these, messages that were only counted: of unauthenticated senders, or during an outage of the database",
)
RATE_LIMITED: Final = Family(
    "ccms_ws_messages_rate_limited_total",
    ("partner",),
    "messages that were refused because the partner sent more than its rate allows",
)
PROGRAMS: Final = Family(
    "ccms_ws_programs",
    ("program", "state"),
    "endpoints and workers that write their heartbeat (alive), or have not for 30 seconds to an hour (silent)",
)
DROPPED: Final = Family(
    "ccms_ws_log_lines_dropped",
    ("program",),
    "log lines that the running programs could not write since they started",
)
LOGGED: Final = Family("ccms_ws_message_log_entries", (), "entries of the message log, of both directions")
DELIVERED: Final = Family("ccms_ws_messages_delivered_total", ("exchange", "partner"), "messages that the partner took")
OUTBOX: Final = Family(
    "ccms_ws_outbox_messages",
    ("exchange", "partner", "state"),
    "messages in the outbox that are pending, sending, held or dead; without dead ones that were discarded or replaced",
)
OLDEST: Final = Family(
    "ccms_ws_outbox_oldest_age_seconds",
    ("partner",),
    "how long ago the oldest message that is pending or sending was made; 0 if there is none",
)
LATE: Final = Family(
    "ccms_ws_outbox_late_seconds",
    ("partner",),
    "for how long the first message in its order has been due and not sent; 0 if there is none",
)
LINE: Final = Family(
    "ccms_ws_partner_line",
    ("partner", "state"),
    "1 for the state that the line to the partner is in, 0 for the others: up, down (it rests), probing",
)
FAILURES: Final = Family("ccms_ws_partner_failures", ("partner",), "failures in a row on the line to the partner")
OVERDUE: Final = Family("ccms_ws_answers_overdue", ("exchange",), "messages without an answer in the partner's time")
EXPIRY: Final = Family(
    "ccms_ws_certificate_expiry_timestamp_seconds",
    ("whose", "use", "file"),
    "when a certificate or revocation list ends, in Unix time: less `time()`, the seconds that are left",
)
READABLE: Final = Family(
    "ccms_ws_certificates_readable",
    (),
    "1 if every certificate file can be read; 0 if not, and then none has an expiry",
)

FAMILIES: Final = (
    *(BUILD, PROGRAMS, DROPPED, RECEIVED, REFUSED, REFUSED_FOR, NOT_KEPT, RATE_LIMITED, LOGGED, DELIVERED),
    *(OUTBOX, OLDEST, LATE, LINE, FAILURES, OVERDUE, EXPIRY, READABLE),
)
