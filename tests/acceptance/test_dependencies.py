"""What is installed is pinned by hash; the bill of materials and the audit say what differs, without the network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
FILES = ("constraints-build.txt", "constraints.txt", "constraints-test.txt")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def run(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, str(ROOT / "tools" / "dependencies"), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    return ended.returncode, ended.stdout


def pins(text: str) -> dict[str, tuple[str, str]]:
    """Version and hashes by name."""
    blocks = [block for block in re.split(r"^(?=\S)", text, flags=re.MULTILINE) if PIN.match(block)]
    found = {}
    for block in blocks:
        name, version = PIN.match(block).groups()  # type: ignore[union-attr]
        found[re.sub(r"[-_.]+", "-", name).lower()] = (version, block)
    return found


def test_everything_that_is_required_is_pinned_with_hashes() -> None:
    """All files of a release: those for aarch64 and every Python are among them."""
    settings = ConfigParser()
    settings.read(ROOT / "setup.cfg", "utf-8")
    for file, text in (
        ("constraints.txt", settings["options"]["install_requires"]),
        ("constraints-test.txt", settings["options.extras_require"]["test"]),
    ):
        listed = {name: pin for each in FILES[: FILES.index(file) + 1] for name, pin in pins(_read(each)).items()}
        for line in text.split("\n"):
            if line.strip():
                wanted = Requirement(line)
                version, _ = listed[re.sub(r"[-_.]+", "-", wanted.name).lower()]
                assert wanted.specifier.contains(version), line
    for file in FILES:
        for name, (_, block) in pins(_read(file)).items():
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), name
    compiled = pins(_read("constraints.txt"))["lxml"][1]
    assert compiled.count("--hash") > 20, "one for each Python and processor"
    assert list(pins(_read("constraints-build.txt"))) == ["setuptools"], "what builds is installed by its hash too"


def _read(file: str) -> str:
    return (ROOT / "tools" / file).read_text("utf-8")


# -- bill of materials ------------------------------------------------------------------------------------------------
def test_the_bill_of_materials_is_the_same_every_time_and_complete() -> None:
    (code, first), (_, second) = run("sbom"), run("sbom")
    assert (code, first) == (0, second)
    bill = json.loads(first)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    listed = {name: version for file in FILES for name, (version, _) in pins(_read(file)).items()}
    assert {each["name"]: each["version"] for each in bill["components"]} == listed
    assert all(each["externalReferences"][0]["hashes"] for each in bill["components"])
    assert {each["scope"] for each in bill["components"]} == {"required", "excluded"}
    (root,) = bill["dependencies"]
    assert {"pkg:pypi/lxml@" + listed["lxml"], "pkg:pypi/spyne@2.14.0"} <= set(root["dependsOn"])
    assert re.findall(r"https?://[^\"]*", first) == ["http://cyclonedx.org/schema/bom-1.6.schema.json"]


# -- audit ------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def unchanged() -> set[str]:
    """What is found without a change."""
    if not (ROOT / ".venv" / "bin" / "python").exists():
        pytest.skip("there is no .venv")
    return set(run("audit")[1].splitlines())


@pytest.fixture
def audit(tmp_path: Path, unchanged: set[str]) -> Callable[..., tuple[int, set[str]]]:
    """Audits a changed copy of the constraints: exit code, and what is found more than without the change."""

    def audit(change: Callable[[str], str], *options: object) -> tuple[int, set[str]]:
        folder = tmp_path / "constraints"
        folder.mkdir(exist_ok=True)
        for file in FILES:
            shutil.copy(ROOT / "tools" / file, folder)
        (folder / "constraints.txt").write_text(change(_read("constraints.txt")), "utf-8")
        code, out = run("--constraints", folder, "audit", *options)
        return code, {line for line in set(out.splitlines()) - unchanged if not line.endswith(" findings")}

    return audit


def without(name: str) -> Callable[[str], str]:
    return lambda text: re.sub(rf"^{name}==(.|\n )*\n", "", text, flags=re.MULTILINE)


def test_what_is_installed_and_not_pinned_is_named(audit: Any) -> None:
    code, (found,) = audit(without("signxml"))
    assert code == 1
    assert re.fullmatch(r"signxml [0-9.]+ is installed and not pinned", found)


def test_another_version_and_a_missing_hash_are_named(audit: Any) -> None:
    code, found = audit(lambda text: re.sub(r"^pytz==.*\n(    --hash.*\n)+", "pytz==1.0\n", text, flags=re.MULTILINE))
    assert code == 1
    assert len(found) == 2
    assert "pytz is pinned without a hash" in found
    assert any(line.endswith("is installed, and 1.0 is pinned") for line in found)


def test_what_is_pinned_and_not_used_is_named(audit: Any) -> None:
    code, found = audit(lambda text: f"{text}leftover==2.0 --hash=sha256:{'0' * 64}\n")
    assert code == 1
    assert found == {"leftover 2.0 is pinned and not installed", "leftover is pinned and nothing needs it"}


def test_a_bill_of_materials_of_other_versions_is_named(audit: Any, tmp_path: Path) -> None:
    bill = tmp_path / "sbom.json"
    assert run("sbom", bill) == (0, "")
    assert audit(lambda text: text, "--sbom", bill)[1] == set()
    text = bill.read_text("utf-8")
    bill.write_text(text.replace("pkg:pypi/spyne@2.14.0", "pkg:pypi/spyne@2.13.0"), "utf-8")
    _, found = audit(lambda text: text, "--sbom", bill)
    assert found == {
        "pkg:pypi/spyne@2.13.0 is in the bill of materials and not pinned",
        "pkg:pypi/spyne@2.14.0 is pinned and not in the bill of materials",
    }


@pytest.mark.parametrize(
    ("affected", "named"),
    [
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.14.1"}]}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.14.0"}]}]}, False),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.14"}, {"last_affected": "2.14.0"}]}]}, True),
        ({"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.15"}]}]}, False),
        ({"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}], "versions": ["2.14.0"]}, True),
    ],
)
def test_a_known_vulnerability_is_named(audit: Any, tmp_path: Path, affected: dict[str, Any], named: bool) -> None:
    package = {"package": {"ecosystem": "PyPI", "name": "Spyne"}}
    record = {"id": "TEST-1", "summary": "a test", "affected": [package | affected]}
    (tmp_path / "osv").mkdir()
    (tmp_path / "osv" / "TEST-1.json").write_text(json.dumps(record), "utf-8")
    _, found = audit(lambda text: text, "--advisories", tmp_path / "osv")
    assert found == ({"spyne 2.14.0: TEST-1 (a test)"} if named else set())


def test_without_advisories_the_audit_says_that_it_did_not_look(audit: Any) -> None:
    assert "Known vulnerabilities were not looked for" in run("audit")[1]
