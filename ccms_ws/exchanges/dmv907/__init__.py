"""DMV907: Court Sends Failure to Comply Notification.

When somebody wilfully does not comply with a court's order for a violation of the Vehicle Code (VC 40509.1), the court
sends DMV an abstract that asks for a hold on the driver license, and later one that releases it. DMV processes each
abstract and says so in a separate message: a response with a message code for the license, or an error.
"""

from ccms_ws.domain.partners import PartnerKind
from ccms_ws.exchange import Direction, Exchange, Incoming, Outgoing, PayloadElements
from ccms_ws.exchanges.dmv907 import handler, wire

DMV907 = Exchange(
    package=__name__,
    code="DMV907",
    version="1.0",
    title="Court Sends Failure to Comply Notification",
    direction=Direction.OUTBOUND,
    namespace=wire.NAMESPACE,
    service="DMV907-answers-1.0-service.wsdl",
    incoming=(
        Incoming(
            root=wire.Q_RESPONSE,
            read=wire.response_from_xml,
            handle=handler.take_response,
        ),
        Incoming(
            root=wire.Q_ERROR,
            read=wire.error_from_xml,
            handle=handler.take_error,
        ),
    ),
    outgoing=Outgoing(
        root=wire.Q_ABSTRACT,
        write=wire.notification_to_xml,
        ordering_keys=handler.ordering_keys,
        on_delivered=handler.on_delivered,
        on_dead=handler.on_dead,
        on_timeout=handler.on_timeout,
        on_resend=handler.on_resend,
        on_discard=handler.on_discard,
        recompose=handler.recompose,
    ),
    partner_kinds=frozenset({PartnerKind.MOTOR_VEHICLES}),
    elements=PayloadElements(
        own_ids=frozenset({wire.Q_ABSTRACT_ID}),
        earlier_ids=frozenset({wire.Q_ORIGINAL}),
        codes={wire.Q_MESSAGE_CODE: "dmv907-message-codes"},
        court={wire.Q_COURT_CODE: "dmv_court_code"},
    ),
)
