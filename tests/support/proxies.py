"""nginx in front of an endpoint, as the documents configure it."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from ccms_ws.demo.processes import listens
from tests.support.commands import free_port_base
from tests.support.tls import Doors


@contextmanager
def nginx(doors: Doors, target: int, folder: Path) -> Iterator[int]:
    """nginx with the server block in CERTIFICATES.md, word for word but for files and ports; its port."""
    document = resources.files("ccms_ws").joinpath("docs/CERTIFICATES.md").read_text("utf-8")
    (block,) = re.findall(r"^```nginx\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    port = free_port_base()
    for said, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ccms-ws/", f"{doors.folder}/"),
        ("http://127.0.0.1:8080", f"http://127.0.0.1:{target}"),
    ):
        assert said in block, said
        block = block.replace(said, here)
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    main = f"{user} daemon off; pid {folder}/nginx.pid; error_log stderr; events {{ worker_connections 4096; }}\n"
    configuration = folder / "nginx.conf"
    configuration.write_text(f"{main}http {{ access_log off; {kept}\n{block}}}")
    with subprocess.Popen(["nginx", "-c", str(configuration), "-e", "stderr"], stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(100):
                if listens(port):
                    break
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()
