"""zeep, and only here: clients made from WSDLs, what becomes of what they send, security for a stock zeep client."""

from ccms_ws.clients.delivery_failures import FailureCause
from ccms_ws.clients.operations import operation_for
from ccms_ws.clients.partner import Answer, OnWire, PartnerClient, Receipt
from ccms_ws.clients.query import BalanceQueryClient, Criteria, QueryRefused, criteria_problems
from ccms_ws.clients.stored_messages import read_stored
from ccms_ws.clients.transport import TransportSettings
from ccms_ws.clients.zeep_wsse import EnvelopeSecurity, answers_of

__all__ = [
    "Answer",
    "BalanceQueryClient",
    "FailureCause",
    "Criteria",
    "QueryRefused",
    "criteria_problems",
    "EnvelopeSecurity",
    "OnWire",
    "PartnerClient",
    "Receipt",
    "TransportSettings",
    "answers_of",
    "operation_for",
    "read_stored",
]
