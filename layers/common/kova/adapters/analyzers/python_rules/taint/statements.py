"""A walk over the statements of a function or module, as far as they move what names hold."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cached_property

from kova.adapters.analyzers.python_rules.ast_helpers import (
    dotted_name,
    last_name,
    targets,
    text_of,
)
from kova.adapters.analyzers.python_rules.taint import model
from kova.adapters.analyzers.python_rules.taint.expressions import ExpressionEvaluator
from kova.adapters.analyzers.python_rules.taint.reachability import is_route
from kova.adapters.analyzers.python_rules.taint.sanitizers import (
    always_leaves,
    decide_test,
    equal_names,
    guards_of,
)
from kova.adapters.analyzers.python_rules.taint.state import FunctionState, Names, join_names
from kova.adapters.analyzers.python_rules.taint.taint import UNTAINTED, join


class FunctionInterpreter:
    """Walks the statements of a function or module."""

    def __init__(self, state: FunctionState) -> None:
        self._state = state
        self._evaluate = ExpressionEvaluator(state).evaluate
        self._loop_exits: list[list[Names]] = []  # What names held at each break, by loop.

    def _join(self, branches: Sequence[Names]) -> Names:
        self._state.analysis.spend(sum(map(len, branches)))
        return join_names(branches)

    def walk_block(self, statements: Sequence[ast.stmt]) -> None:
        """Walk statements one after the other."""
        for statement in statements:
            self._walk(statement)

    def _walk(self, node: ast.stmt) -> None:
        if isinstance(node, ast.If):
            self._walk_if(node)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            self._walk_loop(node)
        elif isinstance(node, ast.With | ast.AsyncWith):
            self._walk_with(node)
        elif isinstance(node, ast.Try | ast.TryStar):
            self._walk_try(node)
        elif isinstance(node, ast.Match):
            self._walk_match(node)
        elif isinstance(node, ast.ClassDef):
            self.walk_block(node.body)
        else:
            self._walk_simple(node)

    def _walk_simple(self, node: ast.stmt) -> None:
        state = self._state
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            taint = self._evaluate(node.value)
            for target in targets(node):
                state.bind(target, taint, node.value)
        elif isinstance(node, ast.AugAssign):
            self._walk_augmented(node)
        elif isinstance(node, ast.Return) and node.value is not None:
            self._walk_return(node, node.value)
        elif isinstance(node, ast.Expr):
            self._evaluate(node.value)
        elif isinstance(node, ast.Assert):
            self._evaluate(node.test)
            state.apply_guards(guards_of(node.test))
        elif isinstance(node, ast.Raise) and node.exc is not None:
            self._evaluate(node.exc)
        elif isinstance(node, ast.Break | ast.Continue) and self._loop_exits:
            state.analysis.spend(len(state.names))
            self._loop_exits[-1].append(dict(state.names))

    def _walk_augmented(self, node: ast.AugAssign) -> None:
        """What is added to the end of an own address leads nowhere else."""
        state, name = self._state, dotted_name(node.target)
        added = self._evaluate(node.value)
        is_own = name in state.own_addresses
        if is_own:
            added = added.sanitized(model.ADDRESSES)
        state.bind(node.target, join([state.names.get(name, UNTAINTED), added]), node.value)
        if is_own:
            state.own_addresses.add(name)

    def _walk_with(self, node: ast.With | ast.AsyncWith) -> None:
        for context in node.items:
            taint = self._evaluate(context.context_expr)
            if context.optional_vars is not None:
                self._state.bind(context.optional_vars, taint, node)
        self.walk_block(node.body)

    def _walk_return(self, node: ast.Return, expression: ast.expr) -> None:
        state = self._state
        name = state.scope.rpartition(".")[2]
        taint = state.analysis.report_weak(name, expression, self._evaluate(expression))
        state.summary.returns = join([state.summary.returns, taint])
        facts = state.analysis.facts
        function = facts.index.functions.get(state.scope)
        if function is None or not is_route(function) or not facts.answers_html:
            return
        if not isinstance(expression, ast.Dict | ast.List) and not self._sets_other_type:
            state.report_sink("xss", node, taint)

    @cached_property
    def _sets_other_type(self) -> bool:
        """Whether the function gives its answer a content type that is not HTML's."""
        index = self._state.analysis.facts.index
        nodes = (place.node for place in index.places[index.ranges[self._state.scope]])
        return any(
            last_name(target) in model.PAGE_TYPES
            and "html" not in (text_of(assign.value) or "html")
            for assign in nodes
            if isinstance(assign, ast.Assign)
            for target in assign.targets
        )

    def _walk_if(self, node: ast.If) -> None:
        state = self._state
        self._evaluate(node.test)
        outcome = decide_test(node.test, state.numbers)
        guards = guards_of(node.test)
        before = dict(state.names)
        ends: list[Names] = []
        if outcome is not False:
            state.apply_guards({**equal_names(node.test), **guards})
            self.walk_block(node.body)
            if not always_leaves(node.body):
                ends.append(state.names)
        state.names = dict(before)
        if outcome is not True:
            # Where the test failed, the names hold what is allowed: in the other case the block
            # left, or put something harmless in their place.
            replaced = {
                name: kinds
                for name, kinds in guards.items()
                if ends
                and not name.startswith("?")
                and model.REQUEST not in ends[0].get(name, UNTAINTED).sources
            }
            state.apply_guards(guards if always_leaves(node.body) else replaced)
            self.walk_block(node.orelse)
            if not always_leaves(node.orelse):
                ends.append(state.names)
        state.names = self._join(ends) if ends else state.names

    def _walk_loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        state = self._state
        if isinstance(node, ast.While):
            self._evaluate(node.test)
        else:
            state.bind(node.target, self._evaluate(node.iter), node)
        before = dict(state.names)
        self._loop_exits.append([])
        for _ in range(2 if len(self._loop_exits) == 1 else 1):
            self.walk_block(node.body)
        exits = self._loop_exits.pop()
        self.walk_block(node.orelse)
        state.names = self._join([before, state.names, *exits])

    def _walk_try(self, node: ast.Try | ast.TryStar) -> None:
        state = self._state
        before = dict(state.names)
        self.walk_block(node.body)
        ends = [dict(state.names)]
        for handler in node.handlers:
            state.names = self._join([before, ends[0]])
            self.walk_block(handler.body)
            if not always_leaves(handler.body):
                ends.append(state.names)
        state.names = self._join(ends)
        self.walk_block(node.orelse)
        self.walk_block(node.finalbody)

    def _walk_match(self, node: ast.Match) -> None:
        state = self._state
        self._evaluate(node.subject)
        before = dict(state.names)
        ends = [before]
        for case in node.cases:
            state.names = dict(before)
            self.walk_block(case.body)
            ends.append(state.names)
        state.names = self._join(ends)
