"""The stored attacks once more, over HTTP against a gate that serves: what a stranger gets to see of each refusal."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from lxml import etree

from ccms_ws.contract.namespaces import DS
from tests.attack.endpoint import AttackedEndpoint, attacked_endpoint
from tests.attack.expecting import fault_code
from tests.attack.vectors import Vector, read_vectors
from tests.support.envelopes import NS

# Answers are opened by clients, who are attacked in tests/integration/clients.
VECTORS = [vector for vector in read_vectors() if vector.expectation.status]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[AttackedEndpoint]:
    with attacked_endpoint() as running:
        yield running


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_an_attack_over_http_gets_the_answer_that_its_sidecar_says(endpoint: AttackedEndpoint, vector: Vector) -> None:
    answer = endpoint.attack(vector)
    assert answer.status == vector.expectation.status
    if not vector.expectation.code:
        (envelope,) = answer.opened
        assert envelope.payload.findtext("t:Case", namespaces=NS) == "24CR01234"
        return
    assert not answer.opened
    (refusal,) = answer.refusals
    assert refusal.code == vector.expectation.code
    assert str(refusal.incident_id).encode() in answer.body
    assert refusal.detail.encode() not in answer.body
    if vector.expectation.fault:
        root = etree.fromstring(answer.body)
        assert fault_code(root) == vector.expectation.fault
        assert next(root.iter(f"{{{DS}}}Signature"), None) is None, "a signature for a stranger"
        assert root.xpath("string(//*[local-name()='ErrorCode'])") == vector.expectation.code
    else:
        assert answer.body.startswith(vector.expectation.code.encode() + b": ")
    assert len(answer.body) < 2500, "a refusal is short, whatever came"
