"""Every namespace, prefix and algorithm URI that exchanges share, once. `Q_*` are qualified names in Clark notation."""

from __future__ import annotations

from typing import Final

# -- SOAP and WS-* ----------------------------------------------------------------------------------------------------
SOAP11: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12: Final = "http://www.w3.org/2003/05/soap-envelope"
WSA: Final = "http://www.w3.org/2005/08/addressing"
WSAM: Final = "http://www.w3.org/2007/05/addressing/metadata"
WSAW: Final = "http://www.w3.org/2006/05/addressing/wsdl"
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DS: Final = "http://www.w3.org/2000/09/xmldsig#"
DSIG_MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
XML: Final = "http://www.w3.org/XML/1998/namespace"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XSD: Final = "http://www.w3.org/2001/XMLSchema"

WSA_ANONYMOUS: Final = WSA + "/anonymous"
WSA_NONE: Final = WSA + "/none"
WSA_FAULT_ACTION: Final = WSA + "/fault"
WSA_SOAP_FAULT_ACTION: Final = WSA + "/soap/fault"

# -- WSDL -------------------------------------------------------------------------------------------------------------
WSDL: Final = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP11: Final = "http://schemas.xmlsoap.org/wsdl/soap/"
WSDL_SOAP12: Final = "http://schemas.xmlsoap.org/wsdl/soap12/"
SOAP_HTTP_TRANSPORT: Final = "http://schemas.xmlsoap.org/soap/http"
WSP: Final = "http://www.w3.org/ns/ws-policy"
WSP_2004: Final = "http://schemas.xmlsoap.org/ws/2004/09/policy"
SP: Final = "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702"

# -- NIEM 2.1 ---------------------------------------------------------------------------------------------------------
NC: Final = "http://niem.gov/niem/niem-core/2.0"
J: Final = "http://niem.gov/niem/domains/jxdm/4.1"
STRUCTURES: Final = "http://niem.gov/niem/structures/2.0"
NIEM_XSD: Final = "http://niem.gov/niem/proxy/xsd/2.0"
APPINFO: Final = "http://niem.gov/niem/appinfo/2.0"

# -- ours: our own invention, no authority published any for these exchanges -------------------------------------------
EXT: Final = "urn:ccms-ws:extension:1.0"
FAULT: Final = "urn:ccms-ws:fault:1.0"

PREFIXES: Final = {
    "soap": SOAP11, "soap12": SOAP12, "wsa": WSA, "wsse": WSSE, "wsu": WSU, "ds": DS, "ec": EXC_C14N,
    "nc": NC, "j": J, "ext": EXT, "fault": FAULT,
}  # fmt: skip
"""Of what all exchanges share; `catalog.prefixes` has those of the exchanges too."""


def q(namespace: str, name: str) -> str:
    """The qualified name in Clark notation: `{namespace}name`."""
    return f"{{{namespace}}}{name}"
