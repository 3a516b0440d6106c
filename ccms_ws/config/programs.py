"""Settings: where the programs keep their books, how the worker sends, and what they log."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from ccms_ws.config.fields import DatabaseUrl, Section


class DatabaseSettings(Section):
    """Where the court's books and messages are kept."""

    url: DatabaseUrl = Field(
        repr=False, description="sqlite:///FILE (counts from this file) or postgresql+psycopg://USER@HOST/DATABASE"
    )


class DeliverySettings(Section):
    """The worker that empties the outbox."""

    threads: int = Field(default=8, ge=1, le=256, description="messages sent at once, to all partners together")
    lease_seconds: int = Field(
        default=120, ge=5, description="how long one attempt may hold a message; longer than both timeouts together"
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

    @model_validator(mode="after")
    def _check_times(self) -> Self:
        if self.lease_seconds <= self.connect_timeout_seconds + self.read_timeout_seconds:
            # A lease that ends during an attempt lets a second worker send the same message beside the first.
            raise ValueError("lease_seconds should be longer than connect_timeout_seconds + read_timeout_seconds")
        if self.longest_retry_seconds < self.first_retry_seconds:
            raise ValueError("longest_retry_seconds should not be shorter than first_retry_seconds")
        if self.longest_rest_seconds < self.first_rest_seconds:
            raise ValueError("longest_rest_seconds should not be shorter than first_rest_seconds")
        return self


class LogSettings(Section):
    """What the programs write to standard error."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="the least that is written")
    format: Literal["console", "json"] = Field(default="console", description="for people, or one JSON object a line")
