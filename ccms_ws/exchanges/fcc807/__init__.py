"""FCC807: Court Receives Case Participant Balance Query.

Adult or juvenile probation asks what a case participant owes. The court answers at once, in one of three ways: the
balance (0.00 is a balance), a rejection with its reason ("no, because"), or the exchange's error message, a SOAP fault
whose detail says which code and why. Who may not know of a case gets the answer of a case that does not exist.
"""

from ccms_ws.domain.partners import PartnerKind
from ccms_ws.exchange import Direction, Exchange, Incoming
from ccms_ws.exchanges.fcc807 import handler, serialize, wire

FCC807 = Exchange(
    package=__name__,
    code="FCC807",
    version="1.0",
    title="Court Receives Case Participant Balance Query",
    direction=Direction.INBOUND,
    namespace=wire.NAMESPACE,
    service="FCC807-1.0-service.wsdl",
    incoming=(
        Incoming(
            root=wire.Q_QUERY,
            read=wire.query_from_xml,
            handle=handler.handle,
            write=serialize.response_text,
            read_only=True,
        ),
    ),
    write_error=wire.error_to_xml,
    partner_kinds=frozenset({PartnerKind.PROBATION}),
)
