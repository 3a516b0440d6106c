"""Settings: what is right is read, what is wrong is refused with its place and a remedy, all of it at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ccms_ws.config import load_settings
from ccms_ws.config.endpoint import ProxySettings
from ccms_ws.demo.pki import make_pki
from ccms_ws.errors import ConfigError

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SETTINGS = """
[court]
ori = "CA099015J"
name = "Superior Court"
county_code = "54"
dmv_court_code = "99999"

[endpoint]
public_url = "https://court.example/ws/"
port = 8807

[identity]
key = "pki/court.key"
certificate = "pki/court.crt"

[database]
url = "sqlite:///court.db"
"""
PARTNER = """
id = "FTB"
name = "Franchise Tax Board"
kind = "franchise-tax-board"
certificates = ["../pki/ftb.crt"]
sends = ["COL903"]

[receives.COL903]
wsdl = "../ftb.wsdl"
url = "http://127.0.0.1:8903/COL903"
"""
Court = Callable[..., Path]


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    make_pki(folder, ["court", "ftb", "dmv"], NOW)
    return folder


@pytest.fixture
def court(tmp_path: Path, pki: Path) -> Court:
    """Writes an installation, changed by replacements `old -> new`; gives the path of its settings."""

    def write(settings: str = SETTINGS, **partners: str) -> Path:
        (tmp_path / "partners").mkdir(exist_ok=True)
        (tmp_path / "ftb.wsdl").touch()
        if not (tmp_path / "pki").exists():
            (tmp_path / "pki").symlink_to(pki)
        for name, text in (partners or {"FTB": PARTNER}).items():
            (tmp_path / "partners" / f"{name}.toml").write_text(text, "utf-8")
        (tmp_path / "ccms-ws.toml").write_text(settings, "utf-8")
        return tmp_path / "ccms-ws.toml"

    return write


def refusal(path: Path, exchanges: tuple[str, ...] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, exchanges)
    return str(caught.value)


def test_a_complete_installation_is_read(court: Court) -> None:
    settings = load_settings(court(), ("COL903",))
    assert settings.court.ori == "CA099015J"
    assert settings.endpoint.public_url == "https://court.example/ws"
    assert settings.partner("FTB").receives["COL903"].batch_size == 1000


def test_paths_count_from_the_file_they_stand_in(court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = court()
    monkeypatch.chdir("/")
    settings = load_settings(path)
    assert settings.identity.key == (tmp_path / "pki/court.key").resolve()
    assert settings.database.url == f"sqlite:///{tmp_path.resolve()}/court.db"
    assert settings.partners_folder == (tmp_path / "partners").resolve()
    assert settings.partner("FTB").receives["COL903"].wsdl == (tmp_path / "ftb.wsdl").resolve()


def test_the_environment_overrides_the_file(court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCMS_WS_ENDPOINT__PORT", "9000")
    monkeypatch.setenv("CCMS_WS_DATABASE__URL", "sqlite:///other.db")
    settings = load_settings(court())
    assert settings.endpoint.port == 9000
    assert settings.database.url == f"sqlite:///{tmp_path.resolve()}/other.db"


def test_a_wrong_value_from_the_environment_is_named_as_such(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCMS_WS_ENDPOINT__PORT", "99999")
    assert "CCMS_WS_ENDPOINT__PORT: endpoint.port is wrong" in refusal(court())


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CCMS_WS_DATABSE__URL", "DATABASE"),
        ("CCMS_WS_PARTNERS_FOLDR", "PARTNERS_FOLDER"),
        ("CCMS_WS_PARTNERS", "PARTNERS_FOLDER"),
    ],
)
def test_a_misspelt_variable_is_refused(court: Court, monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    monkeypatch.setenv(name, "x")
    assert f"{name} is not a setting; did you mean {meant}?" in refusal(court())


def test_a_variable_for_a_whole_section_is_refused_in_words(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCMS_WS_COURT", "Superior")
    assert "the environment cannot be read" in refusal(court())


def test_a_variable_of_another_program_is_no_setting(court: Court, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCMS_WS_CONFIG", "ccms-ws.toml")
    monkeypatch.setenv("CCMS_WS_TEST_POSTGRES", "postgresql://db")
    load_settings(court())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("public_url", "pubic_url", "endpoint.pubic_url is not a key; did you mean public_url?"),
        ("public_url", "pubic_url", "endpoint.public_url is missing; add it: the address that partners see"),
        ("[database]", "[databse]", "databse is not a key; did you mean database?"),
        ("[database]", "[databse]", "database is missing; add [database] with url"),
        ("8807", '"high"', "endpoint.port is wrong: it should be a valid integer"),
        ('"54"', '"59"', "court.county_code is wrong: it does not have the right form; the state's county code"),
        ("pki/court.key", "pki/cuort.key", "identity.key is wrong: there is no file"),
        ("https://court.example/ws/", "court.example", "endpoint.public_url is wrong: it should be an http://"),
        ("https://court.example/ws/", "https://court.example:99999", "endpoint.public_url is wrong"),
        ("sqlite:///court.db", "sqlite://", "database.url is wrong: it should be sqlite:///FILE"),
        ("sqlite:///court.db", "mysql://x", "database.url is wrong: it should be sqlite:///FILE"),
        (
            "[database]",
            "[delivery]\nlease_seconds = 20\n[database]",
            "delivery is wrong: lease_seconds should be at least 2 * (connect_timeout_seconds + read_timeout_seconds)",
        ),
        ("[database]", "[partners]\n[database]", "partners is not a key here; each partner has a file"),
        ("[court]", "[court", "ccms-ws.toml is not TOML"),
        ("[court]", 'partners_folder = "none"\n[court]', "there is no folder"),
    ],
)
def test_a_wrong_setting_is_refused_in_plain_words(court: Court, old: str, new: str, expected: str) -> None:
    assert expected in refusal(court(SETTINGS.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kind =", "knid =", "partners/FTB.toml: knid is not a key; did you mean kind?"),
        ("franchise-tax-board", "probation", 'of kind "probation", and no other, has a unit'),
        ("ftb.crt", "ftb.key", "certificates names ftb.key, which is no certificate"),
        ("ftb.crt", "none.crt", "certificates.1 is wrong: there is no file"),
        ('["../pki/ftb.crt"]', "[]", "certificates is wrong: it should name at least one file"),
        ('["COL903"]', '["COL930"]', "sends names 'COL930', which is no exchange; did you mean COL903?"),
        ("receives.COL903", "receives.DMV902", "receives names 'DMV902', which is no exchange"),
        ("wsdl =", "wdsl =", "receives.COL903.wdsl is not a key; did you mean wsdl?"),
        ('id = "FTB"', 'id = "FTB', "partners/FTB.toml is not TOML"),
    ],
)
def test_a_wrong_partner_profile_is_refused_in_plain_words(court: Court, old: str, new: str, expected: str) -> None:
    assert expected in refusal(court(FTB=PARTNER.replace(old, new, 1)), ("FCC807", "COL903", "DMV907"))


def test_two_partners_of_one_id_are_refused(court: Court) -> None:
    other = PARTNER.replace('"FTB"', '"ftb"', 1).replace("ftb.crt", "dmv.crt")
    assert "partners/OTHER.toml: id 'ftb' is also the id in partners/FTB.toml" in refusal(
        court(FTB=PARTNER, OTHER=other)
    )


def test_one_certificate_for_two_partners_is_refused(court: Court) -> None:
    other = PARTNER.replace('"FTB"', '"OTHER"', 1)
    text = refusal(court(FTB=PARTNER, OTHER=other))
    assert "partners/OTHER.toml: certificates pins ftb.crt, which FTB (partners/FTB.toml) pins too" in text


def test_one_partner_may_pin_an_old_and_a_new_certificate(court: Court) -> None:
    both = PARTNER.replace('["../pki/ftb.crt"]', '["../pki/ftb.crt", "../pki/dmv.crt"]')
    assert len(load_settings(court(FTB=both)).partner("FTB").certificates) == 2


def test_all_problems_are_named_at_once(court: Court) -> None:
    text = refusal(court(SETTINGS.replace("8807", "0").replace("ori", "oir"), FTB=PARTNER.replace("kind", "knid")))
    for key in ("court.oir", "court.ori", "endpoint.port", "FTB.toml: knid", "FTB.toml: kind"):
        assert key in text


def test_a_refusal_does_not_print_a_secret(court: Court) -> None:
    secret = "mysql://court:hunter2@db/court"
    assert "hunter2" not in refusal(court(SETTINGS.replace("sqlite:///court.db", secret)))


def test_a_missing_settings_file_leads_to_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no settings file") as caught:
        load_settings(tmp_path / "ccms-ws.toml")
    assert "ccms-ws init" in caught.value.hint


def test_an_unknown_partner_is_answered_with_the_known_ones(court: Court) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(court()).partner("FTP")
    assert "FTB" in caught.value.hint


def test_a_court_for_trying_things_out_hears_nothing_of_the_environment(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCMS_WS_DATABASE__URL", "sqlite:////srv/the-real-one.db")
    assert "the-real-one" in load_settings(court()).database.url
    assert "the-real-one" not in load_settings(court(), environment=False).database.url


CONSOLE = '[console]\noperators = "operators.toml"\n'


def test_a_console_is_on_this_machine_unless_something_else_is_said(court: Court) -> None:
    assert load_settings(court()).console is None
    path = court(SETTINGS + CONSOLE)
    console = load_settings(path).console
    assert console is not None
    assert (console.url, console.is_secure) == ("http://127.0.0.1:8809", False)
    assert console.operators == path.parent / "operators.toml"


@pytest.mark.parametrize("more", ['host = "::1"', 'host = "localhost"', 'public_url = "http://localhost:8809"'])
def test_a_console_without_tls_may_be_on_this_machine(court: Court, more: str) -> None:
    console = load_settings(court(SETTINGS + CONSOLE + more)).console
    assert console is not None
    assert not console.is_secure


@pytest.mark.parametrize(
    "more",
    [
        'host = "0.0.0.0"',
        'host = "10.0.0.5"',
        'public_url = "http://console.court.example"',
        'host = "0.0.0.0"\npublic_url = "http://127.0.0.1:8809"',
    ],
)
def test_a_console_beyond_this_machine_needs_tls(court: Court, more: str) -> None:
    assert "beyond this machine it needs TLS" in refusal(court(SETTINGS + CONSOLE + more))


def test_a_console_behind_a_proxy_has_the_proxy_s_address(court: Court) -> None:
    more = 'host = "10.0.0.5"\npublic_url = "https://console.court.example/"'
    console = load_settings(court(SETTINGS + CONSOLE + more)).console
    assert console is not None
    assert (console.url, console.is_secure) == ("https://console.court.example", True)
    assert "without a path" in refusal(court(SETTINGS + CONSOLE + more.replace("example/", "example/x")))


@pytest.mark.parametrize(
    ("written", "network"),
    [("::ffff:10.0.0.5", "10.0.0.5/32"), ("::ffff:10.0.0.0/120", "10.0.0.0/24"), ("2001:db8::/32", "2001:db8::/32")],
)
def test_a_proxy_s_ipv4_address_in_the_form_of_ipv6_is_that_address(written: str, network: str) -> None:
    assert ProxySettings(addresses=(written,)).addresses == (network,)
