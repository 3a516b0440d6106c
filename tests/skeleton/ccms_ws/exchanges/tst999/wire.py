"""TST999 messages to XML and back. The names of its elements are declared here, and nowhere else in code."""

from __future__ import annotations

from typing import Final

from lxml.etree import _Element

from ccms_ws.contract.namespaces import NC, q
from ccms_ws.exchanges.tst999.messages import Notice, NoticeError
from ccms_ws.message_parts import xml
from ccms_ws.message_parts.error_block import read_error_block
from ccms_ws.message_parts.metadata import read_metadata, write_metadata

NAMESPACE: Final = "urn:ccms-ws:exchange:TST999:1.0"
Q_NOTICE: Final = q(NAMESPACE, "CaseNotice")
Q_ERROR: Final = q(NAMESPACE, "CaseNoticeError")
Q_NOTICE_ID: Final = q(NAMESPACE, "NoticeID")
Q_CASE: Final = q(NC, "CaseTrackingID")


def notice_to_xml(notice: Notice) -> _Element:
    message = xml.root(Q_NOTICE, "tst999")
    write_metadata(message, notice.metadata)
    xml.add(message, Q_NOTICE_ID, str(notice.metadata.transaction_id))
    xml.add(message, Q_CASE, notice.case_number)
    return message


def error_from_xml(message: _Element) -> NoticeError:
    return NoticeError(
        metadata=read_metadata(message),
        notice_id=xml.text(message, Q_NOTICE_ID),
        problem=read_error_block(message),
    )
