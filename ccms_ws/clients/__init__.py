"""zeep, and only here: clients made from WSDLs, what becomes of what they send, security for a stock zeep client."""

from ccms_ws.clients.kept import read_kept
from ccms_ws.clients.operations import operation_for
from ccms_ws.clients.partner import Answer, OnExchange, PartnerClient, Receipt
from ccms_ws.clients.query import BalanceQueryClient, Criteria, QueryRefused, criteria_problems
from ccms_ws.clients.sealing import EnvelopeSecurity, answers_of
from ccms_ws.clients.transport import TransportSettings
from ccms_ws.clients.verdicts import Cause

__all__ = [
    "Answer",
    "BalanceQueryClient",
    "Cause",
    "Criteria",
    "QueryRefused",
    "criteria_problems",
    "EnvelopeSecurity",
    "OnExchange",
    "PartnerClient",
    "Receipt",
    "TransportSettings",
    "answers_of",
    "operation_for",
    "read_kept",
]
