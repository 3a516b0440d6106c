"""References from one WSDL or schema to another file, as partners write them, and as files on disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urldefrag, urlsplit

from lxml.etree import _Element

from ccms_ws.contract.namespaces import WSDL, XSD, q

Q_WSDL_IMPORT: Final = q(WSDL, "import")
Q_XSD_IMPORT: Final = q(XSD, "import")
REFERENCES: Final = {Q_WSDL_IMPORT: "location", Q_XSD_IMPORT: "schemaLocation"} | {
    q(XSD, name): "schemaLocation" for name in ("include", "redefine", "override")
}
"""The elements that refer to another file, with the attribute that does."""

_DRIVE: Final = re.compile(r"/?[A-Za-z]:/")


def references(root: _Element) -> Iterator[tuple[_Element, str]]:
    """The elements of a WSDL or schema that refer to another file, with the reference. A bare fragment is none."""
    for element in root.iter(*REFERENCES):
        reference = urldefrag(element.get(REFERENCES[str(element.tag)], "").strip()).url
        if reference:
            yield element, reference


def is_remote(location: str) -> bool:
    """True for an http(s) address."""
    return location.lower().startswith(("http:", "https:"))


def local_target(referrer: Path, reference: str) -> Path | None:
    """The file that a reference in the file `referrer` names, whether it exists or not; None for another address.

    Windows paths are read too. An absolute path of the partner's machine stands for the file of that name beside the
    referrer. A file is also found by its name in other case, as Windows and .NET would find it.
    """
    written = reference.strip().replace("\\", "/")
    if written.lower().startswith("file:"):
        written = "/" + written[5:].lstrip("/")
    if _DRIVE.match(written):
        written = written.rpartition("/")[2]
    elif urlsplit(written).scheme:
        return None
    for name in (written, unquote(written)):
        if (found := _existing(referrer.parent / name)) is not None:
            return found
    name = unquote(written)
    beside = _existing(referrer.parent / name.rpartition("/")[2]) if name.startswith("/") else None
    return beside or (referrer.parent / name).resolve()


def _existing(path: Path) -> Path | None:
    if path.is_file():
        return path.resolve()
    if path.parent.is_dir():
        return next((each.resolve() for each in path.parent.iterdir() if _same_name(each, path)), None)
    return None


def _same_name(file: Path, wanted: Path) -> bool:
    return file.name.lower() == wanted.name.lower() and file.is_file()
