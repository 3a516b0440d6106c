"""`ccms-ws docs`: the documents that are installed with the package, without a network."""

from __future__ import annotations

import html
import webbrowser
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from ccms_ws.cli import completion
from ccms_ws.cli.options import JsonOption
from ccms_ws.cli.output import console, say, show_json, show_rows
from ccms_ws.errors import ConfigError, NotStored

FOLDER = Path(str(resources.files("ccms_ws"))) / "docs"
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1b1f23}"
    "pre{background:#f4f5f7;padding:.8em;overflow:auto}code{background:#f4f5f7}table{border-collapse:collapse}"
    "td,th{border:1px solid #c8ccd1;padding:.3em .6em;text-align:left;vertical-align:top}"
)


def docs(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[NAME]", help="A document, or the beginning of its name.", autocompletion=completion.documents
        ),
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

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    page = (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n{body}</html>\n"
    )
    try:
        file.write_text(page, "utf-8")
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}", hint="name another file: -o") from error


def _title(path: Path) -> str:
    first = path.read_text("utf-8").partition("\n")[0]
    return first.lstrip("# ").strip()
