"""Certificates are changed on both sides while messages flow, and every one of them is answered."""

from __future__ import annotations

import http.client
import signal
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ccms_ws.clock import SystemClock
from ccms_ws.demo.pki import issue, make_authority
from ccms_ws.exchanges.fcc807.wire import query_to_xml
from ccms_ws.registry import get_exchange
from tests.support.commands import Commands
from tests.support.court import Court, HttpAnswer
from tests.support.serving import Served, served_court

TRIES = 5
HEADERS = {"Content-Type": "application/soap+xml; charset=utf-8"}


class Partner:
    """Adult probation: asks without a pause over a kept connection, and sends again what it got no answer to."""

    def __init__(self, served: Served) -> None:
        self.signer = "adult-probation"
        self.pinned = ["court"]
        self.answers: list[x509.Certificate | None] = []
        self.sent_again = 0
        self.trouble: list[str] = []
        self._court = Court(served.settings.parent, SystemClock().now())
        self._port = served.port
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._ask_on)

    def __enter__(self) -> Partner:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def wait_for(self, certificate: x509.Certificate, count: int) -> None:
        """Until `count` answers more were signed with the certificate."""
        deadline, before = time.monotonic() + 60, self.answers.count(certificate)
        while self.answers.count(certificate) < before + count:
            assert time.monotonic() < deadline, (len(self.answers), self.trouble)
            assert not self.trouble, self.trouble
            time.sleep(0.05)

    def _ask_on(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._stop.is_set():
            try:
                self._ask(connection)
            except Exception as error:
                self.trouble.append(repr(error))
                return
            time.sleep(0.01)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection) -> None:
        court = self._court
        court.clock.at = SystemClock().now()
        query = court.query(case_number="TR-2025-004417")
        message_id = query.metadata.transaction_id
        body = court.seal(
            query_to_xml(query), signer=self.signer, exchange=get_exchange("FCC807"), message_id=message_id
        )
        for _ in range(TRIES):
            try:
                connection.request("POST", "/FCC807/1.0", body, HEADERS)
                response = connection.getresponse()
                headers = {name.title(): value for name, value in response.getheaders()}
                answer = HttpAnswer(response.status, headers, response.read())
                break
            except (http.client.HTTPException, OSError):
                self.sent_again += 1
                connection.close()
        else:
            raise TimeoutError("nobody answers")
        opened = court.open_answer(answer, code="FCC807", relates_to=message_id, pinned=self.pinned)
        assert opened.fault is None, answer.body
        self.answers.append(opened.certificate)


def write(folder: Path, name: str) -> tuple[Path, Path, x509.Certificate]:
    now = SystemClock().now()
    key, certificate = issue(make_authority("next root", now), name, now)
    files = folder / "pki" / f"{name}.key", folder / "pki" / f"{name}.crt"
    files[0].touch(0o600)
    files[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    files[1].write_bytes(certificate.public_bytes(Encoding.PEM))
    return *files, certificate


def test_a_rollover_on_both_sides_loses_no_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served_court(tmp_path / "court") as served, Partner(served) as partner:
        folder = served.settings.parent
        old = x509.load_pem_x509_certificate((folder / "pki" / "court.crt").read_bytes())
        _, theirs, _ = write(folder, "adult-probation-2")
        key, ours, new = write(folder, "court-2")

        # The partner pins the court's new certificate beside the old one, and the court the partner's.
        partner.pinned = ["court", "court-2"]
        partner.wait_for(old, 5)
        commands = Commands(served.settings, capsys)
        assert commands("certs", "roll", "--partner", "ADULT-PROBATION", "--certificate", theirs).code == 0

        # The court signs with its new key from here on; the partner goes on with its old one, then changes as well.
        assert commands("certs", "roll", "--key", key, "--certificate", ours).code == 0
        partner.wait_for(old, 5)
        served.process.send_signal(signal.SIGHUP)
        partner.wait_for(new, 20)
        time.sleep(2)
        partner.signer = "adult-probation-2"
        partner.wait_for(new, 10)
    assert not partner.trouble
    assert partner.answers[-1] == new
    assert partner.sent_again <= 2  # at most over the kept connection that the old process closes
