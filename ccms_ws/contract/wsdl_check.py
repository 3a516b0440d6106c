"""Can the court use a partner's WSDL? What it lacks for an exchange, in words, with what can be done about it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from ccms_ws.contract.lint import lint_file
from ccms_ws.contract.namespaces import WSAM, WSDL, WSP, q
from ccms_ws.contract.qnames import readable
from ccms_ws.contract.wsdl import Wsdl, load_wsdl
from ccms_ws.contract.wsdl_import import Gathering
from ccms_ws.errors import ContractError


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """What a WSDL lacks; `fatal`: the court cannot send by it."""

    what: str
    advice: str
    fatal: bool = False


def shortcomings(gathering: Gathering, root: str = "") -> Iterator[Shortcoming]:
    """What the gathered WSDL lacks. `root`: the message (in Clark notation) that the court will send by it, if any."""
    with tempfile.TemporaryDirectory() as folder:
        gathering.write(Path(folder))
        entry = Path(folder) / gathering.entry
        try:
            wsdl = load_wsdl(entry)
        except ContractError as error:
            yield Shortcoming(str(error), "the court sends document/literal messages by WSDL 1.1", fatal=True)
            return
        yield from _operations(wsdl, root)
        yield from _ports(wsdl)
        yield from _metadata(wsdl)
        for finding in lint_file(entry):
            yield Shortcoming(
                f"{Path(finding.file).name}:{finding.line}: {finding.clause}: {finding.problem}", finding.advice
            )


def _operations(wsdl: Wsdl, root: str) -> Iterator[Shortcoming]:
    if not wsdl.operations:
        yield Shortcoming("it has no operation", "ask the partner for the WSDL of its service", fatal=True)
    elif root and all(operation.input != root for operation in wsdl.operations.values()):
        taken = ", ".join(readable(operation.input) or "nothing" for operation in wsdl.operations.values())
        yield Shortcoming(f"no operation takes {readable(root)}; they take {taken}", "ask the partner", fatal=True)
    for operation in wsdl.operations.values():
        if root and operation.input == root and operation.output is None and not operation.faults:
            yield Shortcoming(
                f"{operation.name} answers nothing", "the partner's answers come to the court's own service, later"
            )


def _ports(wsdl: Wsdl) -> Iterator[Shortcoming]:
    versions = {port.soap_version for port in wsdl.ports}
    if not versions:
        yield Shortcoming("it has no port with a SOAP address", "ask the partner for the concrete WSDL", fatal=True)
    elif len(versions) == 1:
        (version,) = versions
        yield Shortcoming(f"it has only a SOAP {version} port", f'set soap = "{version}" in the partner\'s profile')
    for port in wsdl.ports:
        if not port.address.startswith(("http://", "https://")):
            yield Shortcoming(f"the port {port.name} has no address", "the url of the partner's profile is used")


def _metadata(wsdl: Wsdl) -> Iterator[Shortcoming]:
    roots = [etree.parse(path).getroot() for path in wsdl.files if path.suffix == ".wsdl"]
    inputs = [
        each
        for root in roots
        for each in root.iterfind(f"{q(WSDL, 'portType')}/{q(WSDL, 'operation')}/{q(WSDL, 'input')}")
    ]
    if any(each.get(q(WSAM, "Action")) is None for each in inputs):
        yield Shortcoming("it gives no wsam:Action", "the default action of WS-Addressing Metadata 4.4.4 is sent")
    if all(root.find(f".//{q(WSP, 'Policy')}") is None for root in roots):
        yield Shortcoming(
            "it states no security policy", "the profile in the partner's settings decides what is signed"
        )
