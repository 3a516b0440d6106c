"""Fixtures that all rings share."""

from __future__ import annotations

from tests.support.court import court, court_folder, installation

__all__ = ["court", "court_folder", "installation"]
