"""The clauses that no rule checks, and why. Together with the rules they are the list that the project set itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_PERMISSION: Final = "it permits something; no file can break it"
_ENVELOPE: Final = "it speaks of envelopes, not of descriptions"

EXEMPTIONS: Final[Mapping[str, str]] = MappingProxyType({
    "BP R2006": "the Basic Profile states no requirement of this number",
    "BP R2008": f"{_PERMISSION}: a consumer need not follow a location",
    "BP R2009": f"{_PERMISSION}: a byte order mark in a schema",
    "BP R2207": f"{_PERMISSION}: parts that are not bound to a body",
    "BP R2208": f"{_PERMISSION}: headers from the message of the body",
    "BP R2301": f"{_ENVELOPE}: the order of parts in a Body; no message here has two (R2201, R2210)",
    "BP R2712": f"{_ENVELOPE}: the Body holds the element of the part; the gate validates every Body",
    "BP R2722": f"{_PERMISSION}: use on a soap:fault",
    "BP R2738": f"{_ENVELOPE}: declared header blocks are sent; no binding here declares one",
    "NDR 6-11": "wildcards are forbidden in reference and subset schemas only",
    "NDR 6-22": "that the order of alternatives means nothing is for a reader to judge",
    "NDR 6-48": "whether a comment holds lasting information is for a reader to judge",
    "NDR 8-1": "it speaks of messages: every sample, and every message sent or received, is validated",
})  # fmt: skip
