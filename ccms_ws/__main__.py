"""`python -m ccms_ws` is the `ccms-ws` command."""

from ccms_ws.cli import main

main()
