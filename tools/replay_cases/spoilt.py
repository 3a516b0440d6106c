"""Every defect, on a query; the gravest ones also on what partners send to the court about COL903 and DMV907."""

from __future__ import annotations

from collections.abc import Iterator

from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.replay.case import ExpectedOutcome
from ccms_ws.replay.court import Courthouse
from ccms_ws.replay.mutations import DEFECTS, get_mutation
from replay_cases.col903 import about_nothing
from replay_cases.dmv907 import response_to_nothing
from replay_cases.scene import Scene

SOAP11_ONLY = {"soap-action-of-another", "soap-action-unquoted"}
GRAVEST = ("unsigned", "body-changed", "stale", "stranger", "body-not-signed", "body-wrapped")


def scenes(house: Courthouse) -> Iterator[Scene]:
    for number, defect in enumerate(DEFECTS):
        scene = Scene(house, f"fcc807-bad-{defect.name}", f"Refused: {defect.says}", "FCC807", clauses=[defect.rule])
        version = SoapVersion.SOAP11 if number % 2 or defect.name in SOAP11_ONLY else SoapVersion.SOAP12
        outcome = (
            ExpectedOutcome.HTTP
            if defect.code.startswith("http.") and defect.name == "compressed"
            else ExpectedOutcome.FAULT
        )
        if defect.name == "media-type-unknown":
            outcome = ExpectedOutcome.HTTP
        query = scene.query(case_number="TR-2025-004417")
        scene.post(query, outcome, defect.code, defect=defect.name, version=version)
        yield scene
    for name in GRAVEST:
        defect = get_mutation(name)
        scene = Scene(house, f"col903-bad-{name}", f"Refused: {defect.says}", "COL903", clauses=[defect.rule])
        scene.post(
            about_nothing(scene), ExpectedOutcome.FAULT, defect.code, defect=name, partner="FTB", exchange="COL903"
        )
        yield scene
        scene = Scene(house, f"dmv907-bad-{name}", f"Refused: {defect.says}", "DMV907", clauses=[defect.rule])
        scene.post(response_to_nothing(scene), ExpectedOutcome.FAULT, defect.code, defect=name, partner="DMV",
                   exchange="DMV907", version=SoapVersion.SOAP11)  # fmt: skip
        yield scene
