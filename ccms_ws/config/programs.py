"""Settings of the programs: database, delivery, console, log, signed heads of the message log."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from ccms_ws.config.fields import DatabaseUrl, ExistingFile, ResolvedPath, Section, Url

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class DatabaseSettings(Section):
    """The database of cases, ledger and messages."""

    url: DatabaseUrl = Field(
        repr=False, description="sqlite:///FILE (counts from this file) or postgresql+psycopg://USER@HOST/DATABASE"
    )


class DeliverySettings(Section):
    """Delivery of the outbox by the worker."""

    threads: int = Field(default=8, ge=1, le=256, description="messages sent at once, to all partners together")
    lease_seconds: int = Field(
        default=120,
        ge=5,
        description="how long a claimed message is leased to a worker without renewal; at least twice both timeouts",
    )
    poll_seconds: float = Field(default=1.0, gt=0, description="how often an idle worker looks for messages")
    first_retry_seconds: float = Field(default=5.0, gt=0, description="the first wait after a failure; it then doubles")
    longest_retry_seconds: float = Field(default=3600.0, gt=0, description="the longest wait between two attempts")
    give_up_after_attempts: int = Field(
        default=20, ge=1, description="after so many, and the hours below, a message is dead until an operator acts"
    )
    give_up_after_hours: float = Field(
        default=72.0, ge=0, description="how long a message is tried at least, whatever the number of attempts"
    )
    down_after_failures: int = Field(
        default=5, ge=1, description="failures in a row after which delivery to a partner pauses (circuit breaker)"
    )
    first_rest_seconds: float = Field(default=10.0, gt=0, description="the first pause of a partner; it then doubles")
    longest_rest_seconds: float = Field(
        default=300.0, gt=0, description="the longest pause between two probes of a partner"
    )
    connect_timeout_seconds: float = Field(default=5.0, gt=0, description="how long to wait for a connection")
    read_timeout_seconds: float = Field(default=30.0, gt=0, description="how long to wait for a partner's answer")

    @property
    def longest_attempt_seconds(self) -> float:
        """The remaining lease below which no attempt begins. Leases of messages that are claimed and not yet being sent
        are renewed long before that.
        """
        return self.lease_seconds * 2 / 3

    @property
    def send_timeout_seconds(self) -> float:
        """How long sending the bytes of a message may take: the rest of an attempt, without connecting and waiting for
        the answer."""
        return self.longest_attempt_seconds - self.connect_timeout_seconds - self.read_timeout_seconds

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        least = 2 * (self.connect_timeout_seconds + self.read_timeout_seconds)
        if self.lease_seconds < least:
            # A lease that expires during an attempt lets a second worker send the same message. Half of it is for
            # connecting and the answer, the rest for sending and for the renewal of leases.
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
    """The operations console. Without this table there is none."""

    operators: ResolvedPath = Field(
        description="the accounts: a file that `ccms-ws console add-operator` writes, readable by its owner alone"
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="the interface to listen on")
    port: int = Field(default=8809, ge=1, le=65535, description="the port to listen on")
    public_url: Url | None = Field(
        default=None,
        description="the https:// address of the TLS proxy in front; without it, the console serves this machine alone",
    )
    address_header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]+$",
        description="the header in which the proxy in front passes the client's address: X-Forwarded-For",
    )
    idle_minutes: int = Field(default=15, ge=1, le=60, description="a session ends after this time without a request")
    session_hours: int = Field(default=8, ge=1, le=24, description="every session ends after this time")

    @property
    def url(self) -> str:
        """The address in the operator's browser, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def is_secure(self) -> bool:
        """Whether the operator's browser uses TLS; if not, all traffic stays on this machine."""
        return self.url.startswith("https://")

    @model_validator(mode="after")
    def _check_address(self) -> Self:
        if urlsplit(self.url).path:
            raise ValueError("public_url should be an address without a path: https://console.court.example")
        if not self.is_secure and not {self.host, urlsplit(self.url).hostname} <= _THIS_MACHINE:
            raise ValueError("beyond this machine it needs TLS: put a proxy in front, its https address in public_url")
        return self


class LogSettings(Section):
    """The log that programs write to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="the lowest level that is written"
    )
    format: Literal["console", "json"] = Field(default="console", description="text, or one JSON object per line")


class AuditSettings(Section):
    """The signed heads of the message log, outside the database, with which `ccms-ws log verify` compares it."""

    heads: ResolvedPath = Field(
        default=Path("audit-heads.jsonl"),
        validate_default=True,
        description="the file that programs append to; best where the database's administrator cannot write",
    )
    every_seconds: float = Field(default=60.0, gt=0, description="how often it is written while there are new messages")
    certificates: tuple[ExistingFile, ...] = Field(
        default=(), description="earlier certificates of the court (PEM), if a rollover was not made by `certs roll`"
    )
    syslog: str | None = Field(
        default=None,
        min_length=1,
        description="where a copy of each line is sent: a socket (/dev/log), or HOST:PORT by UDP",
    )
    url: Url | None = Field(default=None, description="where a copy of each line is sent, by POST")

    @model_validator(mode="after")
    def _check_syslog(self) -> Self:
        port = (self.syslog or "").rpartition(":")[2]
        if self.syslog and not self.syslog.startswith("/") and not (port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("syslog should be a socket (/dev/log) or HOST:PORT")
        return self
