"""`ccms-ws partners test` with a partner that has an operation for tests: a signed message out, a signed one back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree

from ccms_ws.cli.exit_codes import ExitCode
from ccms_ws.clock import SystemClock
from ccms_ws.config import load_settings
from ccms_ws.contract.namespaces import WSDL, WSDL_SOAP11, WSDL_SOAP12, XSD, q
from ccms_ws.demo.installation import make_installation
from ccms_ws.replay.resign import one
from ccms_ws.simulator import RunningPartner, Script, Simulation
from ccms_ws.simulator.behaviors import Behavior
from tests.conformance.partners import free_port
from tests.support.commands import Commands

TEST = "urn:example:dmv:test"


@pytest.fixture(scope="module")
def current_installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A court whose certificates are valid now: commands read the machine's clock."""
    folder = tmp_path_factory.mktemp("current") / "court"
    make_installation(folder, SystemClock())
    return folder


@pytest.fixture
def court_folder(current_installation: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(current_installation, tmp_path / "court"))


@pytest.fixture
def ccms_ws(court_folder: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(court_folder / "ccms-ws.toml", capsys)


@pytest.fixture
def offers(court_folder: Path) -> Path:
    """DMV's profile, with a WSDL that has an operation for tests beside the exchange's, and the message for it."""
    wsdl = court_folder / "wsdl" / "partner" / "DMV907-1.0.wsdl"
    wsdl.write_bytes(with_test_operation(wsdl.read_bytes()))
    (court_folder / "partners" / "ping.xml").write_text(f'<t:Ping xmlns:t="{TEST}"/>')
    profile = court_folder / "partners" / "DMV.toml"
    text = profile.read_text("utf-8")
    profile.write_text(text.replace("8907", str(free_port())) + '\ntest_message = "ping.xml"\n', "utf-8")
    return profile


def with_test_operation(content: bytes) -> bytes:
    """The WSDL with an operation Ping, in its port type and in its bindings."""
    root = etree.fromstring(content, etree.XMLParser(remove_blank_text=True))
    port_type, own = one(root, q(WSDL, "portType")), root.get("targetNamespace")
    one(root, q(WSDL, "types")).append(
        etree.fromstring(
            f'<xs:schema xmlns:xs="{XSD}" targetNamespace="{TEST}" elementFormDefault="qualified">'
            '<xs:element name="Ping"><xs:complexType/></xs:element>'
            '<xs:element name="Pong"><xs:complexType/></xs:element></xs:schema>'
        )
    )
    for name in ("Ping", "Pong"):
        message = f'<w:message xmlns:w="{WSDL}" xmlns:t="{TEST}" name="{name}">'
        port_type.addprevious(etree.fromstring(f'{message}<w:part name="payload" element="t:{name}"/></w:message>'))
    operation = f'<w:operation xmlns:w="{WSDL}" xmlns:tns="{own}" name="Ping">'
    port_type.append(
        etree.fromstring(f'{operation}<w:input message="tns:Ping"/><w:output message="tns:Pong"/></w:operation>')
    )
    for binding in root.iter(q(WSDL, "binding")):
        soap = WSDL_SOAP12 if binding.find(q(WSDL_SOAP12, "binding")) is not None else WSDL_SOAP11
        operation = f'<w:operation xmlns:w="{WSDL}" xmlns:s="{soap}" name="Ping"><s:operation soapAction=""/>'
        body = '<s:body use="literal"/>'
        binding.append(
            etree.fromstring(f"{operation}<w:input>{body}</w:input><w:output>{body}</w:output></w:operation>")
        )
    return etree.tostring(root)


def round_trip(ccms_ws: Commands) -> tuple[int, dict[str, str]]:
    ended = ccms_ws("partners", "test", "DMV", "--json")
    (row,) = [row for row in ended.json if row["what"] == "DMV DMV907 round trip"]
    return ended.code, row


@pytest.fixture
def dmv(offers: Path, request: pytest.FixtureRequest) -> Iterator[RunningPartner]:
    settings = load_settings(offers.parent.parent / "ccms-ws.toml")
    simulation = Simulation(temper=Script([getattr(request, "param", Behavior.NORMAL)]))
    with RunningPartner(settings, "DMV", simulation) as running:
        yield running


@pytest.mark.usefixtures("dmv")
def test_a_test_message_goes_out_signed_and_its_answer_is_looked_at(ccms_ws: Commands) -> None:
    code, row = round_trip(ccms_ws)
    assert (code, row["light"]) == (0, "green")
    assert row["found"].startswith("Ping answered with Pong, signed as it must be, in ")
    assert ccms_ws("messages", "list", "--json").json == [], "it is no message of the court"


@pytest.mark.usefixtures("dmv")
@pytest.mark.parametrize("dmv", [Behavior.WRONG_SIGNER, Behavior.UNSIGNED, Behavior.EXPIRED], indirect=True)
def test_an_answer_that_is_not_signed_as_it_must_be_is_red(ccms_ws: Commands) -> None:
    code, row = round_trip(ccms_ws)
    assert (code, row["light"]) == (ExitCode.REFUSED, "red")
    assert "security." in row["found"]
    assert row["do"]


def test_a_partner_that_is_not_there_is_red(ccms_ws: Commands, offers: Path) -> None:
    assert round_trip(ccms_ws)[1]["light"] == "red"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('<d:FailureToComplyAbstract xmlns:d="urn:ccms-ws:exchange:DMV907:1.0"/>', "is no test"),
        ("<no", "cannot be read"),
        ("<unknown/>", "no operation takes unknown"),
    ],
)
def test_a_message_that_would_have_an_effect_is_never_sent(
    ccms_ws: Commands, offers: Path, content: str, says: str
) -> None:
    (offers.parent / "ping.xml").write_text(content)
    code, row = round_trip(ccms_ws)
    assert (code, row["light"]) == (ExitCode.REFUSED, "red")
    assert says in row["found"]
