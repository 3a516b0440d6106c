"""The receivers in tools/clients against the court's own worker, and against everything that they must refuse."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from ccms_ws.config import Settings
from ccms_ws.conformance.findings import Report, Verdict
from ccms_ws.conformance.kit import Kit
from ccms_ws.conformance.requirements import Level
from ccms_ws.conformance.running import EndpointTest, run_against
from ccms_ws.contract.catalog import wsdl_path, xsd_path
from ccms_ws.domain.abstracts import AbstractState
from ccms_ws.domain.collections import BatchState
from ccms_ws.registry import get_exchange
from ccms_ws.replay import pki
from tests.conformance.partners import free_port
from tests.support.foreign import CLIENTS
from tests.support.local_stack import Line
from tests.support.partner_programs import RECEIVERS, STACKS, command, receiving, shared_folder
from tests.support.partner_settings import make_keys, make_settings
from tests.support.pushes import hold, push_batch
from tests.support.terminal_summary import Show, show

__all__ = ["show"]

PARTNERS = {"COL903": "FTB", "DMV907": "DMV"}
NO_VALIDATOR = {"node": {"P15"}}
"""node has no validator for XML Schema: what the schema forbids is not noticed by this receiver."""


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_keys(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def started(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Any]]:
    return lambda program: command(program, "receive", shared_folder(tmp_path_factory), "")


@contextmanager
def court(settings: Settings, program: list[Any], **environment: str) -> Iterator[tuple[Line, list[list[str]]]]:
    """A court with its worker, whose partners are the program, once for each exchange."""
    said, pki = [], settings.identity.key.parent
    with ExitStack() as stack:
        for code, partner in PARTNERS.items():
            said.append(stack.enter_context(receiving(
                program, settings.partner(partner).receives[code].url,
                (pki / f"{partner}.key", pki / f"{partner}.crt", settings.identity.certificate),
                settings.endpoint.public_url + get_exchange(code).path, environment,
            )))  # fmt: skip
        line = stack.enter_context(Line(settings, {}))
        line.work()
        yield line, said


@pytest.mark.parametrize("soap", ["1.1", "1.2"])
@pytest.mark.parametrize("program", RECEIVERS)
def test_a_push_of_the_court_is_received_and_answered(
    started: Callable[[str], list[Any]], keys: Path, tmp_path: Path, program: str, soap: str, show: Show
) -> None:
    with court(make_settings(tmp_path, keys, soap=soap), started(program)) as (line, said):
        abstract_id, batch_id = hold(line), push_batch(line, "FTB")
        abstract = line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
        batch = line.wait(lambda: line.batch(batch_id), lambda one: one.state is not BatchState.QUEUED)
        of_batch, of_abstract = said
        line.wait(lambda: [len(of_batch), len(of_abstract)], lambda lines: lines == [1, 2])
    assert (abstract.state, abstract.answer_code) == (AbstractState.ACCEPTED, "ACCEPTED")
    assert batch.state is BatchState.DELIVERED
    assert of_batch == [f"Received: CollectionBalanceUpdateBatch urn:uuid:{batch_id}"]
    assert of_abstract == [
        f"Received: FailureToComplyAbstract urn:uuid:{abstract_id}",
        f"Answered: FailureToComplyAbstractResponse urn:uuid:{abstract_id} 202",
    ]
    show(STACKS[program], f"receives and answers, SOAP {soap}")


@pytest.mark.parametrize("program", RECEIVERS)
def test_what_it_cannot_process_is_answered_with_an_error_message(
    started: Callable[[str], list[Any]], keys: Path, tmp_path: Path, program: str
) -> None:
    settings = make_settings(tmp_path, keys)
    with court(settings, started(program), CCMS_REFUSE="SystemUnavailable") as (line, _):
        abstract_id, batch_id = hold(line), push_batch(line, "FTB")
        abstract = line.wait(lambda: line.abstract(abstract_id), lambda one: one.state.is_answered)
        batch = line.wait(lambda: line.batch(batch_id), lambda one: one.state.is_final)
    assert (abstract.state, abstract.answer_code) == (AbstractState.IN_ERROR, "SystemUnavailable")
    assert (batch.state, batch.error_code) == (BatchState.REJECTED, "SystemUnavailable")


def examined(program: list[Any], code: str, folder: Path) -> Report:
    """What the conformance kit finds of a receiver: good, repeated, odd and bad messages, and its answers."""
    partner, name = {"COL903": ("FTB", "ftb"), "DMV907": ("DMV", "dmv")}[code]
    pki.install(folder)
    court, own = free_port(), free_port()
    address, exchange = f"http://127.0.0.1:{own}/{code}", get_exchange(code)
    service = f"http://127.0.0.1:{court}{exchange.path}"
    kit = Kit(
        folder=Path(), exchange=exchange, partner=partner, wsdl=wsdl_path(f"partner/{code}-1.0.wsdl"), made_by="a test"
    )
    files = (folder / f"{name}.key", folder / f"{name}.crt", folder / "court.crt")
    with receiving(program, address, files, service, {"CCMS_SCHEMA": str(xsd_path(f"exchange/{code}-1.0.xsd"))}):
        certificate = pki.identity(name).certificate
        return run_against(kit, EndpointTest(url=address, certificate=certificate, listen=("127.0.0.1", court), wait=4))


@pytest.mark.slow
@pytest.mark.parametrize("code", PARTNERS)
@pytest.mark.parametrize("program", RECEIVERS)
def test_the_kit_finds_that_it_refuses_what_it_must_and_takes_the_rest(
    started: Callable[[str], list[Any]], tmp_path: Path, program: str, code: str
) -> None:
    report = examined(started(program), code, tmp_path)
    failed = {
        each.requirement.id: each.failures
        for each in report.checks
        if each.verdict is Verdict.FAILED and each.requirement.level is Level.MUST
    }
    assert failed.keys() == NO_VALIDATOR.get(program, set()), failed
    passed = {each.requirement.id for each in report.checks if each.verdict is Verdict.PASSED}
    assert {"P01", "P02", "P03", "P05", "R-unsigned", "R-body-wrapped", "R-stranger", "R-stale"} <= passed


def test_a_python_program_of_a_partner_needs_no_more_than_its_requirements_name() -> None:
    folder = CLIENTS / "python"
    named = {line.partition(">")[0] for line in (folder / "requirements.txt").read_text("utf-8").splitlines()[1:]}
    modules = {path.stem: ast.parse(path.read_text("utf-8")) for path in folder.glob("*.py")}
    imported = {
        name.partition(".")[0]
        for tree in modules.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names])
    }
    assert imported - sys.stdlib_module_names - modules.keys() == named == {"cryptography", "lxml"}
