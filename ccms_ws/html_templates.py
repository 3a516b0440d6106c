"""Pages from the Jinja templates of a package: its folder `templates`.

In a template for HTML every value is escaped, and a character that a page cannot show is replaced. A name that a
template uses and that is not given is an error.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape


def render(package: str, template: str, **values: Any) -> str:
    """What `template` of `package` gives with these values. Only templates named *.html are escaped."""
    return _environment(package).get_template(template).render(values)


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(("html",), default=False),
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _shown(value: object) -> object:
    """A text of others cannot steer a terminal, or turn the direction of writing, where a page is read."""
    if type(value) is not str:
        return value
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in value)
