"""The report as one HTML page that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape as _escape
from importlib import resources

from ccms_ws.replay.results import CaseResult, RunResult, StepResult, Verdict

_CLASS = {
    Verdict.SAME: "good",
    Verdict.DIFFERENT: "bad",
    Verdict.BROKEN: "bad",
    Verdict.SKIPPED: "warn",
}
_MANY = 500
"""So many cases that nothing differed in are listed one by one; beyond that they are counted."""


def escape(text: str) -> str:
    """Text for HTML: no markup, and no character that a page cannot show."""
    return _escape(
        "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
    )


def page(title: str, body: Iterable[str]) -> str:
    """A whole page. `body` is HTML, `title` is text."""
    style = resources.files(__package__).joinpath("report.css").read_text("utf-8")
    return "\n".join(
        (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title>\n<style>\n{style}</style></head><body>",
            *body,
            "</body></html>\n",
        )
    )


def counts(numbers: Iterable[tuple[str, int, str]]) -> str:
    """A row of numbers: what is counted, how many, and the class of its colour."""
    items = (
        f'<li class="{css if count else "quiet"}"><b>{count}</b>{escape(name)}</li>' for name, count, css in numbers
    )
    return f'<ul class="sum">{"".join(items)}</ul>'


def rows(heads: Sequence[str], lines: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table; the cells are HTML."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in line)}</tr>" for line in lines)
    named = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{named}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def replay_page(result: RunResult) -> str:
    """The page of one replay: what differed first, each with its differences; then everything else."""
    return page(f"Replay: {'as recorded' if result.same else 'not as recorded'}", _replay(result))


def _replay(result: RunResult) -> Iterator[str]:
    yield "<h1>Replay</h1>"
    yield (
        f'<p class="quiet">{len(result.cases)} cases, {escape(result.mode)}, against {escape(result.target)}, '
        f"in {result.seconds:.1f} s</p>"
    )
    yield counts((verdict.value, result.counts[verdict], _CLASS[verdict]) for verdict in Verdict)
    bad = [case for case in result.cases if case.verdict in (Verdict.DIFFERENT, Verdict.BROKEN)]
    if bad:
        yield "<h2>Not as recorded</h2>"
        yield from map(_details, bad)
    rest = [case for case in result.cases if case.verdict in (Verdict.SAME, Verdict.SKIPPED)]
    if not rest:
        return
    yield "<h2>As recorded, or skipped</h2>"
    if len(rest) > _MANY:
        yield f'<p class="quiet">{len(rest)} cases; the first {_MANY} are listed.</p>'
    yield rows(("case", "what it is", "outcome", "verdict", "ms"), map(_line, rest[:_MANY]))


def _line(case: CaseResult) -> Sequence[str]:
    outcomes = ", ".join(escape(step.actual) for step in case.steps) or escape(case.reason)
    allowed = sum(bool(each.tolerated) for step in case.steps for each in step.differences)
    note = f' <span class="quiet">({allowed} allowed differences)</span>' if allowed else ""
    return (
        f"<code>{escape(case.name)}</code>",
        escape(case.title),
        outcomes,
        _verdict(case) + note,
        f"{case.seconds * 1000:.0f}",
    )


def _verdict(case: CaseResult) -> str:
    return f'<span class="verdict {_CLASS[case.verdict]}">{case.verdict.value}</span>'


def _details(case: CaseResult) -> str:
    inside = [f'<p class="bad">{escape(case.reason)}</p>'] if case.reason else []
    inside += [_step(step) for step in case.steps]
    title = f"<code>{escape(case.name)}</code> {escape(case.title)} {_verdict(case)}"
    return f"<details open><summary>{title}</summary>{''.join(inside)}</details>"


def _step(step: StepResult) -> str:
    said = f"<p>{escape(step.name)}: expected {escape(step.expected)}; was {escape(step.actual)}</p>"
    if not step.differences:
        return said
    lines = (
        (
            f"<code>{escape(each.path)}</code>",
            f"<code>{escape(each.expected)}</code>",
            f"<code>{escape(each.actual)}</code>",
            escape(f"allowed: {each.tolerated}" if each.tolerated else each.why),
        )
        for each in step.differences
    )
    return said + rows(("path", "expected", "actual", "note"), lines)
