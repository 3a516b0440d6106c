"""COL903: Court Sends Collection Balance Update Notification.

The court tells a collecting partner (FTB, a county's revenue recovery, a collection agency, adult probation) in batches
what the referred debts amount to now. No answer means success: after the partner's window the batch counts as accepted.
The one answer there is, the error message, names the whole batch or single items, and finds its batch however late.
"""

from ccms_ws.domain.partners import PartnerKind
from ccms_ws.exchange import Direction, Exchange, Incoming, Outgoing, PayloadElements
from ccms_ws.exchanges.col903 import batches, handler, wire

COL903 = Exchange(
    package=__name__,
    code="COL903",
    version="1.0",
    title="Court Sends Collection Balance Update Notification",
    direction=Direction.OUTBOUND,
    namespace=wire.NAMESPACE,
    service="COL903-answers-1.0-service.wsdl",
    incoming=(
        Incoming(
            root=wire.Q_ERROR,
            read=wire.error_from_xml,
            handle=handler.take_error,
        ),
    ),
    outgoing=Outgoing(
        root=wire.Q_BATCH,
        write=batches.write,
        ordering_keys=batches.ordering_keys,
        on_delivered=handler.on_delivered,
        on_dead=handler.on_dead,
        on_timeout=handler.on_timeout,
        on_resend=handler.on_resend,
        on_discard=handler.on_discard,
        recompose=handler.recompose,
    ),
    partner_kinds=frozenset(
        {
            PartnerKind.FRANCHISE_TAX_BOARD,
            PartnerKind.REVENUE_RECOVERY,
            PartnerKind.COLLECTION_AGENCY,
            PartnerKind.PROBATION,
        }
    ),
    elements=PayloadElements(
        own_ids=frozenset({wire.Q_BATCH_ID}),
        earlier_ids=frozenset({wire.Q_CORRECTS}),
        totals=frozenset({wire.Q_TOTAL}),
    ),
)
