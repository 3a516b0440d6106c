"""The fuzzer's target and mutator do what they are for, and a short run of it finds nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from ccms_ws.errors import CcmsWsError
from tests.attack import fuzzing
from tests.support.envelopes import opened

TOP = Path(__file__).parents[2]
SECONDS = float(os.environ.get("CCMS_WS_FUZZ_SECONDS", "10"))


def _some_octet(data: bytes, _max_size: int) -> bytes:
    position = random.Random(len(data)).randrange(len(data))
    return data[:position] + b"<" + data[position + 1 :]


def test_seeds_are_good_and_come_back_from_an_input() -> None:
    for seed in fuzzing.seeds():
        fuzzing.target(seed)
        assert opened(fuzzing.split(seed)).partner_id in ("dmv", "adult-probation")


def test_the_mutator_makes_messages_that_are_refused_and_some_that_are_believed() -> None:
    """Messages that are signed again get past the signature, so that what stands behind it is fuzzed as well."""
    (seed, *_), outcomes = fuzzing.seeds(), set()
    for number in range(600):
        data = fuzzing.mutate(seed, 65536, number, _some_octet)
        fuzzing.target(data)
        try:
            opened(fuzzing.split(data))
            outcomes.add("believed")
        except CcmsWsError as error:
            outcomes.add(error.code)
    assert {"believed", "security.digest-mismatch", "security.part-not-signed", "envelope.malformed"} <= outcomes
    assert len(outcomes) >= 8, outcomes


def test_a_second_look_notices_what_should_not_have_been_believed() -> None:
    seed = fuzzing.seeds()[0]
    good = opened(fuzzing.split(seed))
    with pytest.raises(AssertionError, match="digest"):
        fuzzing.recheck(fuzzing.split(seed).body.replace(b"24CR", b"25CR"), good)


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed (extra: fuzz)")
def test_a_short_run_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(TOP / "tools" / "fuzz"), "--minutes", str(SECONDS / 60), "--corpus", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, timeout=SECONDS + 120, check=False)
    assert run.returncode == 0, run.stderr[-3000:].decode()
    assert not [path.name for path in tmp_path.iterdir() if path.name.partition("-")[0] in ("crash", "timeout", "oom")]
