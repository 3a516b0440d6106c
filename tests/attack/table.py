"""tests/vectors/attacks/README.md: for each of the 44 attacks, where its answer is shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tests.attack.catalogue import ROWS
from tests.attack.vectors import Vector

_HEAD = """# Attacks

Written by `tools/make-attack-vectors`; do not edit. Each `FAMILY/NN-NAME.xml` (`.xml.gz` if it is large) is the body of
an HTTP request; the `.toml` beside it says with which headers it comes, at what time it is opened, and what must come
of it: the error, and over HTTP the status and the fault's code. `pki/` holds the certificates that are pinned, and the
private keys, which are published on purpose: nobody may ever trust them.

Every vector is run twice: against `open_envelope` (`tests/attack/test_vectors.py`) and over HTTP against a gate that
serves (`tests/attack/test_over_http.py`). Wrapping is a family: {wrapping} of its variants lie here; all of them (some
1,650) are made by `tests/attack/wrapping.py` and run against both, freshly signed.
`tools/mutate-guards` switches every guard off in turn and names the vectors that then get in.

| no. | attack | described in | vectors | shown by |
| --: | --- | --- | --: | --- |
"""


def table(vectors: Sequence[Vector]) -> str:
    """The page."""
    counts = Counter(vector.expectation.attack for vector in vectors)
    families: dict[int, set[str]] = {}
    for vector in vectors:
        families.setdefault(vector.expectation.attack, set()).add(f"`{vector.family}/`")
    lines = []
    for number, row in ROWS.items():
        shown = [*sorted(families.get(number, ())), *(f"`{test.rpartition('::')[2]}`" for test in row.tests)]
        if row.without:
            shown.append(f"({row.without})")
        lines.append(f"| {number} | {row.title} | {row.reference} | {counts[number]} | {', '.join(shown)} |\n")
    wrapping = sum(vector.family == "wrapping" for vector in vectors)
    return _HEAD.format(wrapping=wrapping) + "".join(lines) + f"\n{len(vectors)} vectors.\n"
