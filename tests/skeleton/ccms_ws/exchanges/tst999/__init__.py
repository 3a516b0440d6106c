"""TST999: Court Sends Notice. It does not exist: it shows what an exchange consists of.

The court tells a partner that something was entered on a case. No answer means success; the one answer there is, the
error message, names the notice that could not be processed.
"""

from ccms_ws.domain.partners import PartnerKind
from ccms_ws.exchange import Direction, Exchange, Incoming, Outgoing, PayloadElements
from ccms_ws.exchanges.tst999 import handler, wire

TST999 = Exchange(
    package=__name__,
    code="TST999",
    version="1.0",
    title="Court Sends Notice",
    direction=Direction.OUTBOUND,
    namespace=wire.NAMESPACE,
    service="TST999-answers-1.0-service.wsdl",
    incoming=(
        Incoming(
            root=wire.Q_ERROR,
            read=wire.error_from_xml,
            handle=handler.take_error,
        ),
    ),
    outgoing=Outgoing(
        root=wire.Q_NOTICE,
        write=wire.notice_to_xml,
        ordering_keys=handler.ordering_keys,
        on_delivered=handler.on_delivered,
        on_dead=handler.on_dead,
        on_timeout=handler.on_timeout,
        on_resend=handler.on_resend,
        on_discard=handler.on_discard,
        recompose=handler.recompose,
    ),
    partner_kinds=frozenset({PartnerKind.FRANCHISE_TAX_BOARD}),
    elements=PayloadElements(own_ids=frozenset({wire.Q_NOTICE_ID})),
)
