"""The file of those who may sign in: kept from others, hashed, and taken as it is now."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from werkzeug.security import check_password_hash, generate_password_hash

from ccms_ws.console import operators
from ccms_ws.console.operators import SHORTEST_PASSWORD, Operators, Role, put_operator
from ccms_ws.errors import ConfigError
from tests.support.consoles import OPERATOR, PASSWORD, READER, write_operators


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_operators(tmp_path / "operators.toml")
    return tmp_path / "operators.toml"


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        Operators(path).all()
    return caught.value


def test_an_operator_is_written_with_a_hash_that_costs_something_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "operators.toml"
    assert put_operator(file, "m.lee", Role.OPERATOR, PASSWORD)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (entry,) = tomllib.loads(file.read_text("utf-8"))["operator"]
    assert (entry["name"], entry["role"]) == ("m.lee", "operator")
    assert entry["password"].startswith("scrypt:32768:8:3$")
    assert PASSWORD not in file.read_text("utf-8")
    found = Operators(file).with_password("m.lee", PASSWORD)
    assert found is not None
    assert found.may_act
    assert PASSWORD not in repr(found)
    assert entry["password"] not in repr(found)
    assert [path.name for path in tmp_path.iterdir()] == ["operators.toml"]


def test_the_same_name_again_gets_another_password_and_the_others_stay(file: Path) -> None:
    assert not put_operator(file, OPERATOR, Role.READER, "another password")
    known = Operators(file)
    assert list(known.all()) == [OPERATOR, READER]
    assert known.with_password(OPERATOR, PASSWORD) is None
    assert known.with_password(READER, PASSWORD) is not None
    found = known.with_password(OPERATOR, "another password")
    assert found is not None
    assert not found.may_act


def test_a_change_of_the_file_counts_at_once(file: Path) -> None:
    known = Operators(file)
    assert known.with_password(OPERATOR, PASSWORD) is not None
    write_operators(file, "another password")
    assert known.with_password(OPERATOR, PASSWORD) is None


def test_nobody_s_name_has_somebody_s_password(file: Path) -> None:
    assert Operators(file).with_password("nobody", PASSWORD) is None
    assert Operators(file).with_password("", PASSWORD) is None
    assert Operators(file).with_password(OPERATOR, "") is None


def test_an_unknown_name_is_compared_with_a_hash_all_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(operators, "check_password_hash", lambda *of: seen.append(of))
    Operators(file).with_password("nobody", "guess")
    Operators(file).with_password(OPERATOR, "guess")
    assert len(seen) == 2
    assert {password for _, password in seen} == {"guess"}


def test_a_file_that_others_can_read_is_refused(file: Path) -> None:
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        assert refusal(file).hint == f"chmod 600 {file}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no account"),
        ("operator = 1", "operator"),
        ("[[operator]]\nname = 'a'\nrole = 'operator'\npassword = 'secret'", "password is wrong"),
        ("[[operator]]\nname = 'a b'\nrole = 'operator'", "name is wrong"),
        ("[[operator]]\nname = 'a'\nrole = 'king'", "role is wrong"),
        ("[[operators]]\nname = 'a'", "did you mean operator?"),
        ("no toml", "is not TOML"),
    ],
)
def test_what_is_wrong_with_it_is_said_without_what_it_holds(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "operators.toml"
    file.touch(0o600)
    file.write_text(text, "utf-8")
    error = refusal(file)
    assert said in str(error)
    assert "secret" not in str(error)


def test_a_name_that_stands_twice_is_refused(file: Path) -> None:
    file.write_text(file.read_text("utf-8") * 2, "utf-8")
    assert "twice" in str(refusal(file))


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    assert refusal(tmp_path / "operators.toml").hint == "ccms-ws console add-operator NAME"


@pytest.mark.parametrize("name", ["", "a b", "a\nb", '"', ".a", "x" * 65, "é"])
def test_a_name_that_could_be_more_than_a_name_is_not_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        put_operator(tmp_path / "operators.toml", name, Role.READER, PASSWORD)
    assert not list(tmp_path.iterdir())


def test_a_short_password_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        put_operator(tmp_path / "operators.toml", "a", Role.READER, "x" * (SHORTEST_PASSWORD - 1))
    assert not list(tmp_path.iterdir())


def test_an_unknown_name_costs_what_one_of_the_known_ones_does_and_always_the_same(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = generate_password_hash(PASSWORD, "scrypt:2048:8:1")
    text = file.read_text("utf-8") + f'\n[[operator]]\nname = "other"\npassword = "{other}"\n'
    file.write_text(text, "utf-8")
    seen: list[str] = []
    monkeypatch.setattr(operators, "check_password_hash", lambda stored, _: seen.append(stored))
    known = Operators(file)
    for number in range(60):
        known.with_password(f"nobody-{number}", "guess")
        known.with_password(f"nobody-{number}", "guess")
    assert seen[::2] == seen[1::2]
    assert {each.partition("$")[0] for each in seen} == {"scrypt:1024:8:1", "scrypt:2048:8:1"}
    assert not {each.password for each in known.all().values()} & set(seen)


def test_a_decoy_costs_as_much_as_it_says(file: Path) -> None:
    assert not check_password_hash(Operators(file)._decoy("nobody"), PASSWORD)
