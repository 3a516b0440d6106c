"""Settings: where the programs keep their books, how the worker sends, the console, what they log and write down."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ccms_ws.config.fields import DatabaseUrl, ExistingFile, ResolvedPath, Section, Url

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class DatabaseSettings(Section):
    """Where the court's books and messages are kept."""

    url: DatabaseUrl = Field(
        repr=False, description="sqlite:///FILE (counts from this file) or postgresql+psycopg://USER@HOST/DATABASE"
    )


class DeliverySettings(Section):
    """The worker that empties the outbox."""

    threads: int = Field(default=8, ge=1, le=256, description="messages sent at once, to all partners together")
    lease_seconds: int = Field(
        default=120,
        ge=5,
        description="how long a worker may hold a message without a sign of life; at least twice both timeouts",
    )
    poll_seconds: float = Field(default=1.0, gt=0, description="how often an idle worker looks for messages")
    first_retry_seconds: float = Field(default=5.0, gt=0, description="the first wait after a failure; it then doubles")
    longest_retry_seconds: float = Field(default=3600.0, gt=0, description="the longest wait between two attempts")
    give_up_after_attempts: int = Field(
        default=20, ge=1, description="then, if the hours are over too, a message is dead until an operator acts"
    )
    give_up_after_hours: float = Field(
        default=72.0, ge=0, description="how long a message is tried at least, however often that is"
    )
    down_after_failures: int = Field(
        default=5, ge=1, description="failures in a row after which a partner's line rests; its messages then only wait"
    )
    first_rest_seconds: float = Field(default=10.0, gt=0, description="the first rest of a line; it then doubles")
    longest_rest_seconds: float = Field(
        default=300.0, gt=0, description="the longest rest between two probes of a line"
    )
    connect_timeout_seconds: float = Field(default=5.0, gt=0, description="how long to wait for a connection")
    read_timeout_seconds: float = Field(default=30.0, gt=0, description="how long to wait for a partner's answer")

    @property
    def longest_attempt_seconds(self) -> float:
        """No attempt is begun with less of its lease left. What is claimed ahead waits meanwhile; its lease is renewed
        long before only this much is left.
        """
        return self.lease_seconds * 2 / 3

    @property
    def send_timeout_seconds(self) -> float:
        """How long a message may take to leave: what connecting and waiting for the answer leave of an attempt."""
        return self.longest_attempt_seconds - self.connect_timeout_seconds - self.read_timeout_seconds

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        least = 2 * (self.connect_timeout_seconds + self.read_timeout_seconds)
        if self.lease_seconds < least:
            # A lease that ends during an attempt lets a second worker send the same message beside the first. Half of
            # it is for connecting and the answer, the rest for messages to leave and for the renewal of leases.
            raise ValueError(
                "lease_seconds should be at least 2 * (connect_timeout_seconds + read_timeout_seconds)"
                f" = {least:g}, so that no lease ends during an attempt"
            )
        if self.longest_retry_seconds < self.first_retry_seconds:
            raise ValueError("longest_retry_seconds should not be shorter than first_retry_seconds")
        if self.longest_rest_seconds < self.first_rest_seconds:
            raise ValueError("longest_rest_seconds should not be shorter than first_rest_seconds")
        return self


class ConsoleSettings(Section):
    """The operations console, a page for the court's own operators. Without this table there is none."""

    operators: ResolvedPath = Field(
        description="who may sign in: a file that `ccms-ws console add-operator` writes, for its owner alone"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="the interface to listen on")
    port: int = Field(default=8809, ge=1, le=65535, description="the port to listen on")
    public_url: Url | None = Field(
        default=None,
        description="the https:// address that operators type, that of a TLS proxy in front; none: this machine alone",
    )
    address_header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]+$",
        description="the header in which the proxy in front gives the client's address: X-Forwarded-For",
    )
    idle_minutes: int = Field(default=15, ge=1, le=60, description="after so long without a click a session ends")
    session_hours: int = Field(default=8, ge=1, le=24, description="after so long every session ends")

    @property
    def url(self) -> str:
        """The address in the operator's browser, with no slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether the operator's browser speaks TLS; if not, all of it stays on this machine."""
        return self.url.startswith("https://")

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if urlsplit(self.url).path:
            raise ValueError("public_url should be an address without a path: https://console.court.example")
        if not self.is_secure and not {self.host, urlsplit(self.url).hostname} <= _THIS_MACHINE:
            raise ValueError("beyond this machine it needs TLS: put a proxy in front, its https address in public_url")
        return self


class LogSettings(Section):
    """What the programs write to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="the least that is written")
    format: Literal["console", "json"] = Field(default="console", description="for people, or one JSON object a line")


class AuditSettings(Section):
    """How the message log ended, written down outside the database and signed: what `ccms-ws log verify` compares."""

    heads: ResolvedPath = Field(
        default=Path("audit-heads.jsonl"),
        validate_default=True,
        description="the file that programs append to; best where the database's administrator cannot write",
    )
    every_seconds: float = Field(default=60.0, gt=0, description="how often it is written while messages go in and out")
    certificates: tuple[ExistingFile, ...] = Field(
        default=(), description="earlier certificates of the court (PEM), if a rollover was not made by `certs roll`"
    )
    syslog: str | None = Field(
        default=None, min_length=1, description="where each line goes as well: a socket (/dev/log), or HOST:PORT by UDP"
    )
    url: Url | None = Field(default=None, description="where each line goes as well, by POST")

    @model_validator(mode="after")
    def _check_syslog(self) -> Self:
        port = (self.syslog or "").rpartition(":")[2]
        if self.syslog and not self.syslog.startswith("/") and not (port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("syslog should be a socket (/dev/log) or HOST:PORT")
        return self
