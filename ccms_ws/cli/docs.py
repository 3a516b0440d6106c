"""`ccms-ws docs`: the documents that are installed with the package, without a network."""

from __future__ import annotations

import webbrowser
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli.options import JsonOption
from ccms_ws.cli.output import console, say, show_json, show_rows
from ccms_ws.errors import ConfigError, NotStored

FOLDER = Path(str(resources.files("ccms_ws"))) / "docs"


def _names(incomplete: str) -> list[str]:
    """What a shell offers: names of documents that begin so."""
    return [name for name in all_documents() if name.startswith(incomplete)]


def docs(
    name: Annotated[
        str,
        typer.Argument(metavar="[NAME]", help="A document, or the beginning of its name.", autocompletion=_names),
    ] = "",
    browser: Annotated[
        bool, typer.Option("--browser", help="Write it as HTML and open that, instead of printing it.")
    ] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="With --browser: where the HTML goes.")] = None,
    json: JsonOption = False,
) -> None:
    """Print a document; without a name, list them.

    Example: ccms-ws docs operations
    """
    documents = all_documents()
    if not name:
        show_rows(
            [{"document": key, "about": _title(path)} for key, path in documents.items()],
            as_json=json,
        )
        return
    found = [key for key in documents if key.casefold() == name.casefold()] or [
        key
        for key in documents
        if name.casefold() in (key[: len(name)].casefold(), key.rpartition("/")[2][: len(name)])
    ]
    if len(found) != 1:
        which = ", ".join(found or documents)
        raise NotStored(f"{'several documents are' if found else 'no document is'} called {name}", hint=which)
    text = documents[found[0]].read_text("utf-8")
    if browser:
        file = output or Path(f"ccms-ws-{found[0].replace('/', '-').lower()}.html")
        write_html(text, found[0], file)
        say(str(file), as_json=json)
        if json:
            show_json({"file": file})
        elif console().is_terminal:
            webbrowser.open(file.resolve().as_uri())
    elif json:
        show_json({"document": found[0], "text": text})
    elif console().is_terminal:
        from rich.markdown import Markdown

        with console().pager(styles=True, links=True):
            console().print(Markdown(text))
    else:
        say(text.rstrip("\n"))


def all_documents() -> dict[str, Path]:
    """The documents by their names: operating manual `OPERATIONS`, a decision `decisions/001-contract-first`."""
    paths = sorted(FOLDER.rglob("*.md"), key=lambda path: (len(path.parts), path.name))
    return {path.relative_to(FOLDER).with_suffix("").as_posix(): path for path in paths}


def write_html(text: str, title: str, file: Path) -> None:
    """One page that needs nothing else. Raises ConfigError if it cannot be written."""
    from markdown_it import MarkdownIt

    from ccms_ws.html_templates import render

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    page = render("ccms_ws.cli", "document.html", title=title, body=body)
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", hint="name another file: -o") from error


def _title(path: Path) -> str:
    first = path.read_text("utf-8").partition("\n")[0]
    return first.lstrip("# ").strip()
