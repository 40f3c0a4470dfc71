"""Input from outside followed through a module: within a function, and through its helpers.

An abstract interpreter: each name holds a Taint. Branches are joined; a loop's body is walked
twice; a function of the same module is summarized once (what it returns, what its parameters reach)
and the summary is applied at its calls. Values held by objects of other modules are not followed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from kova.adapters.analyzers.python_rules.ast_helpers import Function, last_name
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex
from kova.adapters.analyzers.python_rules.problem import CodeProblem
from kova.adapters.analyzers.python_rules.secret_names import is_secret_name
from kova.adapters.analyzers.python_rules.taint import model
from kova.adapters.analyzers.python_rules.taint.reachability import Reachability, is_route
from kova.adapters.analyzers.python_rules.taint.state import FunctionState, ModuleFacts, Names
from kova.adapters.analyzers.python_rules.taint.statements import FunctionInterpreter
from kova.adapters.analyzers.python_rules.taint.summary import Summary
from kova.adapters.analyzers.python_rules.taint.taint import (
    PARAMETER,
    UNTAINTED,
    Taint,
    taint_from,
)

# The name `random` bound to another generator.
_RANDOM: Final = re.compile(r"^[ \t]*random\b[^=\n(]*=.*[Ss]ys(?:tem)?_?[Rr]andom", re.MULTILINE)
_DEEPEST: Final = 12  # Helpers within helpers.
_MOST_SINKS: Final = 100
"""Of one function: they are looked at again at each of its calls."""
_LEAST_JOINED: Final = 200_000
_JOINED_FOR_A_STATEMENT: Final = 1_000
_OWN: Final = frozenset({"self", "cls"})
_NOT_FROM_THE_PATH: Final = _OWN | {"request", "req", "response", "db", "session"}
_TEXT_TYPES: Final = frozenset({"", "str", "bytes", "Optional"})


class ModuleAnalysis:
    """The analysis of one module."""

    def __init__(self, index: ModuleIndex, *, most_joined: int | None = None) -> None:
        """`most_joined` is how many names may be joined in all; None goes by the module's size."""
        self.facts = _gather_facts(index)
        self._index = index
        self._problems: dict[tuple[int, str], CodeProblem] = {}
        self._globals: Names = {}
        self._summaries: dict[str, Summary] = {}
        self._under_way: set[str] = set()
        size = len(index.places)
        self._joins = most_joined or _LEAST_JOINED + _JOINED_FOR_A_STATEMENT * size

    def find_problems(self) -> Iterator[CodeProblem]:
        """Yield the problems of the module and of each function that input may come to."""
        reachability = Reachability(self._index)
        if reachability.reaches_module:
            state = FunctionState(self, self._globals, Summary(), "")
            FunctionInterpreter(state).walk_block(self._index.module.body)
            self._globals = state.names  # Another dictionary after each branch.
            reachability.spread(name for name, taint in self._globals.items() if taint)
        for name in self._index.functions:
            if name in reachability.functions:
                self.summarize(name)
        yield from self._problems.values()

    def spend(self, names: int) -> None:
        """Note that so many names are joined or remembered, at the end of a branch or a loop.

        A module of nothing but branches, each with a name of its own, takes the square of its
        length.

        Raises:
            RecursionError: there are too many for the size of the module; its file is not read.
        """
        self._joins -= names
        if self._joins < 0:
            raise RecursionError

    def summarize(self, name: str) -> Summary:
        """Compute a function's summary once; a recursive call has an empty one."""
        if name not in self._summaries and name not in self._under_way:
            if len(self._under_way) > _DEEPEST:
                return Summary()
            self._under_way.add(name)
            function = self._index.functions[name]
            summary = Summary()
            names = {**self._globals, **_parameters(function)}
            state = FunctionState(self, names, summary, name)
            FunctionInterpreter(state).walk_block(function.body)
            self._summaries[name] = summary
            self._under_way.discard(name)
        return self._summaries.get(name, Summary())

    def report_sink(
        self, kind: str, node: ast.stmt | ast.expr, taint: Taint, summary: Summary
    ) -> None:
        """Report input that reaches a place of harm, or add the parameter to the summary."""
        if kind in taint.sanitized_for:
            return
        for source in taint.sources:
            sink = (source, kind, node)
            if source.startswith(PARAMETER) and len(summary.sinks) < _MOST_SINKS:
                summary.sinks.setdefault(sink)
        if model.REQUEST in taint.sources:
            rule, harm = model.RULES[kind]
            self._report(rule, node, f"Input from the network {harm}.")
        elif model.LOCAL in taint.sources and kind in model.LOCAL_KINDS:
            _, harm = model.RULES[kind]
            self._report("local-input", node, f"What the user types {harm}.")

    def report_weak(self, name: str, node: ast.stmt | ast.expr, taint: Taint) -> Taint:
        """Report a guessable number that gets a secret's name; return the taint without it."""
        if model.WEAK not in taint.sources or not is_secret_name(name):
            return taint
        self._report(
            "weak-random",
            node,
            f"The random module can be predicted, and {name!r} must not be: use secrets.",
        )
        return taint.without_source(model.WEAK)

    def _report(self, rule: str, node: ast.stmt | ast.expr, message: str) -> None:
        self._problems.setdefault(
            (id(node), rule), CodeProblem(rule=rule, node=node, message=message)
        )


def check_taint(index: ModuleIndex) -> Iterator[CodeProblem]:
    """Yield where input from outside does harm, and where guessable numbers become secrets."""
    yield from ModuleAnalysis(index).find_problems()


def _gather_facts(index: ModuleIndex) -> ModuleFacts:
    imported = {origin.split(".")[0] for origin in index.imports.values()}
    return ModuleFacts(
        index=index,
        answers_html=not imported.isdisjoint({"flask", "bottle", "quart"}),
        has_paths=not imported.isdisjoint(model.PATH_LIBRARIES),
        random_is_own=_RANDOM.search(index.text) is not None,
        asks_directory="ldap3" in imported,
        fills_templates=not imported.isdisjoint({"jinja2", "django", "flask"}),
    )


def _parameters(function: Function) -> Names:
    """Return what a function's parameters hold: what is passed, and what a route hands over."""
    routed = is_route(function)
    names: Names = {}
    for parameter, default in _with_defaults(function.args):
        annotation = last_name(parameter.annotation) if parameter.annotation else ""
        if annotation in model.PLAIN_TYPES or parameter.arg in _OWN:
            names[parameter.arg] = UNTAINTED
            continue
        injected = isinstance(default, ast.Call) and last_name(default.func) in model.INJECTS
        is_text = annotation in _TEXT_TYPES and not injected
        sent = routed and is_text and parameter.arg not in _NOT_FROM_THE_PATH
        sources = [model.REQUEST] if sent else []
        names[parameter.arg] = taint_from(PARAMETER + parameter.arg, *sources)
    return names


def _with_defaults(parameters: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    plain = [*parameters.posonlyargs, *parameters.args]
    missing = len(plain) - len(parameters.defaults)
    yield from zip(plain, [*[None] * missing, *parameters.defaults], strict=True)
    yield from zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
    stars = (parameters.vararg, parameters.kwarg)
    yield from ((star, None) for star in stars if star is not None)
