"""The report as a partner files it: text for the terminal, JSON for programs, and a page that prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from ccms_ws import reports
from ccms_ws.conformance.findings import Check, Report, Result, Verdict
from ccms_ws.conformance.requirements import Level

_MARKS: Final = {Verdict.PASSED: "ok ", Verdict.FAILED: "NO ", Verdict.NOT_SEEN: " - "}
_CLASSES: Final = {Verdict.PASSED: "good", Verdict.FAILED: "bad", Verdict.NOT_SEEN: "quiet"}
_SEALS: Final = {Result.CONFORMANT: "good", Result.INCOMPLETE: "warn", Result.NOT_CONFORMANT: "bad"}
_MOST: Final = 3
"""So many failures of one demand are shown in text; JSON and the page have all."""

_MEANING: Final = {
    Result.CONFORMANT: "Every demand that must hold was seen to hold, or does not apply.",
    Result.INCOMPLETE: "No demand that must hold failed; some were not seen.",
    Result.NOT_CONFORMANT: "At least one demand that must hold was seen not to hold.",
}

_PARTS: Final = {
    "C": "The client's conduct",
    "P": "The endpoint's conduct",
    "R": "What must be refused",
    "L": "Layouts of other stacks",
    "M": "Its messages",
}


def as_facts(report: Report) -> dict[str, Any]:
    """The report as plain values."""
    return {
        "result": report.result.value,
        "exchange": report.exchange,
        "version": report.version,
        "partner": report.partner,
        "role": report.role,
        "subject": report.subject,
        "signer": report.signer,
        "tested_by": report.tested_by,
        "started": _moment(report.started),
        "ended": _moment(report.ended),
        "counts": {level.value: _counts(report, level) for level in Level},
        "checks": [
            {
                "id": check.requirement.id,
                "says": check.requirement.says,
                "level": check.requirement.level.value,
                "source": check.requirement.source,
                "verdict": check.verdict.value,
                "seen": check.seen,
                "failures": list(check.failures),
                "note": check.note,
            }
            for check in report.checks
        ],
    }


def _counts(report: Report, level: Level) -> Mapping[str, int]:
    return {verdict.value: report.count(level, verdict) for verdict in Verdict}


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def to_json(report: Report) -> str:
    return reports.to_json(as_facts(report))


# -- text -------------------------------------------------------------------------------------------------------------
def to_text(report: Report) -> str:
    """The report for a terminal or a mail."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield f"CONFORMANCE REPORT   {report.exchange} {report.version}   the {report.role} of {report.partner}"
    for name, words in _facts(report):
        yield f"  {name:8} {words}"
    for title, checks in _sections(report):
        yield ""
        yield title
        width = max(len(check.requirement.id) for check in checks)
        for check in checks:
            yield from _check(check, width)
    yield ""
    for level in Level:
        yield f"{level.value + ':':7} {_in_words(_counts(report, level))}"
        if ids := ", ".join(check.requirement.id for check in report.failed(level)):
            yield f"        failed: {ids}"
    yield f"RESULT: {report.result.value.upper()}"


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    signer, _, digest = report.signer.partition(", SHA-256 ")
    yield "tested", report.subject
    yield "signer", signer
    yield "", f"SHA-256 {digest}"
    yield "by", report.tested_by
    yield "at", f"{_moment(report.started)} to {_moment(report.ended)}"


def _sections(report: Report) -> Iterator[tuple[str, Sequence[Check]]]:
    for letter, title in _PARTS.items():
        checks = [check for check in report.checks if check.requirement.id.startswith(letter)]
        if checks:
            yield title, checks


def _check(check: Check, width: int) -> Iterator[str]:
    requirement = check.requirement
    wish = "" if requirement.level is Level.MUST else " (should)"
    note = f" [{check.note}]" if check.note and check.verdict is Verdict.NOT_SEEN else ""
    yield f"  {_MARKS[check.verdict]} {requirement.id:{width}}  {requirement.says}{wish}{note}"
    for failure in check.failures[:_MOST]:
        yield f"            {''.join(char if char.isprintable() else '?' for char in failure)[:300]}"
    if len(check.failures) > _MOST:
        yield f"            and {len(check.failures) - _MOST} more"


def _in_words(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {verdict}" for verdict, count in numbers.items())


# -- page -------------------------------------------------------------------------------------------------------------
def to_page(report: Report) -> str:
    """The report as one HTML page that needs nothing else."""
    return reports.to_page(
        "conformance.html",
        report=report,
        seal=_SEALS[report.result],
        meaning=_MEANING[report.result],
        facts=_facts(report),
        numbers=[(f"{n.value}: {v.value}", report.count(n, v), _CLASSES[v]) for n in Level for v in Verdict],
        css=_CLASSES,
        failed=report.failed(Level.MUST),
        sections=_sections(report),
    )
