"""What came of a replay: JSON for programs, JUnit XML for a CI server, a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from lxml import etree

from ccms_ws import reports
from ccms_ws.replay.diff import Difference
from ccms_ws.replay.results import CaseResult, RunResult, StepResult, Verdict

_CLASSES: Final = {Verdict.SAME: "good", Verdict.DIFFERENT: "bad", Verdict.BROKEN: "bad", Verdict.SKIPPED: "warn"}
_MANY: Final = 500
"""So many cases that nothing differed in are listed one by one; beyond that they are counted."""


def as_facts(result: RunResult) -> dict[str, Any]:
    """The whole run as plain values."""
    return {
        "mode": result.mode,
        "target": result.target,
        "same": result.same,
        "counts": {verdict.value: count for verdict, count in result.counts.items()},
        "seconds": result.seconds,
        "cases": [_case(case) for case in result.cases],
    }


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "case": case.name,
        "title": case.title,
        "exchanges": list(case.exchanges),
        "verdict": case.verdict.value,
        "reason": case.reason,
        "seconds": case.seconds,
        "steps": [_step(step) for step in case.steps],
    }


def _step(step: StepResult) -> dict[str, Any]:
    return {
        "step": step.name,
        "expected": step.expected,
        "actual": step.actual,
        "differences": [_difference(each) for each in step.differences],
    }


def _difference(difference: Difference) -> dict[str, str]:
    return {
        "path": difference.path,
        "expected": difference.expected,
        "actual": difference.actual,
        "why": difference.why,
        "tolerated": difference.tolerated,
    }


def to_json(result: RunResult) -> str:
    return reports.to_json(as_facts(result))


def replay_page(result: RunResult) -> str:
    """The page of one replay: what differed first, each with its differences; then everything else."""
    bad = (Verdict.DIFFERENT, Verdict.BROKEN)
    return reports.to_page(
        "replay.html",
        result=result,
        numbers=[(verdict.value, result.counts[verdict], _CLASSES[verdict]) for verdict in Verdict],
        css=_CLASSES,
        bad=[case for case in result.cases if case.verdict in bad],
        rest=[case for case in result.cases if case.verdict not in bad],
        most=_MANY,
    )


def in_lines(case: CaseResult) -> list[str]:
    """What is wrong with a case, a line each: step, path, expected, actual."""
    lines = [case.reason] if case.reason else []
    for step in case.steps:
        for each in step.differences:
            note = f" (allowed: {each.tolerated})" if each.tolerated else f" ({each.why})" if each.why else ""
            lines.append(f"{step.name}: {each.path}: expected {each.expected!r}, was {each.actual!r}{note}")
    return lines


# -- JUnit ------------------------------------------------------------------------------------------------------------
def to_junit(result: RunResult) -> bytes:
    """JUnit XML: a suite for each exchange, or set of exchanges; a test case for each case."""
    root = etree.Element("testsuites", name="ccms-ws replay", time=f"{result.seconds:.3f}")
    suites: dict[str, list[CaseResult]] = {}
    for case in result.cases:
        suites.setdefault("+".join(case.exchanges) or "unreadable", []).append(case)
    for name, cases in suites.items():
        _suite(root, name, cases, result.mode)
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _suite(root: etree._Element, name: str, cases: Sequence[CaseResult], mode: str) -> None:
    counts = [case.verdict for case in cases]
    suite = etree.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(cases)),
        failures=str(counts.count(Verdict.DIFFERENT)),
        errors=str(counts.count(Verdict.BROKEN)),
        skipped=str(counts.count(Verdict.SKIPPED)),
        time=f"{sum(case.seconds for case in cases):.3f}",
    )
    for case in cases:
        test = etree.SubElement(
            suite, "testcase", classname=f"replay.{mode.replace(' ', '-')}.{name}", name=case.name,
            time=f"{case.seconds:.4f}",
        )  # fmt: skip
        lines = in_lines(case)
        if case.verdict is Verdict.SKIPPED:
            etree.SubElement(test, "skipped", message=_legal(case.reason))
        elif case.verdict is not Verdict.SAME:
            kind = "failure" if case.verdict is Verdict.DIFFERENT else "error"
            fault = etree.SubElement(test, kind, message=_legal(lines[0] if lines else case.verdict.value))
            fault.text = _legal("\n".join(lines))


def _legal(text: str) -> str:
    """Only characters that XML can hold."""
    return "".join(char for char in text if char in "\t\n" or char.isprintable())
