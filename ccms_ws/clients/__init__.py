"""zeep, and only here: clients made from the partners' WSDLs, and what becomes of what they send."""

from ccms_ws.clients.partner import Answer, OnExchange, PartnerClient, Receipt
from ccms_ws.clients.transport import TransportSettings
from ccms_ws.clients.verdicts import Cause

__all__ = ["Answer", "Cause", "OnExchange", "PartnerClient", "Receipt", "TransportSettings"]
