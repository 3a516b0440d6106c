"""How every report is written, of a replay or of a conformance run: JSON, and one HTML page that needs nothing else.

The page loads no script, no font and nothing from a network. Its templates extend `templates/report.html`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ccms_ws.html_templates import render


def to_json(facts: Mapping[str, Any]) -> str:
    """A report's plain values as JSON, for a file."""
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def to_page(template: str, **values: Any) -> str:
    """The page that a template of this package makes of these values."""
    return render(__name__, template, **values)
