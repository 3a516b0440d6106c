"""Every public name has a docstring that gives its meaning, and that of a function the errors it raises."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType, ModuleType

import pytest

from ccms_ws import clients, errors
from ccms_ws.errors import CcmsWsError


def exported(module: ModuleType) -> dict[str, object]:
    """The public names of a module: `__all__`, or the classes that it defines."""
    names = getattr(module, "__all__", None) or [
        name for name, value in vars(module).items() if inspect.isclass(value) and value.__module__ == module.__name__
    ]
    return {f"{module.__name__}.{name}": getattr(module, name) for name in names}


PUBLIC = exported(clients) | exported(errors)
DOCUMENTED = sorted(name for name, value in PUBLIC.items() if isinstance(value, type | FunctionType))
"""Not the type aliases: Python keeps no docstring of theirs."""


def functions() -> Iterator[tuple[str, object]]:
    """Public functions, and the public methods of public classes."""
    for name, value in PUBLIC.items():
        if inspect.isclass(value):
            for each, attribute in vars(value).items():
                method = getattr(attribute, "__func__", attribute)
                if inspect.isfunction(method) and (each == "__init__" or not each.startswith("_")):
                    yield f"{name}.{each}", method
        elif inspect.isfunction(value):
            yield name, value


def raised(function: object) -> set[str]:
    """The errors of the tree that the body of a function raises by name."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))  # type: ignore[arg-type]
    except OSError:  # made by a decorator
        return set()
    calls = (node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise))
    names = {call.func.id for call in calls if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}
    return {name for name in names if isinstance(getattr(errors, name, None), type)}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_public_name_has_a_docstring(name: str) -> None:
    value = PUBLIC[name]
    assert isinstance(value, type | FunctionType)
    assert value.__doc__
    assert not value.__doc__.startswith(f"{value.__name__}("), "made by the dataclass decorator"


@pytest.mark.parametrize(
    ("name", "function"), list(functions()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_public_function_says_what_it_raises(name: str, function: object) -> None:
    doc = inspect.getdoc(function) or ""
    if not name.endswith(".__init__"):
        assert doc, f"{name} has no docstring"
    bases = {error: {base.__name__ for base in getattr(errors, error).__mro__} for error in raised(function)}
    assert [error for error, named in bases.items() if not any(base in doc for base in named)] == [], name


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [value.code for value in PUBLIC.values() if isinstance(value, type) and issubclass(value, CcmsWsError)]
    assert len(codes) > 40
    assert len(codes) == len(set(codes))
