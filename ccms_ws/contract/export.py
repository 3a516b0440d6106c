"""The contract of one exchange as a ZIP: WSDLs, schemas, code lists, policy, samples, test key and a reading guide.

Reproducible: the same contract gives the same bytes every time. Signed samples come from the caller, who
can sign; this module only lays files out.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lxml import etree

from ccms_ws.contract import catalog
from ccms_ws.contract.codes import CodeLists, written
from ccms_ws.contract.package_page import Contents, reading_guide
from ccms_ws.contract.policy import WireProfile, policy_of
from ccms_ws.contract.wsdl import Q_ADDRESSES, closure_of, load_wsdl

_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP can hold


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPackage:
    """What is exported of one exchange version: the court's service, and the WSDLs that stand for partners' own.

    `signed` holds the signed samples by name ("soap12/FCC807-query"), `codes` the code lists of the court.
    """

    code: str
    version: str
    title: str
    namespace: str
    service: str
    url: str
    partner_wsdls: Sequence[str]
    profile: WireProfile
    signed: Mapping[str, bytes]
    codes: CodeLists

    @property
    def name(self) -> str:
        """The name of the package, without suffix: "FCC807-1.0"."""
        return f"{self.code}-{self.version}"


def export(offer: ContractPackage) -> bytes:
    """The ZIP file; everything in it lies in one folder, which has the package's name."""
    files = dict(sorted(_files(offer)))
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    files["SHA256SUMS"] = sums.encode()
    spool = io.BytesIO()
    with zipfile.ZipFile(spool, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{offer.name}/{name}", _NO_TIME)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_STORED)  # what zlib makes depends on its version
    return spool.getvalue()


def _files(offer: ContractPackage) -> Iterator[tuple[str, bytes]]:
    roots = {kind: catalog.folder(kind) for kind in ("wsdl", "xsd")}
    names: list[str] = []
    for wsdl in (offer.service, *offer.partner_wsdls):
        for path in closure_of(catalog.wsdl_path(wsdl)):
            kind = "wsdl" if path.is_relative_to(roots["wsdl"]) else "xsd"
            name = f"{kind}/{path.relative_to(roots[kind]).as_posix()}"
            if name not in names:
                names.append(name)
                yield name, _addressed(path, offer.url) if wsdl == offer.service else path.read_bytes()
    samples = catalog.samples_of(offer.namespace)
    for sample in samples:
        yield f"samples/{sample}.xml", catalog.sample(sample)
    for name, content in offer.signed.items():
        yield f"samples/signed/{name}.xml", content
    lists = [each for each in offer.codes if offer.code in each.exchanges]
    for each in lists:
        yield f"codes/{each.name}.toml", written(each).encode()
    for key in ("README.md", "published-test.crt", "published-test.key"):
        yield f"test-key/{key}", catalog.xsd_path(f"test-key/{key}").read_bytes()
    yield "policy.xml", _policy_document(offer)
    contents = Contents(
        code=offer.code, version=offer.version, title=offer.title, url=offer.url, service=offer.service,
        partner_wsdls=offer.partner_wsdls, samples=samples, lists=lists, profile=offer.profile,
        schema=next(name for name in names if name.startswith("xsd/exchange/")),
    )  # fmt: skip
    yield "README.md", reading_guide(contents).encode()


def _addressed(path: Path, url: str) -> bytes:
    """A file of the court's own, with the address at which the court publishes it."""
    root = catalog.parse(path)
    addresses = list(root.iter(*Q_ADDRESSES))
    if not addresses:
        return path.read_bytes()
    for address in addresses:
        address.set("location", url)
    return etree.tostring(root.getroottree(), xml_declaration=True, encoding="UTF-8")


def _policy_document(offer: ContractPackage) -> bytes:
    """The policy as a document of its own."""
    policy = policy_of(offer.profile, one_way=load_wsdl(offer.service).one_way)
    etree.indent(policy, "  ")
    return etree.tostring(policy, xml_declaration=True, encoding="UTF-8") + b"\n"
