"""What changed between two contracts, and whether it breaks a client: `compare(OLD, NEW)`.

A contract is a WSDL file, a folder or ZIP with WSDLs in it, or the address of a published WSDL.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urldefrag

from ccms_ws.contract.diff.changes import Change, Effect, worst
from ccms_ws.contract.diff.code_changes import code_changes
from ccms_ws.contract.diff.leftovers import schema_leftovers
from ccms_ws.contract.diff.message_changes import MessageChanges
from ccms_ws.contract.diff.name_changes import name_changes
from ccms_ws.contract.diff.service_changes import Service, ServiceChanges, renamings
from ccms_ws.contract.lint.documents import Q_DEFINITIONS, Closure, Document
from ccms_ws.contract.wsdl_check import set_aside_unneeded
from ccms_ws.contract.wsdl_import import Fetch, gather
from ccms_ws.errors import ContractError, ContractMissing

__all__ = ["Change", "Effect", "compare", "worst"]

_MOST: Final = 64 * 1024 * 1024  # bytes that a ZIP may unpack to


def compare(old: str, new: str, *, fetch: Fetch | None = None) -> list[Change]:
    """The changes from `old` to `new`, the gravest first.

    Raises ContractMissing for what is not there, ContractError for what holds no WSDL.
    """
    with _opened(old, fetch) as before, _opened(new, fetch) as after:
        services = Service(_entries(before)), Service(_entries(after))
        renamed = renamings(services[0].namespaces, services[1].namespaces)

        def named_as_before(name: str) -> str:
            for namespace, earlier in renamed.items():
                name = re.sub(rf"{re.escape(namespace)}(?![0-9.])", earlier, name)
            return name

        changes = {
            Change(
                Effect.BREAKING,
                namespace,
                f"it was {earlier}",
                "a client of the old namespace is none of the new one",
                Effect.BREAKING,
                Effect.BREAKING,
            )
            for namespace, earlier in renamed.items()
        }
        compared = ServiceChanges(*services, named_as_before)
        changes.update(compared.changes())
        messages = MessageChanges(services[0].types, services[1].types, named_as_before)
        changes.update(messages.of(compared.messages()))
        changes.update(schema_leftovers(messages))
        if not changes:
            changes.update(name_changes(*services, named_as_before))
        changes.update(code_changes(before, after))
    return sorted(changes, key=lambda change: (-change.effect, change.where, change.what))


@contextmanager
def _opened(source: str, fetch: Fetch | None) -> Iterator[Path]:
    """The contract as a file or folder on disk."""
    path = Path(source)
    if source.startswith(("http://", "https://")):
        with tempfile.TemporaryDirectory() as folder:
            address = urldefrag(source).url
            gathered = gather(address, named=(address.partition("?")[0],), fetch=fetch)
            set_aside_unneeded(gathered)
            gathered.write(Path(folder))
            yield Path(folder) / gathered.entry
    elif path.is_file() and zipfile.is_zipfile(path):
        with tempfile.TemporaryDirectory() as folder:
            _unpack(path, Path(folder))
            yield Path(folder)
    elif path.exists():
        yield path
    else:
        raise ContractMissing(f"there is no {source}")


def _unpack(path: Path, folder: Path) -> None:
    """Unpack an untrusted ZIP: no path out of the folder, no more than a contract can need."""
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if sum(entry.file_size for entry in entries) > _MOST or len(entries) > 10_000:
                raise ContractError(f"{path} is larger than any contract")
            for entry in entries:
                target = (folder / entry.filename).resolve()
                if not target.is_relative_to(folder.resolve()):
                    raise ContractError(f"{path} holds {entry.filename!r}, which leads out of it")
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(archive.read(entry))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise ContractError(f"{path} cannot be unpacked: {error}") from error


def _entries(path: Path) -> list[Path]:
    """The WSDLs that no other one imports."""
    files = [path] if path.is_file() else sorted(path.rglob("*.wsdl"))
    if not files:
        raise ContractError(f"{path} holds no WSDL")
    for file in files:
        root = Document.read(file).root
        if root is None or root.tag != Q_DEFINITIONS:
            raise ContractError(f"{file} is no WSDL 1.1")
    imported = {other for file in files for other in Closure.read(file).documents if other != file.resolve()}
    return [file for file in files if file.resolve() not in imported]
