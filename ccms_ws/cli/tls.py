"""The options for TLS to an outside endpoint, for the commands that call one which no settings describe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ccms_ws.replay.remote import Tls

TlsCaOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="PEM: the endpoint's certificate authority, if it is not a public one.",
    ),
]
TlsCertificateOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", exists=True, dir_okay=False, help="PEM: what this side shows in TLS, if it must."),
]
TlsKeyOption = Annotated[
    Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="PEM: the key to --tls-certificate.")
]


def tls_from(authority: Path | None, certificate: Path | None, key: Path | None) -> Tls:
    """The three options as one."""
    from ccms_ws.replay.remote import Tls

    if (certificate is None) != (key is None):
        raise typer.BadParameter("--tls-certificate and --tls-key go together")
    return Tls(authority, (certificate, key) if certificate and key else None)
