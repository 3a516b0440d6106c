"""TST999: Court Sends Notice. It does not exist: it shows what an exchange consists of.

The court tells a partner that something was entered on a case. No answer means success; the one answer there is, the
error message, names the notice that could not be processed.
"""

from ccms_ws.domain.partners import PartnerKind
from ccms_ws.exchange import AnswerMessage, Direction, Exchange, NotificationMessage, PayloadElements
from ccms_ws.exchanges.tst999 import handler, wire
from ccms_ws.exchanges.tst999.repository import Notices
from ccms_ws.tracking import Tracking

TST999 = Exchange(
    code="TST999",
    version="1.0",
    title="Court Sends Notice",
    direction=Direction.OUTBOUND,
    namespace=wire.NAMESPACE,
    service="TST999-answers-1.0-service.wsdl",
    notification=NotificationMessage(
        root=wire.Q_NOTICE,
        write=wire.notice_to_xml,
        ordering_keys=handler.ordering_keys,
        tracking=Tracking(repository=Notices, noun="notice", answer_noun="error message"),
        recompose=handler.recompose,
        answers=(
            AnswerMessage(
                root=wire.Q_ERROR,
                read=wire.error_from_xml,
                repeated_id=lambda error: error.notice_id,
                interpret=handler.take_error,
            ),
        ),
    ),
    package=__name__,
    partner_kinds=frozenset({PartnerKind.FRANCHISE_TAX_BOARD}),
    elements=PayloadElements(own_ids=frozenset({wire.Q_NOTICE_ID})),
)
