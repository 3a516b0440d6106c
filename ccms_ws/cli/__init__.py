"""The `ccms-ws` command: one module a noun, thin over the use-cases; nothing is decided here."""

from ccms_ws.cli.app import main

__all__ = ["main"]
