"""DMV907: Court Sends Failure to Comply Notification.

When a person wilfully does not comply with a court's order for a violation of the Vehicle Code (VC 40509.1), the court
sends DMV an abstract that asks for a hold on the driver license, and later one that releases it. DMV processes each
abstract and says so in a separate message: a response with a message code for the license, or an error.
"""

from ccms_ws.domain.partners import PartnerKind
from ccms_ws.exchange import AnswerMessage, Direction, Exchange, NotificationMessage, PayloadElements
from ccms_ws.exchanges.dmv907 import handler, wire
from ccms_ws.exchanges.dmv907.repository import Abstracts
from ccms_ws.tracking import Tracking

DMV907 = Exchange(
    package=__name__,
    code="DMV907",
    version="1.0",
    title="Court Sends Failure to Comply Notification",
    direction=Direction.OUTBOUND,
    namespace=wire.NAMESPACE,
    service="DMV907-answers-1.0-service.wsdl",
    notification=NotificationMessage(
        root=wire.Q_ABSTRACT,
        write=wire.notification_to_xml,
        ordering_keys=handler.ordering_keys,
        tracking=Tracking(
            repository=Abstracts,
            noun="abstract",
            count_overdue=lambda connection, now: Abstracts(connection).count_overdue(now),
        ),
        recompose=handler.recompose,
        answers=(
            AnswerMessage(
                root=wire.Q_RESPONSE,
                read=wire.response_from_xml,
                repeated_id=lambda response: response.abstract_id,
                interpret=handler.take_response,
            ),
            AnswerMessage(
                root=wire.Q_ERROR,
                read=wire.error_from_xml,
                repeated_id=lambda error: error.abstract_id,
                interpret=handler.take_error,
            ),
        ),
    ),
    partner_kinds=frozenset({PartnerKind.MOTOR_VEHICLES}),
    elements=PayloadElements(
        own_ids=frozenset({wire.Q_ABSTRACT_ID}),
        earlier_ids=frozenset({wire.Q_ORIGINAL}),
        codes={wire.Q_MESSAGE_CODE: "dmv907-message-codes"},
        court={wire.Q_COURT_CODE: "dmv_court_code"},
    ),
)
