"""Where the contract's files are: `xsd/` and `wsdl/`, inside an installed package or at the top of a checkout.

Names are relative to these folders ("exchange/FCC807-1.0.xsd", "FCC807-1.0-service.wsdl"); no name leads out of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from lxml import etree
from lxml.etree import _Element

from ccms_ws.contract.namespaces import PREFIXES
from ccms_ws.errors import ContractError, ContractMissing

_CHECKOUT: Final = Path(__file__).parents[2]


class _Elsewhere:
    """Where `reading_from` reads the contract from; None: the package's own."""

    root: Path | None = None


def xsd_path(name: str) -> Path:
    """The schema file of that name below `xsd/`. Raises ContractMissing."""
    return _path("xsd", name)


def wsdl_path(name: str) -> Path:
    """The WSDL file of that name below `wsdl/`. Raises ContractMissing."""
    return _path("wsdl", name)


def sample(name: str) -> bytes:
    """The sample message of that name ("FCC807-balance"): a payload without its envelope. Raises ContractMissing."""
    return xsd_path(f"samples/{name}.xml").read_bytes()


def sample_names() -> tuple[str, ...]:
    """The names of all sample messages, in order."""
    return tuple(Path(name).stem for name in _files("xsd") if name.startswith("samples/") and name.endswith(".xml"))


def wsdl_names() -> tuple[str, ...]:
    """The names of all WSDL files, those of partners ("partner/COL903-1.0.wsdl") included, in order."""
    return tuple(name for name in _files("wsdl") if name.endswith(".wsdl"))


def samples_of(namespace: str) -> tuple[str, ...]:
    """The names of the samples whose message is of that namespace, in order."""
    roots = ((name, parse(xsd_path(f"samples/{name}.xml"))) for name in sample_names())
    return tuple(name for name, root in roots if etree.QName(root).namespace == namespace)


def exchange_schemas() -> Mapping[str, Path]:
    """The schema file of each namespace whose elements travel in a Body: every exchange version, and the faults."""
    return _exchange_schemas(folder("xsd"))


def published_schemas() -> Mapping[str, Path]:
    """The schema file of each namespace: exchanges, faults, extension and the NIEM subset."""
    return _published_schemas(folder("xsd"))


def prefixes() -> Mapping[str, str]:
    """The namespace of each usual prefix. That of an exchange is the one that its schema declares; of several versions
    the first has it.
    """
    return _prefixes(folder("xsd"))


@cache
def _prefixes(xsd: Path) -> dict[str, str]:
    usual = dict(PREFIXES)
    for namespace, path in _exchange_schemas(xsd).items():
        for prefix, uri in parse(path).nsmap.items():
            if prefix and uri == namespace:
                usual.setdefault(prefix, namespace)
    return usual


@cache
def _published_schemas(xsd: Path) -> dict[str, Path]:
    return {parse(path).get("targetNamespace", ""): path for path in sorted(xsd.rglob("*.xsd"))}


@cache
def _exchange_schemas(xsd: Path) -> dict[str, Path]:
    paths = (xsd / "fault.xsd", *sorted((xsd / "exchange").glob("*.xsd")))
    return {parse(path).get("targetNamespace", ""): path for path in paths}


def folder(name: str) -> Path:
    """The folder `xsd` or `wsdl` itself. A wheel carries both next to this module, a checkout at its top."""
    return _folder(name, _Elsewhere.root)


@contextmanager
def reading_from(root: Path) -> Iterator[None]:
    """Read the contract from `root`/xsd and `root`/wsdl in this process, for as long as the context is open.

    It is for a contract in the making: the next version of an exchange, beside the one in use.
    """
    before, _Elsewhere.root = _Elsewhere.root, root
    try:
        yield
    finally:
        _Elsewhere.root = before


@cache
def _folder(name: str, root: Path | None) -> Path:
    own = (Path(str(resources.files(__package__))), _CHECKOUT)
    for candidate in own if root is None else (root,):
        if (candidate / name).is_dir():
            return (candidate / name).resolve()
    raise ContractMissing(f"there is no folder {name}/", hint="install the package again, or run from a checkout")


def parse(path: Path) -> _Element:
    """The root of a contract file. The file is trusted; it is still parsed without entities and network access."""
    try:
        root = etree.parse(path, etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)).getroot()
    except OSError as error:
        raise ContractMissing(
            f"{path} cannot be read", hint="ccms-ws contract import brings a WSDL and its schemas into one folder"
        ) from error
    except etree.XMLSyntaxError as error:
        raise ContractError(f"{path} is not well-formed: {error.msg}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ContractError(f"{path} has a document type", hint="no WSDL or schema needs one; remove it")
    return root


def _path(kind: str, name: str) -> Path:
    try:
        return _files(kind)[name]
    except KeyError:
        raise ContractMissing(f"there is no {kind}/{name}") from None


def _files(kind: str) -> dict[str, Path]:
    return _files_below(folder(kind))


@cache
def _files_below(root: Path) -> dict[str, Path]:
    """Every file of a folder by its name. A name may come from an HTTP request: it is never joined to a path."""
    return {path.relative_to(root).as_posix(): path for path in sorted(root.rglob("*")) if path.is_file()}
