"""`tools/environment.sh`, which tools/demo, tools/test and tools/check share, on machines that lack something."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ccms_ws import clients

ROOT = Path(__file__).parents[2]
PROGRAMS = ("bash", "dirname", "mktemp", "cat", "rm", "sleep", "id", "head", "grep", "cut", "cksum", "touch", "mkdir")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs: the only ones on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


def program(machine: Path, name: str, script: str) -> None:
    path = machine / name
    path.unlink(missing_ok=True)
    path.write_text(f"#!{machine}/bash\n{script}\n")
    path.chmod(0o755)


def run(machine: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [machine / "bash", "-c", f'. "{ROOT}/tools/environment.sh"; {script}'],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(machine), "HOME": str(machine), "TMPDIR": str(machine)},
    )


def test_a_machine_without_python_is_told_what_to_install(machine: Path) -> None:
    ended = run(machine, "any_python")
    assert ended.returncode == 1
    assert "Python 3.11 or newer" in ended.stderr
    assert "apt-get install python3 python3-venv" in ended.stderr


def test_a_python_that_is_too_old_is_not_taken(machine: Path) -> None:
    program(machine, "python3", 'case "$*" in *sys.exit*) exit 1;; *) echo 3.9;; esac')
    program(machine, "python3.12", "echo 3.12")
    assert run(machine, "any_python").stdout == "python3.12\n"


def test_a_python_can_be_named(machine: Path) -> None:
    assert run(machine, "PYTHON=/opt/python any_python").stdout == "/opt/python\n"


def test_without_venv_and_without_root_the_command_is_named(machine: Path, tmp_path: Path) -> None:
    program(machine, "id", "echo 1000")
    program(machine, "python3", '[ "$2" = venv ] && exit 1; exit 0')
    ended = run(machine, f"environment {tmp_path}/venv python3")
    assert ended.returncode == 1
    assert "As root: apt-get install python3-venv" in ended.stderr


def test_without_venv_root_gets_it_installed(machine: Path, tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    program(machine, "id", "echo 0")
    program(machine, "apt-get", f'echo "$@" >> {installed}')
    venv = f'[ -e {installed} ] || exit 1; mkdir -p "$3/bin"; touch "$3/bin/pip"'
    program(machine, "python3", f'[ "$2" = venv ] && {{ {venv}; }}; exit 0')
    ended = run(machine, f"make_venv python3 {tmp_path}/venv")
    assert ended.returncode == 0
    assert installed.read_text().startswith("install -y")
    assert installed.read_text().strip().endswith("python3-venv")


def test_a_failing_step_shows_its_output_and_a_good_one_only_its_words(machine: Path) -> None:
    good = run(machine, "step 'Doing it' bash -c 'echo noise'")
    assert good.stderr.startswith("Doing it")
    assert "noise" not in good.stderr
    bad = run(machine, "step 'Doing it' bash -c 'echo noise; exit 3'")
    assert bad.returncode == 1
    assert "noise" in bad.stderr


@pytest.mark.parametrize("extra", ["", "test"])
def test_what_is_installed_is_checked_by_its_hash(machine: Path, tmp_path: Path, extra: str) -> None:
    asked, venv = tmp_path / "asked", tmp_path / "venv"
    program(machine, "stub", f'echo "$@" >> {asked}')
    (machine / "cp").symlink_to(str(shutil.which("cp")))
    made = f'mkdir -p "$3/bin" && cp {machine}/stub "$3/bin/python" && cp {machine}/stub "$3/bin/pip"'
    program(machine, "python3", f'[ "$2" = venv ] && {{ {made}; }}; exit 0')
    assert run(machine, f"environment {venv} python3 {extra}").returncode == 0
    build, needed, own = [line for line in asked.read_text().splitlines() if "install" in line]
    assert f"--require-hashes --requirement {ROOT}/tools/constraints-build.txt" in build
    assert f"--require-hashes --no-build-isolation --requirement {ROOT}/tools/constraints.txt" in needed
    assert (f"--requirement {ROOT}/tools/constraints-test.txt" in needed) is (extra == "test")
    assert f"--no-deps --no-build-isolation --editable {ROOT}" in own


@pytest.mark.parametrize("tool", ["demo", "test", "check", "dependencies", "make-constraints", "make-published-keys"])
def test_every_tool_can_be_run(tool: str) -> None:
    assert os.access(ROOT / "tools" / tool, os.X_OK)
    if "bash" in (ROOT / "tools" / tool).read_text("utf-8").partition("\n")[0]:
        subprocess.run(["bash", "-n", ROOT / "tools" / tool], check=True)


def test_ci_runs_the_tests() -> None:
    assert "tools/test" in (ROOT / ".ci/run").read_text()
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_the_reference_is_built_with_every_public_name(tmp_path: Path) -> None:
    """The last line of tools/reference, with the pdoc of the environment that runs the tests."""
    (line,) = [each for each in (ROOT / "tools/reference").read_text("utf-8").splitlines() if each.startswith("exec ")]
    command = line.replace('"$top/.venv/bin/pdoc"', f"{sys.executable} -m pdoc")
    ended = subprocess.run(
        ["bash", "-c", command, "reference", tmp_path], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    page = (tmp_path / "ccms_ws/clients.html").read_text("utf-8")
    assert [name for name in clients.__all__ if f'id="{name}"' not in page] == []
    assert 'id="CcmsWsError"' in (tmp_path / "ccms_ws/errors.html").read_text("utf-8")
    assert not (tmp_path / "ccms_ws/clients").exists(), "modules below are not public"
