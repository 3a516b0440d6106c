"""What a WSDL offers on each SOAP version, found by the message that is to be sent: read once by zeep, shared by all.

zeep knows ports, bindings and SOAPActions; the actions of replies and faults, which it leaves out, come from
`ccms_ws.contract`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from zeep import Settings
from zeep.exceptions import Error as ZeepError
from zeep.wsdl import Document
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding

from ccms_ws.clients.transport import PartnerTransport, TransportSettings
from ccms_ws.contract.wsdl import WsdlOperation, load_wsdl
from ccms_ws.envelope.soap import SoapVersion
from ccms_ws.errors import ContractError

_VERSION_OF = {Soap11Binding: SoapVersion.SOAP11, Soap12Binding: SoapVersion.SOAP12}


@dataclass(frozen=True, slots=True)
class Operation:
    """How one message is sent, and what may come back: `answers` maps each declared element to its wsa:Action.

    `one_way`: no reply is declared; what is answered by HTTP alone is all that there is.
    """

    action: str
    soap_action: str
    answers: Mapping[str, str]
    one_way: bool


@cache
def read_operations(wsdl: Path) -> Mapping[tuple[SoapVersion, str], Operation]:
    """The operations of the WSDL at `wsdl`, by SOAP version and root element of their input.

    Raises ContractMissing for a file that is not there, ContractError for what is no usable WSDL. Nothing is fetched
    from the network.
    """
    wsdl = wsdl.resolve()
    declared = load_wsdl(wsdl).operations
    offline = PartnerTransport(TransportSettings())
    try:
        document = Document(
            str(wsdl),
            offline,  # type: ignore[arg-type]  # zeep's hint names the class
            settings=Settings(forbid_dtd=True, forbid_external=True),
        )
        operations = {
            (_VERSION_OF[type(port.binding)], declared[name].input): _read(declared[name], operation.soapaction)
            for service in document.services.values()
            for port in service.ports.values()
            if type(port.binding) in _VERSION_OF
            for name, operation in port.binding.all().items()
        }
    except (ZeepError, LookupError, NotImplementedError) as error:
        raise ContractError(f"{wsdl} is no usable WSDL: {error}") from error
    finally:
        offline.close()
    if not operations:
        raise ContractError(f"{wsdl} has no SOAP port")
    return MappingProxyType(operations)


def _read(declared: WsdlOperation, soap_action: str | None) -> Operation:
    answers = {fault.element: fault.action for fault in declared.faults.values()}
    if declared.output:
        answers[declared.output] = declared.output_action
    return Operation(
        declared.input_action,
        soap_action or declared.input_action,
        MappingProxyType(answers),
        one_way=not declared.output,
    )
