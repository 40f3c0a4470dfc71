"""What a walk over a function knows so far, and what it may ask of its module's analysis."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kova.adapters.analyzers.python_rules.ast_helpers import (
    dotted_name,
    key_of,
    last_name,
    text_of,
    whole_number,
)
from kova.adapters.analyzers.python_rules.module_index import ModuleIndex
from kova.adapters.analyzers.python_rules.secret_names import words_of
from kova.adapters.analyzers.python_rules.taint import model
from kova.adapters.analyzers.python_rules.taint.sanitizers import Guards, is_own_address
from kova.adapters.analyzers.python_rules.taint.summary import Summary
from kova.adapters.analyzers.python_rules.taint.taint import UNTAINTED, Taint, join, taint_from

Names = dict[str, Taint]
"""The taint of what names hold: `x`, `self.x`, `x['key']`, and `?x.get('key')` for look-ups."""

# Stands for a look-up that was tested: only the kinds of harm that the test rules out matter.
_TESTED_LOOKUP: Final = taint_from("tested look-up")


@dataclass(frozen=True, kw_only=True)
class ModuleFacts:
    """What a module imports and defines, as far as it decides what a call is worth.

    Attributes:
        index: the module's index.
        answers_html: what a route returns is shown as a page.
        has_paths: a library whose paths have methods that open files is imported.
        random_is_own: the name `random` is bound to a generator that cannot be guessed.
        asks_directory: `search` is a query to an LDAP directory.
        fills_templates: `from_string` makes a template.
    """

    index: ModuleIndex
    answers_html: bool
    has_paths: bool
    random_is_own: bool
    asks_directory: bool
    fills_templates: bool


class TaintAnalysis(Protocol):
    """What a walk over a function asks of the analysis of its module."""

    @property
    def facts(self) -> ModuleFacts:
        """What holds for the whole module."""

    def spend(self, names: int) -> None:
        """Note that so many names are joined or remembered.

        Raises:
            RecursionError: there are too many for the size of the module.
        """

    def summarize(self, name: str) -> Summary:
        """Return the summary of a function of the module."""

    def report_sink(
        self, kind: str, node: ast.stmt | ast.expr, taint: Taint, summary: Summary
    ) -> None:
        """Note that a tainted value reaches a place of harm."""

    def report_weak(self, name: str, node: ast.stmt | ast.expr, taint: Taint) -> Taint:
        """Note that a guessable number gets a secret's name; return the taint without it."""


class FunctionState:
    """What the names of a function or module hold at one point of a walk over its statements."""

    def __init__(self, analysis: TaintAnalysis, names: Names, summary: Summary, scope: str) -> None:
        self.analysis = analysis
        self.names = names
        self.summary = summary
        self.scope = scope
        self.numbers: dict[str, int] = {}
        self.own_addresses: set[str] = set()  # Names of texts that begin with an address of ours.
        self._keyed: set[str] = set()  # Containers whose keys have ever been told apart.
        self._parsed: dict[str, str] = {}  # `url` of `url = urlparse(text)`, and `text`.

    def bind(self, target: ast.expr, taint: Taint, node: ast.stmt | ast.expr) -> None:
        """Bind a target: a name holds the taint, a container gathers it."""
        if isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self.bind(part, taint, node)
        elif isinstance(target, ast.Starred):
            self.bind(target.value, taint, node)
        elif isinstance(target, ast.Subscript):
            self._bind_key(target, taint, node)
        elif name := dotted_name(target):
            self._bind_name(name, target, taint, node)

    def _bind_key(self, target: ast.Subscript, taint: Taint, node: ast.stmt | ast.expr) -> None:
        keys = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
        for key in keys:
            text = text_of(key)
            self.analysis.report_weak(text if text is not None else last_name(key), node, taint)
        name = dotted_name(target.value)
        stored = taint.without_source(model.WEAK)
        self.names[name] = join([self.names.get(name, UNTAINTED), stored])
        if (constant := key_of(target.slice)) is not None:
            self.set_key(name, constant, stored)
        else:
            self.forget_keys(name)

    def _bind_name(
        self, name: str, target: ast.expr, taint: Taint, node: ast.stmt | ast.expr
    ) -> None:
        if "salt" in words_of(last_name(target)):
            taint = taint.without_source(model.WEAK)  # A salt may be known.
        self._bind_constant(name, node)
        is_own = not isinstance(node, ast.Constant) or is_own_address(text_of(node) or "")
        is_open = model.REQUEST in taint.sources and "redirect" not in taint.sanitized_for
        (self.own_addresses.add if is_own and not is_open else self.own_addresses.discard)(name)
        self.names[name] = self.analysis.report_weak(last_name(target), node, taint)

    def _bind_constant(self, name: str, node: ast.stmt | ast.expr) -> None:
        """Note what else is known of a name: its number, if it was never anything else."""
        number = whole_number(node)
        changes = name in self.names and self.numbers.get(name) != number
        if number is None or changes:
            self.numbers.pop(name, None)
        else:
            self.numbers[name] = number
        self.forget_keys(name)
        self._parsed.pop(name, None)
        if isinstance(node, ast.Call) and last_name(node.func) in {"urlparse", "urlsplit"}:
            self._parsed[name] = dotted_name(node.args[0]) if node.args else ""

    def set_key(self, name: str, key: str, taint: Taint) -> None:
        """Note what stands at a key of a container."""
        self._keyed.add(name)
        self.names[f"{name}[{key}]"] = taint

    def forget_keys(self, name: str) -> None:
        """Note that something may have been put at any key of a container."""
        if name in self._keyed:
            for key in [key for key in self.names if key.startswith(f"{name}[")]:
                del self.names[key]

    def apply_guards(self, guards: Guards) -> None:
        """Note what a test ruled out."""
        for guarded, kinds in guards.items():
            for name in {guarded, self._parsed.get(guarded, guarded)}:
                unknown = _TESTED_LOOKUP if name.startswith("?") else UNTAINTED
                self.names[name] = self.names.get(name, unknown).sanitized(kinds)

    def report_sink(self, kind: str, node: ast.stmt | ast.expr, taint: Taint) -> None:
        """Note that a tainted value of this function reaches a place of harm."""
        self.analysis.report_sink(kind, node, taint, self.summary)


def join_names(branches: Sequence[Names]) -> Names:
    """Return what names hold where branches meet."""
    names = set().union(*branches)
    # Where one branch does not know a key, the whole container speaks for it; and what was not
    # tested in one branch was not tested.
    partial = {name for name in names if name.startswith("?") or "[" in name}
    names -= {name for name in partial if not all(name in branch for branch in branches)}
    return {name: join([branch.get(name, UNTAINTED) for branch in branches]) for name in names}
