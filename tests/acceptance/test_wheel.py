"""The wheel: built from what the repository holds, installed into an empty environment, run from there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.support.commands import free_port_base

ROOT = Path(__file__).parents[2]
SOURCES = ("ccms_ws", "xsd", "wsdl", "setup.cfg", "setup.py", "pyproject.toml", "README.md")

CONTRACT_LOADS = """
import sys
from pathlib import Path
from lxml import etree
import ccms_ws
from ccms_ws.contract import catalog, schemas
from ccms_ws.contract.wsdl import load_wsdl

home = Path(ccms_ws.__file__).parent
assert home.is_relative_to(sys.prefix), home
assert catalog.folder("xsd").is_relative_to(home), catalog.folder("xsd")
assert catalog.folder("wsdl").is_relative_to(home), catalog.folder("wsdl")
for name in catalog.wsdl_names():
    load_wsdl(catalog.wsdl_path(name))
for name in catalog.sample_names():
    schemas.validate(etree.fromstring(catalog.sample(name)))
print(len(catalog.wsdl_names()), len(catalog.sample_names()))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, folder / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder / "dist", folder)
    (path,) = (folder / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel alone; its dependencies are lent from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip("--python", folder / "bin/python", "install", "--no-deps", wheel)
    site = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    (Path(site) / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def pip(*arguments: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, check=True, cwd="/")


def test_the_wheel_carries_all_that_is_not_code(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    repository = [
        *(f"ccms_ws/contract/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("xsd/**/*.*")),
        *(f"ccms_ws/contract/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("wsdl/**/*.*")),
        *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("ccms_ws/**/*.toml")),
        *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("ccms_ws/**/*.py")),
        *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("ccms_ws/*/templates/*.*")),
        *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("ccms_ws/**/*.css")),
        *(path.relative_to(ROOT).as_posix() for path in ROOT.glob("ccms_ws/replay/*/**/*.*")),
        "ccms_ws/py.typed",
    ]
    assert len(repository) > 100
    assert [name for name in repository if name not in names] == []
    assert not any(name.startswith(("tests/", "tools/")) for name in names)
    assert zipfile.ZipFile(wheel).read("ccms_ws/docs/CHANGELOG.md") == (ROOT / "CHANGELOG.md").read_bytes()


def test_the_contract_loads_from_the_wheel(environment: Path) -> None:
    ended = subprocess.run(
        [str(environment / "bin/python"), "-c", CONTRACT_LOADS], capture_output=True, text=True, cwd="/", check=False
    )
    assert ended.stderr == ""
    assert [int(count) > 5 for count in ended.stdout.split()] == [True, True]


def test_the_demo_runs_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    command = [
        str(environment / "bin/ccms-ws"),
        "demo",
        "court",
        "--port-base",
        str(free_port_base()),
        "--json",
        "steps.json",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads((tmp_path / "steps.json").read_text())["ok"] is True


def test_kits_are_made_and_cases_replayed_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        command = [str(environment / "bin/ccms-ws"), *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    assert run("kit", "FCC807", "-o", "kit")[::2] == (0, "")
    assert run("replay", "run", "kit/cases", "--only", "fcc807-b*", "--html", "replay.html")[::2] == (0, "")
    assert "<title>Replay: as recorded</title>" in (tmp_path / "replay.html").read_text("utf-8")
    listen = f"127.0.0.1:{free_port_base()}"
    code, out, err = run("kit", "run", "kit", "--listen", listen, "--patience", "1", "--html", "kit.html")
    assert (code, err) == (1, "")
    assert out.endswith("RESULT: INCOMPLETE\n")  # nobody came
    assert "INCOMPLETE" in (tmp_path / "kit.html").read_text("utf-8")
