"""zeep, and only here: clients made from WSDLs, what becomes of what they send, security for a stock zeep client."""

from ccms_ws.clients.delivery_failures import FailureCause
from ccms_ws.clients.operations import operation_for
from ccms_ws.clients.partner import Answer, OnWire, PartnerClient, Receipt
from ccms_ws.clients.stored_messages import read_stored
from ccms_ws.clients.transport import TransportSettings
from ccms_ws.clients.zeep_wsse import EnvelopeSecurity, answers_of
from ccms_ws.domain.courts import Court
from ccms_ws.domain.partners import Partner, PartnerKind, ProbationUnit
from ccms_ws.envelope.identity import Identity
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore

__all__ = [
    "Answer",
    "Court",
    "EnvelopeSecurity",
    "FailureCause",
    "Identity",
    "OnWire",
    "Partner",
    "PartnerClient",
    "PartnerKind",
    "PinnedCertificate",
    "ProbationUnit",
    "Receipt",
    "TransportSettings",
    "TrustStore",
    "answers_of",
    "operation_for",
    "read_stored",
]
