"""Input from outside followed through a module: within a function, and through its helpers.

An abstract interpreter over LibCST: each name holds a Value. Branches are joined; a loop's body is
taken twice; a function of the same module is summed up once (what it returns, what its parameters
reach) and applied where it is called. Values held by objects of other modules are not followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import libcst as cst

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.expressions import Expressions
from kova.adapters.analyzers.python_rules.guards import constant_test, guarded_names, leaves
from kova.adapters.analyzers.python_rules.hits import Problem
from kova.adapters.analyzers.python_rules.index import Index, dotted_name, last_name, targets
from kova.adapters.analyzers.python_rules.purpose import is_secret_name
from kova.adapters.analyzers.python_rules.values import NOTHING, Value, join, of

_PARAMETER = "param:"
_DEEPEST = 12  # Helpers within helpers.


@dataclass(kw_only=True)
class Summary:
    """What a function does with its parameters: the labels `param:x` stand for them."""

    returns: Value = NOTHING
    reached: list[tuple[str, str, cst.CSTNode]] = field(default_factory=list)
    """Parameter's label, kind of harm, and the node that does it."""


class Flow:
    """The analysis of one module."""

    def __init__(self, index: Index) -> None:
        """Take the module's index."""
        self.index = index
        self.problems: dict[tuple[int, str], Problem] = {}
        self.globals: dict[str, Value] = {}
        self._summaries: dict[str, Summary] = {}
        self._under_way: set[str] = set()

    def run(self) -> Iterator[Problem]:
        """Yield the problems of the module and of each function."""
        Body(self, self.globals, Summary(), "").block(self.index.module.body)
        for name in self.index.functions:
            self.summary(name)
        yield from self.problems.values()

    def summary(self, name: str) -> Summary:
        """Sum a function up, once; a recursive call sees nothing."""
        if name not in self._summaries and name not in self._under_way:
            if len(self._under_way) > _DEEPEST:
                return Summary()
            self._under_way.add(name)
            function = self.index.functions[name]
            summary = Summary()
            names = {**self.globals, **self._parameters(function)}
            body = Body(self, names, summary, name)
            body.block(function.body.body)
            self._summaries[name] = summary
            self._under_way.discard(name)
        return self._summaries.get(name, Summary())

    def _parameters(self, function: cst.FunctionDef) -> dict[str, Value]:
        is_route = any(_is_route(one.decorator) for one in function.decorators)
        found: dict[str, Value] = {}
        for param in _all_params(function.params):
            name = param.name.value
            labels = {_PARAMETER + name}
            annotation = last_name(param.annotation.annotation) if param.annotation else ""
            plain = annotation in tables.PLAIN_TYPES
            text = annotation in {"", "str", "bytes", "Optional"}
            injected = isinstance(param.default, cst.Call) and last_name(param.default.func) in {
                "Depends",
                "Security",
            }
            named = name in {"self", "cls", "request", "req", "response", "db", "session"}
            if is_route and text and not plain and not injected and not named:
                labels.add(tables.REQUEST)
            own = name in {"self", "cls"}
            found[name] = NOTHING if plain or own else of(*labels)
        return found

    def reached(self, kind: str, node: cst.CSTNode, value: Value, summary: Summary) -> None:
        """Note that a value reached a place of harm."""
        if kind in value.clean:
            return
        for label in value.labels:
            if label.startswith(_PARAMETER):
                entry = (label, kind, node)
                if entry not in summary.reached:
                    summary.reached.append(entry)
        if tables.REQUEST in value.labels:
            rule, harm = tables.RULES[kind]
            self._report(rule, node, f"Input from the network {harm}.")
        elif tables.LOCAL in value.labels and kind in tables.LOCAL_KINDS:
            _, harm = tables.RULES[kind]
            self._report("local-input", node, f"What the user types {harm}.")

    def weak(self, name: str, node: cst.CSTNode, value: Value) -> None:
        """Note that a guessable number was given the name of a secret."""
        if tables.WEAK in value.labels and is_secret_name(name):
            self._report(
                "weak-random",
                node,
                f"The random module can be predicted, and {name!r} must not be: use secrets.",
            )

    def _report(self, rule: str, node: cst.CSTNode, message: str) -> None:
        self.problems.setdefault((id(node), rule), Problem(rule=rule, node=node, message=message))


class Body:
    """One walk over the statements of a function or module."""

    def __init__(self, flow: Flow, names: dict[str, Value], summary: Summary, scope: str) -> None:
        """Take the analysis, what names hold at the start, and where to sum up."""
        self.flow = flow
        self.names = names
        self.summary = summary
        self.scope = scope
        self.values = Expressions(self)
        self._loops = 0

    def block(self, statements: Iterable[cst.CSTNode]) -> None:
        """Take statements one after the other."""
        for statement in statements:
            self._statement(statement)

    def bind(self, target: cst.CSTNode, value: Value, node: cst.CSTNode) -> None:
        """Bind a target: names hold the value, containers gather it."""
        if isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self.bind(element.value, value, node)
            return
        if isinstance(target, cst.Subscript):
            self.values.weak_key(target, value, node)
            name = dotted_name(target.value)
            kept = replace(value, labels=value.labels - {tables.WEAK})
            self.names[name] = join([self.names.get(name, NOTHING), kept])
            return
        name = dotted_name(target)
        if name:
            self.names[name] = value
            self.flow.weak(last_name(target), node, value)

    def _statement(self, node: cst.CSTNode) -> None:
        if isinstance(node, cst.SimpleStatementLine | cst.SimpleStatementSuite):
            for small in node.body:
                self._small(small)
        elif isinstance(node, cst.If):
            self._if(node)
        elif isinstance(node, cst.For | cst.While):
            self._loop(node)
        elif isinstance(node, cst.With):
            self._with(node)
        elif isinstance(node, cst.Try | cst.TryStar):
            self._try(node)
        elif isinstance(node, cst.Match):
            self._match(node)
        elif isinstance(node, cst.ClassDef):
            self.block(node.body.body)

    def _small(self, node: cst.CSTNode) -> None:
        if isinstance(node, cst.Assign | cst.AnnAssign) and node.value is not None:
            value = self.values.of(node.value)
            for target in targets(node):
                self.bind(target, value, node.value)
        elif isinstance(node, cst.AugAssign):
            name = dotted_name(node.target)
            value = join([self.names.get(name, NOTHING), self.values.of(node.value)])
            self.bind(node.target, value, node.value)
        elif isinstance(node, cst.Return) and node.value is not None:
            self._return(node, node.value)
        elif isinstance(node, cst.Expr):
            self.values.of(node.value)
        elif isinstance(node, cst.Assert):
            self.values.of(node.test)
            self._clean(guarded_names(node.test))
        elif isinstance(node, cst.Raise) and node.exc is not None:
            self.values.of(node.exc)

    def _with(self, node: cst.With) -> None:
        for item in node.items:
            value = self.values.of(item.item)
            if item.asname:
                self.bind(item.asname.name, value, node)
        self.block(node.body.body)

    def _return(self, node: cst.Return, expression: cst.BaseExpression) -> None:
        value = self.values.of(expression)
        self.summary.returns = join([self.summary.returns, value])
        self.flow.weak(self.scope.rpartition(".")[2], expression, value)
        function = self.flow.index.functions.get(self.scope)
        if function is None or not any(_is_route(one.decorator) for one in function.decorators):
            return
        if _answers_html(self.flow.index) and not isinstance(expression, cst.Dict | cst.List):
            self.flow.reached("xss", node, value, self.summary)

    def _if(self, node: cst.If) -> None:
        self.values.of(node.test)
        known = constant_test(node.test, self.names, self.values.numbers)
        guarded = guarded_names(node.test)
        before = dict(self.names)
        ends = []
        if known is not False:
            self._clean(guarded)
            self.block(node.body.body)
            if not leaves(node.body):
                ends.append(self.names)
        self.names = dict(before)
        if known is not True:
            # Where the test failed, the names hold what is allowed: in the other case the block
            # left, or put something harmless in their place.
            rebound = {one for one in guarded if ends and not ends[0].get(one, NOTHING)}
            self._clean(guarded if leaves(node.body) else rebound)
            if isinstance(node.orelse, cst.If):
                self._if(node.orelse)
            elif node.orelse is not None:
                self.block(node.orelse.body.body)
            if (
                node.orelse is None
                or isinstance(node.orelse, cst.If)
                or not leaves(node.orelse.body)
            ):
                ends.append(self.names)
        self.names = _joined(ends) if ends else self.names

    def _loop(self, node: cst.For | cst.While) -> None:
        if isinstance(node, cst.For):
            self.bind(node.target, self.values.of(node.iter), node)
        else:
            self.values.of(node.test)
        before = dict(self.names)
        self._loops += 1
        for _ in range(2 if self._loops == 1 else 1):
            self.block(node.body.body)
        self._loops -= 1
        if node.orelse is not None:
            self.block(node.orelse.body.body)
        self.names = _joined([before, self.names])

    def _try(self, node: cst.Try | cst.TryStar) -> None:
        before = dict(self.names)
        self.block(node.body.body)
        ends = [dict(self.names)]
        for handler in node.handlers:
            self.names = _joined([before, ends[0]])
            self.block(handler.body.body)
            if not leaves(handler.body):
                ends.append(self.names)
        self.names = _joined(ends)
        for part in (node.orelse, node.finalbody):
            if part is not None:
                self.block(part.body.body)

    def _match(self, node: cst.Match) -> None:
        self.values.of(node.subject)
        before = dict(self.names)
        ends = [before]
        for case in node.cases:
            self.names = dict(before)
            self.block(case.body.body)
            ends.append(self.names)
        self.names = _joined(ends)

    def _clean(self, names: set[str]) -> None:
        for name in names:
            value = self.names.get(name, NOTHING)
            self.names[name] = value.cleaned(kind for kind in tables.RULES)


def check_flow(index: Index) -> Iterator[Problem]:
    """Yield where input from outside does harm, and where guessable numbers become secrets."""
    yield from Flow(index).run()


def _joined(ends: list[dict[str, Value]]) -> dict[str, Value]:
    names = set().union(*ends)
    return {name: join([end.get(name, NOTHING) for end in ends]) for name in names}


def _all_params(params: cst.Parameters) -> Iterator[cst.Param]:
    yield from (*params.posonly_params, *params.params, *params.kwonly_params)
    for star in (params.star_arg, params.star_kwarg):
        if isinstance(star, cst.Param):
            yield star


def _is_route(decorator: cst.BaseExpression) -> bool:
    func = decorator.func if isinstance(decorator, cst.Call) else decorator
    return isinstance(func, cst.Attribute) and func.attr.value in tables.ROUTES


def _answers_html(index: Index) -> bool:
    return any(
        origin.split(".")[0] in {"flask", "bottle", "quart"} for origin in index.imports.values()
    )
