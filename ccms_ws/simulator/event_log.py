"""What a simulated partner saw and did, as JSON lines: ids and outcomes, nothing of any message's content."""

from __future__ import annotations

import json
import threading
from io import TextIOWrapper
from pathlib import Path

from ccms_ws.clock import Clock


class EventLog:
    """Appends one line an event to a file, at once; without a file it keeps nothing."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._file: TextIOWrapper | None = path.open("a", encoding="utf-8", buffering=1) if path else None
        self._clock = clock
        self._lock = threading.Lock()

    def note(self, event: str, **facts: str | int | None) -> None:
        """Write one event, e.g. `received` with message_id, exchange, act and outcome."""
        if self._file is not None:
            line = json.dumps({"at": self._clock.now().isoformat(), "event": event, **facts})
            with self._lock:
                if not self._file.closed:
                    self._file.write(line + "\n")

    def close(self) -> None:
        if self._file is not None:
            with self._lock:
                self._file.close()
