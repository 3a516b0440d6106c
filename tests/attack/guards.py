"""Every guard of the envelope layer switched off in turn: which attack gets in then?

A guard is a place that refuses: a `raise` in one of the modules through which a message comes. It is switched off
in memory, by a copy of its function's code in which that one `raise` does nothing. If the message is then refused
somewhere else, that guard is switched off as well, and so on, until the message is in or the code behind falls over.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ccms_ws.envelope import (
    addressing,
    base64_text,
    canonical,
    content_type,
    inbound,
    parsing,
    signature_xml,
    signatures,
    soap,
    soap_parts,
    timestamps,
    tokens,
    trust,
)
from ccms_ws.errors import CcmsWsError
from tests.attack.vectors import Vector

MODULES = (
    content_type,
    parsing,
    soap,
    soap_parts,
    signature_xml,
    base64_text,
    tokens,
    trust,
    canonical,
    signatures,
    inbound,
    timestamps,
    addressing,
)
_DEPTH = 8
_TRIED = 12
_UNIT = "tests/unit/envelope/"
NOT_BY_MESSAGES = {
    "parsing.check_parsed": _UNIT + "test_parsing.py::test_a_tree_of_another_parser_is_held_to_the_same_rules",
    "parsing.check_own": _UNIT + "test_outbound.py::test_what_we_would_not_take_in_we_do_not_seal",
    "tokens.resolve_signer #3": _UNIT + "test_tokens.py::test_a_policy_may_refuse_a_kind",
    "trust.Signer.check #4": _UNIT
    + "test_certificate_chains.py::test_an_old_revocation_list_lets_nobody_in_whom_it_concerns",
    "trust.PinnedCertificate.load": "tests/unit/clients/test_client_settings.py"
    "::test_a_file_that_holds_no_certificate_is_named",
    "trust.RevocationList": _UNIT + "test_trust.py::test_a_revocation_list_must_be_signed_by_its_issuer",
    "trust.TrustStore": _UNIT + "test_trust.py::test_one_certificate_cannot_be_two_partners",
    "trust.check_signing_certificate": _UNIT + "test_trust.py::test_a_weak_or_strange_key_cannot_be_pinned",
    "inbound.VerifiedEnvelope": _UNIT + "test_inbound.py::test_nobody_else_makes_a_verified_envelope",
}
"""Guards against something else than a message (another library's tree, a mistake in the configuration or the code), by
the beginning of their names, each with the test that reaches it.
"""


@dataclass(frozen=True)
class Guard:
    """One place that refuses."""

    module: str
    function: str
    """Its qualified name."""
    number: int
    """Counted from the top of the function."""
    lines: tuple[int, int]
    condition: str
    """What it refuses, as the code has it."""
    rule: str

    def __str__(self) -> str:
        return f"{self.module}.{self.function} #{self.number}: {self.condition}" + (f" [{self.rule}]" * bool(self.rule))


@dataclass(frozen=True)
class Finding:
    """What came of switching a guard off."""

    guard: Guard
    vector: Vector | None
    """The first attack that got in; or else one that made the code behind the guard fall over."""
    let_in: bool
    behind: tuple[Guard, ...]
    """Guards that had to be switched off as well."""
    crash: str = ""


def guards() -> list[Guard]:
    """All that messages can reach, in the order of the modules."""
    every = [guard for module in MODULES for guard, _ in _sites(module)]
    return [guard for guard in every if not str(guard).startswith(tuple(NOT_BY_MESSAGES))]


def _sites(module: ModuleType) -> Iterator[tuple[Guard, ast.Raise]]:
    name = module.__name__.rpartition(".")[2]
    for function, node in _functions(ast.parse(_source(module)), ""):
        conditions = _conditions(node)
        for number, (site, condition) in enumerate(conditions, 1):
            rule = _rule(site)
            lines = (site.lineno, site.end_lineno or site.lineno)
            yield Guard(name, function, number, lines, condition, rule), site


def _rule(site: ast.Raise) -> str:
    for call in ast.walk(site):
        for keyword in call.keywords if isinstance(call, ast.Call) else ():
            if keyword.arg == "rule" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return ""


def _functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield prefix + child.name, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")


def _conditions(function: ast.AST, condition: str = "always") -> list[tuple[ast.Raise, str]]:
    found: list[tuple[ast.Raise, str]] = []
    for child in ast.iter_child_nodes(function):
        if isinstance(child, ast.Raise):
            found.append((child, condition))
        elif isinstance(child, ast.If):
            test = ast.unparse(child.test)
            for part, said in ((child.body, test), (child.orelse, f"not ({test})")):
                for statement in part:
                    found += _conditions(ast.Module([statement], []), said)
        else:
            found += _conditions(child, ast.unparse(child.type) if isinstance(child, ast.ExceptHandler) and child.type
                                 else condition)  # fmt: skip
    return found


@contextmanager
def switched_off(guard: Guard, others: Sequence[Guard] = ()) -> Iterator[None]:
    """As long as the block, that one `raise` does nothing, nor those of `others` in the same function."""
    module = next(module for module in MODULES if module.__name__.endswith(f".{guard.module}"))
    same = [off.number for off in (guard, *others) if (off.module, off.function) == (guard.module, guard.function)]
    code = _without(module, guard.function, frozenset(same))
    function = _function(module, guard.function)
    before = function.__code__
    function.__code__ = code
    try:
        yield
    finally:
        function.__code__ = before


@functools.cache
def _without(module: ModuleType, function: str, numbers: frozenset[int]) -> CodeType:
    """The function's code without some of its `raise`."""
    tree = ast.parse(_source(module))
    raises = next(_conditions(node) for name, node in _functions(tree, "") if name == function)
    _Off([raises[number - 1][0] for number in numbers]).visit(tree)
    return _code(compile(ast.fix_missing_locations(tree), module.__file__ or "", "exec"), function)


@functools.cache
def _source(module: ModuleType) -> str:
    return inspect.getsource(module)


class _Off(ast.NodeTransformer):
    def __init__(self, targets: Sequence[ast.Raise]) -> None:
        self.targets = targets

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        return ast.copy_location(ast.Pass(), node) if node in self.targets else node


def _code(compiled: CodeType, qualified_name: str) -> CodeType:
    for part in qualified_name.split("."):
        compiled = next(c for c in compiled.co_consts if isinstance(c, CodeType) and c.co_name == part)
    return compiled


def _function(module: ModuleType, qualified_name: str) -> FunctionType:
    found: Any = functools.reduce(getattr, qualified_name.split("."), module)
    function: FunctionType = inspect.unwrap(getattr(found, "__func__", found))  # of a class method
    return function


def _refused_by(error: BaseException, sites: Mapping[str, Sequence[Guard]]) -> Guard | None:
    """The guard whose `raise` an error came from."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "").rpartition(".")[2]
        for guard in sites.get(module, ()):
            if guard.lines[0] <= trace.tb_lineno <= guard.lines[1]:
                found = guard
        trace = trace.tb_next
    return found


def _attempt(vector: Vector, sites: Mapping[str, Sequence[Guard]]) -> tuple[str, Guard | None]:
    try:
        vector.open()
    except CcmsWsError as error:
        return "refused", _refused_by(error, sites)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:100], None
    return "in", None


def switch_each_off(vectors: Sequence[Vector], wanted: Callable[[Guard], bool] = lambda _: True) -> Iterator[Finding]:
    """What comes of it, guard by guard."""
    every = guards()
    sites: dict[str, list[Guard]] = {}
    for guard in every:
        sites.setdefault(guard.module, []).append(guard)
    stopped: dict[Guard, list[Vector]] = {}
    for vector in vectors:
        if vector.expectation.code:
            _, by = _attempt(vector, sites)
            if by is not None:
                stopped.setdefault(by, []).append(vector)
    for guard in filter(wanted, every):
        yield _switch_off(guard, stopped.get(guard, ()), sites)


def _switch_off(guard: Guard, vectors: Sequence[Vector], sites: Mapping[str, Sequence[Guard]]) -> Finding:
    best: Finding | None = None
    for vector in sorted(vectors, key=lambda each: (each.family != "hostile", len(each.body)))[:_TRIED]:
        off, outcome = [guard], ""
        with ExitStack() as stack:
            for _ in range(_DEPTH):
                stack.enter_context(switched_off(off[-1], off[:-1]))
                outcome, by = _attempt(vector, sites)
                if by is None or by in off:
                    break
                off.append(by)
        finding = Finding(guard, vector, outcome == "in", tuple(off[1:]), "" if outcome == "in" else outcome)
        if finding.let_in and not finding.behind:
            return finding
        if best is None or (finding.let_in, -len(finding.behind)) > (best.let_in, -len(best.behind)):
            best = finding
    return best or Finding(guard, None, False, ())
