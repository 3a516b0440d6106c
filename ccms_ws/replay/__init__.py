"""The harness that plays recorded envelopes again: same bytes, same moment, same verdict, same answer.

`replay` does so in this process against a copy of a court, `replay_live` and `replay_as_is` against an endpoint that
runs somewhere; what they give is written by `to_json`, `to_junit` and `replay_page`. `tools/replay.py` shows all of it.
"""

from ccms_ws.replay.casefile import find_cases, read_case, shipped_cases
from ccms_ws.replay.remote import Target, replay_as_is, replay_live
from ccms_ws.replay.reports import in_lines, replay_page, to_json, to_junit
from ccms_ws.replay.results import CaseResult, RunResult, StepResult, Verdict
from ccms_ws.replay.running import Which, be_quiet, replay

__all__ = [
    "CaseResult",
    "RunResult",
    "StepResult",
    "Target",
    "Verdict",
    "Which",
    "be_quiet",
    "find_cases",
    "in_lines",
    "read_case",
    "replay",
    "replay_as_is",
    "replay_live",
    "replay_page",
    "shipped_cases",
    "to_json",
    "to_junit",
]
