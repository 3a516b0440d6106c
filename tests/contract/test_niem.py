"""The samples against the unmodified NIEM 2.1 reference schemas, where a downloaded release is at hand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ccms_ws.contract import catalog

ROOT = Path(__file__).parents[2]
RELEASE = Path(os.environ.get("CCMS_WS_NIEM") or ROOT.parent / "shared" / "niem-2.1" / "niem")


def check_niem(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tools" / "check-niem"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


needs_release = pytest.mark.skipif(
    not RELEASE.is_dir(), reason=f"no NIEM 2.1 release at {RELEASE}; set CCMS_WS_NIEM to its folder"
)


@needs_release
def test_every_sample_is_valid_against_the_reference_schemas() -> None:
    ran = check_niem(RELEASE)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count("valid  ") == len(catalog.sample_names())


@needs_release
def test_what_niem_does_not_allow_is_reported(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.xml"
    wrong.write_bytes(catalog.sample("DMV907-hold").replace(b"nc:PersonSurName", b"nc:PersonLastName"))
    ran = check_niem(RELEASE, wrong)
    assert ran.returncode == 1
    assert "INVALID wrong.xml" in ran.stdout


def test_a_folder_without_niem_is_said_in_plain_words(tmp_path: Path) -> None:
    ran = check_niem(tmp_path)
    assert ran.returncode == 2
    assert "has no schema for http://niem.gov/niem" in ran.stderr
