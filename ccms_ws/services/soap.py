"""A Spyne service made from an exchange's declaration, and the call of one verified payload.

The envelope layer has read and verified the message before Spyne sees it: Spyne gets the payload element itself (never
bytes, never an id to resolve), routes it by its qualified name to the operation of the WSDL, and returns the handler's
element. Spyne's interface documents are the committed WSDL and schemas, never generated ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml.etree import _Element

from ccms_ws.contract.wsdl import Wsdl, WsdlOperation, load_wsdl, published_wsdl
from ccms_ws.errors import ContractError, InternalError, UnknownMessage
from ccms_ws.exchange import Exchange, RequestMessage
from ccms_ws.services import spyne_compat  # noqa: F401  (before Spyne)

from spyne import Application, MethodContext, Service, rpc  # isort: skip
from spyne.interface._base import InterfaceDocumentsBase  # isort: skip
from spyne.model import AnyXml  # isort: skip
from spyne.protocol import ProtocolBase  # isort: skip
from spyne.server import ServerBase  # isort: skip

Handle = Callable[[_Element], Any]


class _Payload(AnyXml):  # type: ignore[misc]
    """The Body's child, unchanged: document/literal, one part."""


@dataclass(slots=True)
class _Call:
    """Travels with one message through Spyne: its handler, and the result."""

    payload: _Element
    handle: Handle
    outcome: Any = None
    error: Exception | None = None


class _Context(MethodContext):  # type: ignore[misc]
    """One call, without reference cycles: a message is freed after its last use, not by a later garbage collection."""

    TransportContext = None
    __setattr__ = object.__setattr__  # Spyne restricts attributes for handlers; ours never see a context


class _PayloadProtocol(ProtocolBase):  # type: ignore[misc]
    """Document in, document out; the envelope layer does SOAP."""

    def get_context(self, parent: Any, transport: Any) -> None:
        """No protocol context is needed for a call."""

    def create_in_document(self, ctx: Any, in_string_encoding: str | None = None) -> None:
        ctx.in_document = ctx.udc.payload

    def decompose_incoming_envelope(self, ctx: Any, message: str) -> None:
        ctx.in_body_doc = ctx.in_document
        ctx.method_request_string = str(ctx.in_document.tag)

    def get_call_handles(self, ctx: Any) -> list[Any]:
        """Route by the payload's qualified name, not by Spyne's target namespace and method name."""
        methods = (method for found in self.app.interface.service_method_map.values() for method in found)
        return [method for method in methods if _input_name(method) == ctx.method_request_string]

    def deserialize(self, ctx: Any, message: str) -> None:
        ctx.in_object = ctx.in_body_doc

    def serialize(self, ctx: Any, message: str) -> None:
        ctx.out_document = ctx.out_object[0] if ctx.out_object else None

    def create_out_string(self, ctx: Any, out_string_encoding: str | None = None) -> None:
        ctx.out_string = ()


class _Server(ServerBase):  # type: ignore[misc]
    transport = "http://schemas.xmlsoap.org/soap/http"


def _input_name(method: Any) -> str:
    attributes = method.in_message.Attributes
    return f"{{{attributes.sub_ns}}}{attributes.sub_name}"


def _documents(wsdl_name: str) -> type[InterfaceDocumentsBase]:
    """Spyne's extension point for interface documents, answered from the committed files."""

    class CommittedWsdl:
        document = b""

        def build_interface_document(self, url: str) -> None:
            self.document = published_wsdl(wsdl_name, url)

        def get_interface_document(self) -> bytes:
            return self.document

        def build_validation_schema(self) -> None:
            """Payloads are validated by `ccms_ws.contract.schemas`, one compiled schema per thread."""

    class Documents(InterfaceDocumentsBase):  # type: ignore[misc]
        def __init__(self, interface: Any) -> None:
            super().__init__(interface, wsdl11=CommittedWsdl())

        @property
        def xml_schema(self) -> CommittedWsdl:
            wsdl: CommittedWsdl = self.wsdl11
            return wsdl

    return Documents


def _service_method(operation: WsdlOperation) -> Any:
    def method(ctx: Any, payload: _Element) -> Any:
        call: _Call = ctx.udc
        try:
            call.outcome = call.handle(payload)
        except Exception as error:  # raised again in `SoapService.call`: Spyne would log it with its values
            call.error = error
        return payload

    method.__name__ = operation.name
    declared: dict[str, Any] = {"_body_style": "bare", "_in_message_name": operation.input}
    if operation.output:
        declared |= {"_returns": _Payload, "_out_message_name": operation.output}
    return rpc(_Payload, **declared)(method)


class SoapService:
    """The service that one exchange publishes, run by Spyne. Thread-safe once made."""

    def __init__(self, exchange: Exchange) -> None:
        """Raises ContractError if the WSDL and the declaration do not name the same messages."""
        self.exchange = exchange
        self.wsdl: Wsdl = load_wsdl(exchange.service)
        offered = {operation.input for operation in self.wsdl.operations.values()}
        handled = {incoming.root for incoming in exchange.incoming}
        if offered != handled:
            raise ContractError(
                f"{exchange.service} and the declaration of {exchange.code} differ: {sorted(offered ^ handled)}"
            )
        methods = {name: _service_method(operation) for name, operation in self.wsdl.operations.items()}
        service = type(Service)(exchange.code, (Service,), methods)
        self._application = Application(
            [service],
            tns=self.wsdl.target_namespace,
            name=exchange.code,
            in_protocol=_PayloadProtocol(),
            out_protocol=_PayloadProtocol(),
            documents_container=_documents(exchange.service),
        )
        self._server = _Server(self._application)
        self.actions = {operation.input: operation.input_action for operation in self.wsdl.operations.values()}
        self.one_way = frozenset(each.input for each in self.wsdl.operations.values() if each.one_way)

    def operation(self, root: str) -> WsdlOperation:
        """The operation whose input is that element. Raises UnknownMessage."""
        found = next((operation for operation in self.wsdl.operations.values() if operation.input == root), None)
        if found is None:
            raise UnknownMessage(f"{self.exchange.code} offers no operation for {root}")
        return found

    def read_only(self, root: str) -> bool:
        """True if handling that element changes nothing."""
        incoming = self.exchange.incoming_by_root(root)
        return isinstance(incoming, RequestMessage) and incoming.read_only

    def published_wsdl(self, url: str) -> bytes:
        """The WSDL as Spyne publishes it at `url`."""
        documents = self._application.interface.docs.wsdl11
        documents.build_interface_document(url)
        document: bytes = documents.get_interface_document()
        return document

    def call(self, payload: _Element, handle: Handle) -> Any:
        """Dispatch `payload` through Spyne to its operation. Returns or raises what `handle` does."""
        call = _Call(payload, handle)
        context = _Context(self._server, MethodContext.SERVER)
        context.udc = call
        (context,) = self._server.generate_contexts(context)
        if context.in_error is not None:
            raise InternalError(f"Spyne refused a verified message: {context.in_error}")
        self._server.get_in_object(context)
        self._server.get_out_object(context)
        if call.error is not None:
            raise call.error
        if context.out_error is not None:
            raise InternalError(f"Spyne failed: {context.out_error}")
        self._server.get_out_string(context)
        context.close()
        context.event = None
        return call.outcome
