#!/usr/bin/env python3
"""Play recorded cases from a program of your own: this is all that it takes.

    tools/replay.py [FOLDER...]                 in this process, against a fresh demo court
    tools/replay.py --to http://127.0.0.1:8807  said anew and signed, against an endpoint that runs

`ccms-ws replay run` does the same and more; this file is the documentation of the Python interface beneath it. Ends
with 0 if every case was as recorded, 1 if not, 2 if nothing could begin.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.replay import (
    CaseResult,
    Target,
    be_quiet,
    find_cases,
    in_lines,
    replay,
    replay_live,
    replay_page,
    shipped_cases,
    to_junit,
)
from ccms_ws.replay.pki import NAME_OF, identity
from ccms_ws.scripts import run, say, writable


def tell(case: CaseResult) -> None:
    """Called for each case as it ends."""
    say(f"{case.verdict.value:9} {case.name}")
    for line in in_lines(case):
        say(f"          {line}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, default=[shipped_cases()], metavar="FOLDER")
    parser.add_argument("--to", metavar="URL", help="the endpoint's public URL")
    parser.add_argument("--junit", type=writable, metavar="FILE")
    parser.add_argument("--html", type=writable, metavar="FILE")
    options = parser.parse_args()

    cases = find_cases(options.folders)
    be_quiet()
    if options.to:
        # The published test keys, which the endpoint must have pinned; any Identity and TrustStore will do.
        target = Target(
            url=options.to,
            trust=TrustStore([PinnedCertificate("COURT", identity("court").certificate)]),
            signers=lambda partner: identity(NAME_OF[partner]) if partner in NAME_OF else None,
        )
        result = replay_live(cases, target, jobs=4, tell=tell)
    else:
        result = replay(cases, jobs=1, tell=tell)

    if options.junit:
        options.junit.write_bytes(to_junit(result))
    if options.html:
        options.html.write_text(replay_page(result), "utf-8")
    return 0 if result.same else 1


if __name__ == "__main__":
    run("replay", main)
