"""What other stacks write is accepted: every layout, signed by libxmlsec."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ccms_ws.envelope.algorithms import ECDSA_SHA256, ECDSA_SHA384, RSA_SHA256
from tests.support.envelopes import NS, find, opened, received
from tests.support.layouts import LAYOUTS
from tests.support.oracles import libxmlsec_sign, libxmlsec_verifies
from tests.support.pki import pki


@pytest.mark.parametrize(("who", "method"), [("probation", RSA_SHA256), ("dmv", ECDSA_SHA256), ("ftb", ECDSA_SHA384)])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_validly_signed_layout_is_accepted(name: str, who: str, method: str) -> None:
    identity = getattr(pki(), who)
    text = replace(LAYOUTS[name], identity=identity).text().replace(RSA_SHA256.encode(), method.encode())
    raw = libxmlsec_sign(text, identity)
    assert libxmlsec_verifies(raw, identity)
    envelope = opened(raw)
    assert envelope.certificate == identity.certificate
    assert envelope.payload is find(envelope.envelope, "soap:Body")[0]


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_same_layout_with_one_changed_letter_is_refused(name: str) -> None:
    raw = libxmlsec_sign(LAYOUTS[name].text(), pki().probation)
    changed = raw.replace(b"Query", b"Qvery")
    assert not libxmlsec_verifies(changed, pki().probation)
    with pytest.raises(Exception, match="signed was"):
        opened(changed)


def test_comments_join_the_text_around_them() -> None:
    raw = libxmlsec_sign(LAYOUTS["comments-in-body"].text(), pki().probation)
    assert opened(raw).payload.findtext("t:Case", namespaces=NS) == "24CR01234"


def test_cdata_is_its_text() -> None:
    raw = libxmlsec_sign(LAYOUTS["cdata-in-body"].text(), pki().probation)
    assert opened(raw).payload.findtext("t:Case", namespaces=NS) == "24<CR>&01234"


def test_a_token_after_its_signature_is_remarked_upon() -> None:
    raw = libxmlsec_sign(LAYOUTS["token-after-signature"].text(), pki().probation)
    assert [remark for remark in opened(raw).remarks if remark.startswith("BSP R5205")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf16_with_a_byte_order_mark_is_accepted(encoding: str) -> None:
    raw = libxmlsec_sign(LAYOUTS["non-ascii"].text(), pki().probation)
    text = raw.decode().replace("encoding='UTF-8'", "encoding='UTF-16'")
    bom = "" if encoding == "utf-16" else "\ufeff"
    message = (bom + text).encode(encoding)
    envelope = opened(received(message, content_type="text/xml; charset=UTF-16"))
    assert envelope.payload.findtext("t:Case", namespaces=NS) == "Núñez 王 \U0001f600"


def test_the_content_digest_does_not_depend_on_the_layout() -> None:
    """The same payload, pinned prefixes or not, white space around it or not: one content, one digest."""
    same = ["plain", "prefix-list-on-references", "enveloped-signature-transform", "whitespace-around-payload",
            "carriage-returns-around-payload", "default-namespace-on-envelope", "comments-in-body"]  # fmt: skip
    digests = {opened(libxmlsec_sign(LAYOUTS[name].text(), pki().probation)).content_digest for name in same}
    assert len(digests) == 1
