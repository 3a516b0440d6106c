"""A kit: everything in it is there, is true, and works; and it is read with distrust."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ccms_ws.conformance.build import make_kit
from ccms_ws.conformance.faults import requirements_of
from ccms_ws.conformance.kit import certificate_in, read_kit
from ccms_ws.conformance.requirements import of_endpoint
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.identity import Identity
from ccms_ws.errors import CcmsWsError, ConfigError
from ccms_ws.exchanges.fcc807.conformance import TASKS
from ccms_ws.registry import get_exchange
from ccms_ws.replay import find_cases, read_case, replay

CODES = ("FCC807", "COL903", "DMV907")


@pytest.fixture(scope="module")
def kits(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("kits")
    for code in CODES:
        make_kit(get_exchange(code), folder / code)
    return {code: folder / code for code in CODES}


@pytest.mark.parametrize("code", CODES)
def test_what_is_read_back_is_what_was_made(kits: dict[str, Path], code: str) -> None:
    kit = read_kit(kits[code])
    assert (kit.exchange.code, kit.tests_client) == (code, code == "FCC807")
    assert (kit.wsdl is None) == kit.tests_client
    if kit.wsdl is not None:
        assert load_wsdl(kit.wsdl).operations


@pytest.mark.parametrize("code", CODES)
def test_it_holds_contract_cases_and_the_keys_of_one_partner(kits: dict[str, Path], code: str) -> None:
    folder = kits[code]
    tasks = {"tasks.csv"} if code == "FCC807" else set()
    assert {each.name for each in folder.iterdir()} == {"README.md", "kit.toml", "contract", "keys", "cases"} | tasks
    assert any((folder / "contract").rglob("*.wsdl"))
    assert any((folder / "contract").rglob("*.xsd"))
    assert len(find_cases([folder / "cases"])) >= 20
    assert {read_case(each).exchanges for each in find_cases([folder / "cases"])} == {(code,)}
    (key,) = (folder / "keys").glob("*.key")
    assert Identity.load(key, key.with_suffix(".crt")).certificate == certificate_in(key.with_suffix(".crt"))
    assert {each.name for each in (folder / "keys").iterdir()} == {"court.crt", key.name, f"{key.stem}.crt"}


@pytest.mark.parametrize("code", CODES)
def test_its_readme_names_every_demand_and_every_file(kits: dict[str, Path], code: str) -> None:
    kit = read_kit(kits[code])
    text = (kits[code] / "README.md").read_text("utf-8")
    for each in requirements_of(kit.exchange) if kit.tests_client else of_endpoint(kit.exchange):
        assert f"| {each.id} | {each.says} | {each.source} | {each.level.value} |" in text
    paths = [word for word in text.split("`") if word.startswith(("keys/", "contract/")) and " " not in word]
    assert len(paths) >= 4
    assert [path for path in paths if not (kits[code] / path).exists()] == []


def test_the_tasks_are_there_for_a_program_too(kits: dict[str, Path]) -> None:
    with (kits["FCC807"] / "tasks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["case_number"] for row in rows] == [task.case_number for task in TASKS]
    assert rows[0]["participant_id"] == "P-1002"


def test_its_cases_replay(kits: dict[str, Path]) -> None:
    result = replay(find_cases([kits["DMV907"] / "cases"]), jobs=1)
    assert result.same


@pytest.mark.parametrize(("partner", "wsdl"), [("FTB", "COL903-1.0.wsdl"), ("AGENCY", "COL903-1.0-synchronous.wsdl")])
def test_the_wsdl_is_that_of_the_partner_s_way_to_answer(tmp_path: Path, partner: str, wsdl: str) -> None:
    kit = make_kit(get_exchange("COL903"), tmp_path / "kit", partner=partner)
    assert kit.wsdl is not None
    assert kit.wsdl.name == wsdl


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(ConfigError, match="not empty"):
        make_kit(get_exchange("COL903"), tmp_path)
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("partner", ["NOBODY", "DMV", "ADULT-PROBATION"])
def test_a_partner_that_has_no_part_in_the_exchange_is_refused(tmp_path: Path, partner: str) -> None:
    with pytest.raises(ConfigError, match=f"'{partner}' has no part in COL903") as refused:
        make_kit(get_exchange("COL903"), tmp_path / "kit", partner=partner)
    assert refused.value.hint == "the kit can be for FTB or AGENCY"
    assert not (tmp_path / "kit").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("COL903", "COL904"), "COL904"),
        (('version = "1.0"', 'version = "9.9"'), "9.9"),
        (("FTB", "../FTB"), "was modified after it was created"),
        (("made_by", "made_for"), "was modified after it was created"),
        (('"', ""), "cannot be read"),
    ],
)
def test_a_changed_kit_file_is_refused(
    kits: dict[str, Path], tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    text = (kits["COL903"] / "kit.toml").read_text("utf-8")
    (tmp_path / "kit.toml").write_text(text.replace(*change), "utf-8")
    with pytest.raises(CcmsWsError, match=says):
        read_kit(tmp_path)


def test_a_folder_without_kit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kit\.toml cannot be read"):
        read_kit(tmp_path)


def test_what_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.crt").write_text("nothing")
    with pytest.raises(ConfigError, match="PEM certificate"):
        certificate_in(tmp_path / "x.crt")
