"""FCC807 in the conformance kit: what a client under test is to ask of the demo court, and what that shows."""

from __future__ import annotations

from typing import Final

from ccms_ws.conformance import requirements as req
from ccms_ws.conformance.faults import FaultInjection, Task
from ccms_ws.conformance.requirements import TestRequirement

PARTNERS: Final = ("ADULT-PROBATION",)
"""The tasks are about cases of adults."""

BALANCE: Final = TestRequirement("C02", "it asks for a balance and gets one", "FCC807")
REJECTION: Final = TestRequirement("C03", "it takes a rejection for an answer: the query is not repeated", "FCC807")
ERROR: Final = TestRequirement("C04", "it takes an error message for an answer: the query is not repeated", "FCC807")

TASKS: Final = (
    Task(1, "CR-2023-002931", "a balance of 710.00", BALANCE, may_repeat=True, also={"participant_id": "P-1002"}),
    Task(2, "TR-2099-000001", "a rejection, CaseNotFound", REJECTION),
    Task(3, "CR-2025-000184", "an error message", ERROR, also={"as_of": "2199-01-01"}),
    Task(
        4, "TR-2025-004417", "HTTP 503 first: send the same message again", req.UNAVAILABLE, FaultInjection.UNAVAILABLE
    ),
    Task(5, "TR-2024-019302", "no answer first: send the same message again", req.CUT_OFF, FaultInjection.CUT),
    Task(
        6,
        "TR-2021-007755",
        "a changed answer first: believe nothing, send again",
        req.TAMPERED,
        FaultInjection.TAMPERED,
    ),
    Task(
        7,
        "TR-2025-011250",
        "another key's answer first: believe nothing, send again",
        req.STRANGER,
        FaultInjection.STRANGER,
    ),
    Task(
        8,
        "TR-2024-020118",
        "another message's answer first: send the same again",
        req.UNRELATED,
        FaultInjection.UNRELATED,
    ),
    Task(9, "TR-2025-009020", "an hour-old answer first: believe nothing, send again", req.STALE, FaultInjection.STALE),
)
