"""Every single attack ends in the error that it must end in, or shows exactly what was signed."""

from __future__ import annotations

import pytest

from ccms_ws.errors import CcmsWsError
from tests.attack.attack import Attack
from tests.attack.families import addressing, octets, signatures, signers, structure
from tests.support.envelopes import NS, opened

ATTACKS = [*structure.ATTACKS, *signatures.ATTACKS, *signers.ATTACKS, *addressing.ATTACKS, *octets.ATTACKS]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_attack(attack: Attack) -> None:
    if attack.answer is None:
        envelope = opened(attack.make(), **attack.how)  # type: ignore[arg-type]
        assert envelope.payload.findtext("t:Case", namespaces=NS) == "24CR01234"
        return
    with pytest.raises(CcmsWsError) as caught:
        opened(attack.make(), **attack.how)  # type: ignore[arg-type]
    assert type(caught.value) is attack.answer, caught.value


def test_every_attack_on_an_envelope_has_a_vector() -> None:
    numbers = {attack.number for attack in ATTACKS} | {1, 2}  # 1 and 2: test_wrapping
    assert numbers >= {*range(1, 19), *range(21, 38), 42}
