"""The package that a partner gets: the same bytes each time, complete, and signed samples that verify."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import zeep
from lxml import etree

from ccms_ws.clock import FixedClock
from ccms_ws.contract import catalog
from ccms_ws.contract.codes import CodeLists, load_codes, published_codes
from ccms_ws.contract.export import export
from ccms_ws.contract.namespaces import EXT, WSA, q
from ccms_ws.contract.wsdl import load_wsdl
from ccms_ws.envelope.inbound import HttpMessage, ReceivePolicy, open_envelope
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.envelope.trust import PinnedCertificate, TrustStore
from ccms_ws.errors import TimestampOutOfRange
from ccms_ws.registry import EXCHANGES, get_exchange
from ccms_ws.services.contract_package import package_of
from ccms_ws.services.samples import published_test_identity, signed_samples

URL = "https://court.example"
CODES = [exchange.code for exchange in EXCHANGES]
SAMPLES = [(code, name) for code in CODES for name in signed_samples(get_exchange(code), URL)]
IN_A_PROCESS_OF_ITS_OWN = """
import hashlib
from ccms_ws.contract.codes import published_codes
from ccms_ws.contract.export import export
from ccms_ws.envelope.policy import SecurityPolicy
from ccms_ws.registry import EXCHANGES
from ccms_ws.services.contract_package import package_of
for exchange in EXCHANGES:
    package = export(package_of(exchange, "https://court.example", SecurityPolicy(), published_codes()))
    print(hashlib.sha256(package).hexdigest())
"""


def package(code: str, codes: CodeLists | None = None) -> bytes:
    return export(package_of(get_exchange(code), URL, SecurityPolicy(), codes or published_codes()))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    for code in CODES:
        with zipfile.ZipFile(io.BytesIO(package(code))) as archive:
            archive.extractall(folder)
    return folder


def test_it_is_the_same_byte_for_byte_each_time_and_in_every_process() -> None:
    expected = [hashlib.sha256(package(code)).hexdigest() for code in CODES]
    assert [hashlib.sha256(package(code)).hexdigest() for code in CODES] == expected
    for seed, zone in (("1", "UTC"), ("2", "Pacific/Auckland")):
        environment = os.environ | {"PYTHONHASHSEED": seed, "TZ": zone}
        ran = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", IN_A_PROCESS_OF_ITS_OWN],
            env=environment, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert ran.stdout.split() == expected


@pytest.mark.parametrize("code", CODES)
def test_everything_is_in_it_and_its_sums_are_right(unpacked: Path, code: str) -> None:
    root = unpacked / f"{code}-1.0"
    files = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    lines = (root / "SHA256SUMS").read_text("utf-8").splitlines()
    sums = {name: said for said, name in (line.split("  ") for line in lines)}
    assert files == {*sums, "SHA256SUMS"}
    assert all(hashlib.sha256((root / name).read_bytes()).hexdigest() == said for name, said in sums.items())
    exchange = get_exchange(code)
    for sample in catalog.samples_of(exchange.namespace):
        for name in (f"{sample}.xml", f"signed/soap11/{sample}.xml", f"signed/soap12/{sample}.xml"):
            assert f"samples/{name}" in files
    assert {f"wsdl/{exchange.service}", "policy.xml", "README.md", "test-key/published-test.key"} <= files
    kinds = {name.partition("-")[2] for name in catalog.samples_of(exchange.namespace)}
    assert any("error" in kind for kind in kinds)
    guide = (root / "README.md").read_text("utf-8")
    assert all(f"`{name}`" in guide for name in files if name.startswith(("codes/", "wsdl/partner/", "policy")))


@pytest.mark.parametrize("code", CODES)
def test_stock_zeep_reads_every_wsdl_of_it_without_the_network(unpacked: Path, code: str) -> None:
    root = unpacked / f"{code}-1.0"
    for path in sorted(root.glob("wsdl/**/*.wsdl")):
        read = load_wsdl(path)
        assert all(file.is_relative_to(root) for file in read.files)
        if read.ports:
            client = zeep.Client(str(path))  # type: ignore[no-untyped-call]
            (service,) = client.wsdl.services.values()
            assert {port.binding_options["address"] for port in service.ports.values()} == {read.ports[0].address}


@pytest.mark.parametrize(("code", "name"), SAMPLES)
def test_a_signed_sample_verifies_at_its_time_and_carries_the_sample(code: str, name: str) -> None:
    content = signed_samples(get_exchange(code), URL)[name]
    sample = etree.fromstring(catalog.sample(name.rpartition("/")[2]))
    envelope = etree.fromstring(content)
    action, to = (envelope.findtext(f".//{q(WSA, part)}") or "" for part in ("Action", "To"))
    relates_to = envelope.findtext(f".//{q(WSA, 'RelatesTo')}")
    answer = to.endswith("/anonymous")
    clock = FixedClock(datetime.fromisoformat(sample.findtext(f".//{q(EXT, 'MessageDateTime')}") or ""))

    def verify() -> etree._Element:
        opened = open_envelope(
            HttpMessage(content, "text/xml" if "soap11" in name else "application/soap+xml", f'"{action}"'),
            trust=TrustStore([PinnedCertificate("TEST", published_test_identity().certificate)]),
            policy=SecurityPolicy(),
            clock=clock,
            acceptance=ReceivePolicy(
                to=frozenset({to}), operations={str(sample.tag): action}, permits=lambda *_: True,
                relates_to=relates_to if answer else None, faults=answer,
            ),
        )  # fmt: skip
        if opened.fault is None:
            return opened.payload
        assert opened.fault.detail is not None
        return opened.fault.detail

    canonical = [etree.tostring(each, method="c14n", exclusive=True, with_tail=False) for each in (verify(), sample)]
    assert canonical[0] == canonical[1]
    clock.advance(timedelta(days=1))
    with pytest.raises(TimestampOutOfRange):
        verify()


def test_a_courts_own_codes_are_in_its_package(tmp_path: Path) -> None:
    (tmp_path / "fee-kinds.toml").write_text(
        '[codes.ParkFine]\ntext = "Fine of the \\"park\\" district."\neffective = 2026-01-01\n', encoding="utf-8"
    )
    with zipfile.ZipFile(io.BytesIO(package("FCC807", load_codes(tmp_path)))) as archive:
        fees = archive.read("FCC807-1.0/codes/fee-kinds.toml").decode()
    assert "[codes.ParkFine]" in fees.replace('"ParkFine"', "ParkFine")
    assert "BaseFine" in fees
