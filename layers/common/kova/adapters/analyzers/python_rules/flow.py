"""Input from outside followed through a module: within a function, and through its helpers.

An abstract interpreter: each name holds a Value. Branches are joined; a loop's body is taken twice;
a function of the same module is summed up once (what it returns, what its parameters reach) and
applied where it is called. Values held by objects of other modules are not followed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.expressions import PARAMETER, Expressions
from kova.adapters.analyzers.python_rules.guards import (
    Guards,
    constant_test,
    equal_in,
    guards_of,
    leaves,
)
from kova.adapters.analyzers.python_rules.hits import Problem
from kova.adapters.analyzers.python_rules.index import Index
from kova.adapters.analyzers.python_rules.names import (
    Function,
    dotted_name,
    key_of,
    last_name,
    targets,
    text_of,
    whole_number,
)
from kova.adapters.analyzers.python_rules.purpose import is_secret_name, words_of
from kova.adapters.analyzers.python_rules.reach import Reach, is_route
from kova.adapters.analyzers.python_rules.values import NOTHING, Value, join, of

_RANDOM: Final = re.compile(r"^[ \t]*random\b[^=\n(]*=.*[Ss]ys(?:tem)?_?[Rr]andom", re.MULTILINE)
_ASKED: Final = of("asked")  # Stands for a look-up that was tested: its kinds are ruled out.
_DEEPEST: Final = 12  # Helpers within helpers.
_OWN: Final = frozenset({"self", "cls"})
_NOT_FROM_THE_PATH: Final = _OWN | {"request", "req", "response", "db", "session"}
_TEXT_TYPES: Final = frozenset({"", "str", "bytes", "Optional"})


@dataclass(kw_only=True)
class Summary:
    """What a function does with its parameters: the labels `param:x` stand for them."""

    returns: Value = NOTHING
    reached: list[tuple[str, str, ast.stmt | ast.expr]] = field(default_factory=list)
    """Parameter's label, kind of harm, and the node that does it."""


class Flow:
    """The analysis of one module."""

    def __init__(self, index: Index) -> None:
        """Take the module's index."""
        self.index = index
        self.problems: dict[tuple[int, str], Problem] = {}
        self.globals: dict[str, Value] = {}
        self.answers_html = any(
            origin.split(".")[0] in {"flask", "bottle", "quart"}
            for origin in index.imports.values()
        )
        imported = {origin.split(".")[0] for origin in index.imports.values()}
        self.has_paths = not imported.isdisjoint(tables.PATH_LIBRARIES)
        # What is bound to this name anew draws from elsewhere.
        self.random_is_own = _RANDOM.search(index.text) is not None
        self.asks_directory = "ldap3" in imported
        self.fills_templates = not imported.isdisjoint({"jinja2", "django", "flask"})
        self._summaries: dict[str, Summary] = {}
        self._under_way: set[str] = set()

    def run(self) -> Iterator[Problem]:
        """Yield the problems of the module and of each function that input may come to."""
        reach = Reach(self.index)
        if reach.module:
            Body(self, self.globals, Summary(), "").block(self.index.module.body)
            reach.spread(name for name, value in self.globals.items() if value)
        for name in self.index.functions:
            if name in reach.functions:
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
            names = {**self.globals, **_parameters(function)}
            body = Body(self, names, summary, name)
            body.block(function.body)
            self._summaries[name] = summary
            self._under_way.discard(name)
        return self._summaries.get(name, Summary())

    def reached(self, kind: str, node: ast.stmt | ast.expr, value: Value, summary: Summary) -> None:
        """Note that a value reached a place of harm."""
        if kind in value.clean:
            return
        for label in value.labels:
            if label.startswith(PARAMETER):
                entry = (label, kind, node)
                if entry not in summary.reached:
                    summary.reached.append(entry)
        if tables.REQUEST in value.labels:
            rule, harm = tables.RULES[kind]
            self._report(rule, node, f"Input from the network {harm}.")
        elif tables.LOCAL in value.labels and kind in tables.LOCAL_KINDS:
            _, harm = tables.RULES[kind]
            self._report("local-input", node, f"What the user types {harm}.")

    def weak(self, name: str, node: ast.stmt | ast.expr, value: Value) -> Value:
        """Note that a guessable number was a secret's name; return what is left to tell."""
        if tables.WEAK not in value.labels or not is_secret_name(name):
            return value
        self._report(
            "weak-random",
            node,
            f"The random module can be predicted, and {name!r} must not be: use secrets.",
        )
        return replace(value, labels=value.labels - {tables.WEAK})

    def _report(self, rule: str, node: ast.stmt | ast.expr, message: str) -> None:
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
        self.numbers: dict[str, int] = {}
        self._keyed: set[str] = set()  # Containers that were ever kept key by key.
        self._fixed: set[str] = set()  # Names of texts that begin with an address of ours.
        self._parsed: dict[str, str] = {}  # `url` of `url = urlparse(text)`, and `text`.
        self._left: list[list[dict[str, Value]]] = []  # What names held where a loop was left.

    def block(self, statements: Sequence[ast.stmt]) -> None:
        """Take statements one after the other."""
        for statement in statements:
            self._statement(statement)

    def bind(self, target: ast.expr, value: Value, node: ast.stmt | ast.expr) -> None:
        """Bind a target: names hold the value, containers gather it."""
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self.bind(element, value, node)
            return
        if isinstance(target, ast.Starred):
            self.bind(target.value, value, node)
            return
        if isinstance(target, ast.Subscript):
            self.values.weak_key(target, value, node)
            name = dotted_name(target.value)
            kept = replace(value, labels=value.labels - {tables.WEAK})
            self.names[name] = join([self.names.get(name, NOTHING), kept])
            if (key := key_of(target.slice)) is not None:
                self.keep_key(name, key, kept)
            else:
                self.forget_keys(name)
            return
        name = dotted_name(target)
        if name:
            if "salt" in words_of(last_name(target)):
                value = replace(value, labels=value.labels - {tables.WEAK})  # It may be known.
            self._note(name, node)
            begins = not isinstance(node, ast.Constant) or self.values.begins_fixed(node)
            open_end = tables.REQUEST in value.labels and "redirect" not in value.clean
            (self._fixed.add if begins and not open_end else self._fixed.discard)(name)
            self.names[name] = self.flow.weak(last_name(target), node, value)

    def keep_key(self, name: str, key: str, value: Value) -> None:
        """Keep what stands at a key of a container."""
        self._keyed.add(name)
        self.names[f"{name}[{key}]"] = value

    def forget_keys(self, name: str) -> None:
        """Something may have been put at any key of a container."""
        if name not in self._keyed:
            return
        for one in [one for one in self.names if one.startswith(f"{name}[")]:
            del self.names[one]

    def _note(self, name: str, node: ast.stmt | ast.expr) -> None:
        """Keep what else is known of a name: a number, if it was never anything else."""
        number = whole_number(node)
        again = name in self.names and self.numbers.get(name) != number
        if number is None or again:
            self.numbers.pop(name, None)
        else:
            self.numbers[name] = number
        self.forget_keys(name)
        self._parsed.pop(name, None)
        if isinstance(node, ast.Call) and last_name(node.func) in {"urlparse", "urlsplit"}:
            self._parsed[name] = dotted_name(node.args[0]) if node.args else ""

    def _statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.If):
            self._if(node)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.While):
            self._loop(node)
        elif isinstance(node, ast.With | ast.AsyncWith):
            self._with(node)
        elif isinstance(node, ast.Try | ast.TryStar):
            self._try(node)
        elif isinstance(node, ast.Match):
            self._match(node)
        elif isinstance(node, ast.ClassDef):
            self.block(node.body)
        else:
            self._small(node)

    def _small(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            value = self.values.of(node.value)
            for target in targets(node):
                self.bind(target, value, node.value)
        elif isinstance(node, ast.AugAssign):
            name = dotted_name(node.target)
            added, fixed = self.values.of(node.value), name in self._fixed
            added = added.cleaned(tables.ADDRESSES) if fixed else added
            self.bind(node.target, join([self.names.get(name, NOTHING), added]), node.value)
            self._fixed |= {name} if fixed else set()
        elif isinstance(node, ast.Return) and node.value is not None:
            self._return(node, node.value)
        elif isinstance(node, ast.Expr):
            self.values.of(node.value)
        elif isinstance(node, ast.Assert):
            self.values.of(node.test)
            self.clean(guards_of(node.test))
        elif isinstance(node, ast.Raise) and node.exc is not None:
            self.values.of(node.exc)
        elif isinstance(node, ast.Break | ast.Continue) and self._left:
            self._left[-1].append(dict(self.names))

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            value = self.values.of(item.context_expr)
            if item.optional_vars is not None:
                self.bind(item.optional_vars, value, node)
        self.block(node.body)

    def _return(self, node: ast.Return, expression: ast.expr) -> None:
        value = self.values.of(expression)
        value = self.flow.weak(self.scope.rpartition(".")[2], expression, value)
        self.summary.returns = join([self.summary.returns, value])
        function = self.flow.index.functions.get(self.scope)
        if function is None or not is_route(function) or not self.flow.answers_html:
            return
        if not isinstance(expression, ast.Dict | ast.List) and not self._is_plain():
            self.flow.reached("xss", node, value, self.summary)

    def _is_plain(self) -> bool:
        """Tell whether the function says that its answer is no page."""
        index = self.flow.index
        return any(
            last_name(target) in tables.PAGE_TYPES and "html" not in (text_of(one.value) or "html")
            for one in (place.node for place in index.places[index.insides[self.scope]])
            if isinstance(one, ast.Assign)
            for target in one.targets
        )

    def _if(self, node: ast.If) -> None:
        self.values.of(node.test)
        known = constant_test(node.test, self.numbers)
        guarded = guards_of(node.test)
        before = dict(self.names)
        ends = []
        if known is not False:
            self.clean({**equal_in(node.test), **guarded})
            self.block(node.body)
            if not leaves(node.body):
                ends.append(self.names)
        self.names = dict(before)
        if known is not True:
            # Where the test failed, the names hold what is allowed: in the other case the block
            # left, or put something harmless in their place.
            rebound = {
                one: kinds
                for one, kinds in guarded.items()
                if ends
                and not one.startswith("?")
                and tables.REQUEST not in ends[0].get(one, NOTHING).labels
            }
            self.clean(guarded if leaves(node.body) else rebound)
            self.block(node.orelse)
            if not leaves(node.orelse):
                ends.append(self.names)
        self.names = _joined(ends) if ends else self.names

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        if isinstance(node, ast.While):
            self.values.of(node.test)
        else:
            self.bind(node.target, self.values.of(node.iter), node)
        before = dict(self.names)
        self._left.append([])
        for _ in range(2 if len(self._left) == 1 else 1):
            self.block(node.body)
        left = self._left.pop()
        self.block(node.orelse)
        self.names = _joined([before, self.names, *left])

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        before = dict(self.names)
        self.block(node.body)
        ends = [dict(self.names)]
        for handler in node.handlers:
            self.names = _joined([before, ends[0]])
            self.block(handler.body)
            if not leaves(handler.body):
                ends.append(self.names)
        self.names = _joined(ends)
        self.block(node.orelse)
        self.block(node.finalbody)

    def _match(self, node: ast.Match) -> None:
        self.values.of(node.subject)
        before = dict(self.names)
        ends = [before]
        for case in node.cases:
            self.names = dict(before)
            self.block(case.body)
            ends.append(self.names)
        self.names = _joined(ends)

    def clean(self, guards: Guards) -> None:
        """Note what a test ruled out."""
        for name, kinds in guards.items():
            for one in {name, self._parsed.get(name, name)}:
                known = self.names.get(one, _ASKED if one.startswith("?") else NOTHING)
                self.names[one] = known.cleaned(kinds)


def check_flow(index: Index) -> Iterator[Problem]:
    """Yield where input from outside does harm, and where guessable numbers become secrets."""
    yield from Flow(index).run()


def _joined(ends: list[dict[str, Value]]) -> dict[str, Value]:
    names = set().union(*ends)
    # Where one end does not know a key, the whole container speaks for it; and what was not tested
    # at one end was not tested.
    partial = {name for name in names if name.startswith("?") or "[" in name}
    names -= {name for name in partial if not all(name in end for end in ends)}
    return {name: join([end.get(name, NOTHING) for end in ends]) for name in names}


def _parameters(function: Function) -> dict[str, Value]:
    """Return what a function's parameters hold: what is given, and what a route hands over."""
    routed = is_route(function)
    found: dict[str, Value] = {}
    for taken, default in _taken(function.args):
        annotation = last_name(taken.annotation) if taken.annotation else ""
        if annotation in tables.PLAIN_TYPES or taken.arg in _OWN:
            found[taken.arg] = NOTHING
            continue
        injected = isinstance(default, ast.Call) and last_name(default.func) in tables.INJECTS
        sent = annotation in _TEXT_TYPES and taken.arg not in _NOT_FROM_THE_PATH and not injected
        labels = [tables.REQUEST] if routed and sent else []
        found[taken.arg] = of(PARAMETER + taken.arg, *labels)
    return found


def _taken(args: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    plain = [*args.posonlyargs, *args.args]
    yield from zip(
        plain, [*[None] * (len(plain) - len(args.defaults)), *args.defaults], strict=True
    )
    yield from zip(args.kwonlyargs, args.kw_defaults, strict=True)
    yield from ((star, None) for star in (args.vararg, args.kwarg) if star is not None)
