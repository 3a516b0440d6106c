"""Make Spyne 2.14.0 importable on Python 3.12 and later, and quiet on 3.11. Import this before Spyne.

Spyne carries its own copy of six 1.14.0 (with an addition, so PyPI's six cannot stand in), whose import hook lacks the
`find_spec` that imports ask for since 3.12; and it imports `cgi`, gone since 3.13, for `parse_header` alone.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import logging
import math
import sys
import warnings
from collections.abc import Sequence
from email.message import Message
from types import ModuleType
from typing import Any

_SIX = "spyne.util.six"


class _SixLoader(importlib.abc.Loader):
    """Hands a module out that six's own importer knows how to make."""

    def __init__(self, importer: Any) -> None:
        self._importer = importer

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module: ModuleType = self._importer.load_module(spec.name)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The importer has done it already."""


class _SixFinder(importlib.abc.MetaPathFinder):
    """Answers `find_spec` on behalf of the importer of Spyne's six."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(_SIX + "."):
            return None
        for importer in sys.meta_path:
            if getattr(importer, "name", "") == _SIX and fullname in getattr(importer, "known_modules", ()):
                is_package = importer.is_package(fullname)  # type: ignore[attr-defined]
                return importlib.machinery.ModuleSpec(fullname, _SixLoader(importer), is_package=is_package)
        return None


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    """`cgi.parse_header`: the value of a header and its parameters."""
    message = Message()
    message["content-type"] = line
    parameters = message.get_params(unquote=True) or [("", "")]
    return parameters[0][0], dict(parameters[1:])


def _no_spec(_importer: object, _name: str, _path: object, _target: object = None) -> None:
    """What the old importer answers from now on: `_SixFinder` speaks for it, and imports do not warn of it."""


def import_spyne() -> None:
    """Import Spyne once, with what it lacks on this Python put in place."""
    sys.meta_path.append(_SixFinder())
    if sys.version_info >= (3, 13) and "cgi" not in sys.modules:
        cgi = ModuleType("cgi")
        cgi.parse_header = _parse_header  # type: ignore[attr-defined]
        sys.modules["cgi"] = cgi
    with warnings.catch_warnings():  # Spyne's own: escapes in docstrings, `cgi`, six's importer
        warnings.simplefilter("ignore")
        import spyne  # noqa: PLC0415
        import spyne.server  # noqa: PLC0415
    logging.getLogger("spyne").setLevel(logging.ERROR)  # it warns of a second court in one process
    spyne.const.MIN_GC_INTERVAL = math.inf  # it would stop everything once a second to collect all garbage
    for importer in sys.meta_path:
        if getattr(importer, "name", "") == _SIX:
            type(importer).find_spec = _no_spec  # type: ignore[method-assign]


import_spyne()
