"""The taint of an expression, and the harm that its calls do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final

from kova.adapters.analyzers.python_rules.ast_helpers import (
    arguments,
    dotted_name,
    key_of,
    last_name,
    nodes_below,
    parts_of,
    positional,
    text_of,
    unstarred,
)
from kova.adapters.analyzers.python_rules.secret_names import holds_secrets
from kova.adapters.analyzers.python_rules.taint import model
from kova.adapters.analyzers.python_rules.taint.sanitizers import (
    decide_test,
    guards_of,
    is_own_address,
    lookup_name,
)
from kova.adapters.analyzers.python_rules.taint.sinks import (
    command_parts,
    first_part,
    harmful_argument,
    has_other_type,
    has_safe_loader,
)
from kova.adapters.analyzers.python_rules.taint.state import FunctionState
from kova.adapters.analyzers.python_rules.taint.taint import (
    PARAMETER,
    UNTAINTED,
    Taint,
    join,
    taint_from,
)

_GATHERS: Final = frozenset({"append", "extend", "add", "update", "insert", "write"})
_REQUESTS: Final = frozenset({"request", "req", "self.request"})


class ExpressionEvaluator:
    """Evaluates the expressions of one function or module."""

    def __init__(self, state: FunctionState) -> None:
        self._state = state
        self._facts = state.analysis.facts
        self._index = state.analysis.facts.index
        self._evaluated: dict[int, Taint] = {}  # The taint of arguments and elements, by node.

    def evaluate(self, node: ast.AST) -> Taint:
        """Return the taint of an expression; what the calls in it do is noted."""
        handler = self._handlers.get(type(node))
        return handler(node) if handler is not None else self._join_all(parts_of(node))

    @cached_property
    def _handlers(self) -> dict[type[ast.AST], Callable[[Any], Taint]]:
        return {
            ast.Constant: lambda _: UNTAINTED,
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.Subscript: self._subscript,
            ast.Compare: self._without_value,
            ast.Lambda: self._without_value,
            ast.UnaryOp: self._unary,
            ast.IfExp: self._conditional,
            ast.BinOp: self._built_text,
            ast.JoinedStr: self._built_text,
            ast.NamedExpr: self._walrus,
            ast.Dict: self._dict,
            ast.List: self._display,
            ast.Set: self._display,
            ast.Tuple: self._elements,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._comprehension,
        }

    def _evaluate_and_store(self, node: ast.expr) -> Taint:
        """Store what is asked for again: evaluating twice at each level takes for ever."""
        taint = self._evaluated[id(node)] = self.evaluate(node)
        return taint

    def _stored(self, node: ast.expr) -> Taint:
        return self._evaluated[id(node)] if id(node) in self._evaluated else self.evaluate(node)

    def _join_all(self, nodes: Iterable[ast.AST]) -> Taint:
        return join([self.evaluate(node) for node in nodes])

    def _subscript(self, node: ast.Subscript) -> Taint:
        self.evaluate(node.slice)
        container, key = self.evaluate(node.value), key_of(node.slice)
        taint = self._state.names.get(f"{dotted_name(node.value)}[{key}]", container)
        return self._apply_lookup_test(node, taint)

    def _apply_lookup_test(self, node: ast.expr, taint: Taint) -> Taint:
        """Rule out what a test of the same look-up ruled out."""
        tested = self._state.names.get(lookup_name(node)) if taint else None
        return taint.sanitized(tested.sanitized_for) if tested is not None else taint

    def _without_value(self, node: ast.expr) -> Taint:
        self._join_all(parts_of(node))
        return UNTAINTED

    def _unary(self, node: ast.UnaryOp) -> Taint:
        taint = self.evaluate(node.operand)
        return UNTAINTED if isinstance(node.op, ast.Not) else taint

    def _conditional(self, node: ast.IfExp) -> Taint:
        self.evaluate(node.test)
        outcome = decide_test(node.test, self._state.numbers)
        branches = [node.body] * (outcome is not False) + [node.orelse] * (outcome is not True)
        # `x if is_safe(x) else y`: whichever is the tested one is used where it passed.
        before = dict(self._state.names)
        self._state.apply_guards(guards_of(node.test))
        taint = self._join_all(branches)
        self._state.names = before
        return taint

    def _built_text(self, node: ast.BinOp | ast.JoinedStr) -> Taint:
        """Return a text's taint: one that begins with an address of ours leads nowhere else."""
        taint = self._join_all(parts_of(node))
        if taint and self._begins_with_own_address(node):
            return taint.sanitized(model.ADDRESSES)
        return taint

    def _walrus(self, node: ast.NamedExpr) -> Taint:
        taint = self.evaluate(node.value)
        self._state.bind(node.target, taint, node.value)
        return taint

    def _dict(self, node: ast.Dict) -> Taint:
        taints: list[Taint] = []
        for key, value in zip(node.keys, node.values, strict=True):
            taint = self.evaluate(value)
            taints += [taint, self.evaluate(key) if key is not None else UNTAINTED]
            if key is not None and (name := text_of(key)):
                self._state.analysis.report_weak(name, value, taint)
        return join(taints).sanitized({"xss"})

    def _display(self, node: ast.List | ast.Set) -> Taint:
        return self._elements(node).sanitized({"xss"})

    def _elements(self, node: ast.List | ast.Set | ast.Tuple) -> Taint:
        return join([self._evaluate_and_store(unstarred(part)) for part in node.elts])

    def _name(self, node: ast.Name) -> Taint:
        if self._index.resolve_name(node) in model.LOCAL_NAMES:
            return taint_from(model.LOCAL)
        return self._state.names.get(node.id, UNTAINTED)

    def _attribute(self, node: ast.Attribute) -> Taint:
        dotted = dotted_name(node)
        if node.attr in model.REQUEST_FIELDS and (
            dotted.rpartition(".")[0] in _REQUESTS
            or self._index.resolve_name(node.value).endswith(model.REQUEST_NAMES)
        ):
            taint = taint_from(model.REQUEST)
            if node.attr in model.UPLOADS:
                taint = taint.sanitized({"path"})
            return taint.sanitized({"redirect"}) if node.attr in model.OWN_ADDRESS else taint
        if self._index.resolve_name(node) in model.LOCAL_NAMES:
            return taint_from(model.LOCAL)
        if dotted in self._state.names:
            return self._state.names[dotted]
        taint = self.evaluate(node.value)
        return taint.unsanitized("path") if node.attr == "filename" else taint

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Taint:
        for generator in node.generators:
            self._state.bind(generator.target, self.evaluate(generator.iter), generator.iter)
            self._join_all(generator.ifs)
        if isinstance(node, ast.DictComp):
            return self._join_all(part for part in (node.key, node.value) if part is not None)
        return self.evaluate(node.elt)

    def _call(self, node: ast.Call) -> Taint:
        called, method = self._index.called_name(node), last_name(node.func)
        taints = [self._evaluate_and_store(argument) for argument in arguments(node)]
        owner = UNTAINTED
        if isinstance(node.func, ast.Attribute):
            owner = self.evaluate(node.func.value)
        report_weak = self._state.analysis.report_weak
        for argument in node.keywords:
            if argument.arg is not None:
                report_weak(argument.arg, argument.value, self._stored(argument.value))
        if method.startswith(("set_", "make_", "store_")) and "cookie" not in method:
            for taint in taints:
                report_weak(method, node, taint)
        self._report_sinks(node, called, method, owner)
        return self._apply_lookup_test(node, self._result(node, called, method, taints, owner))

    def _result(
        self, node: ast.Call, called: str, method: str, taints: list[Taint], owner: Taint
    ) -> Taint:
        origin = self._origin(node, called, method)
        if origin is not None:
            return origin
        if method in model.CLEANS_ALL:
            return UNTAINTED
        helper = self._find_helper(node)
        if helper is not None:
            return self._apply_summary(helper, node)
        setting = self._follow_setting(node, method, taints)
        if setting is not None:
            return setting
        everything = join([owner, *taints])
        if method in model.CLEANS:
            return everything.sanitized(model.CLEANS[method])
        if model.ESCAPES.search(method):
            return everything.sanitized({"xss"})
        if method == "format" and self._begins_with_own_address(node):
            return everything.sanitized(model.ADDRESSES)
        if method in model.READS:
            return owner.unsanitized("path")
        if method in _GATHERS:
            self._gather(node, everything)
            return owner
        return everything if method in model.PASS_ON else owner

    def _origin(self, node: ast.Call, called: str, method: str) -> Taint | None:
        """Return the taint of a call that is a source itself."""
        if called in model.WEAK_CALLS and not self._facts.random_is_own:
            shuffled = arguments(node) if method == "shuffle" else []
            if shuffled and not self._uses_strong_source():
                self._state.names[dotted_name(shuffled[0])] = taint_from(model.WEAK)
            # Which of several secrets is taken need not be a secret.
            several = any(holds_secrets(last_name(argument)) for argument in positional(node)[:1])
            return UNTAINTED if several else taint_from(model.WEAK)
        if called in model.LOCAL_CALLS:
            return taint_from(model.LOCAL)
        if called.startswith("self.get_") and method in model.REQUEST_CALLS:
            return taint_from(model.REQUEST)
        return None

    def _uses_strong_source(self) -> bool:
        """Tell whether the function takes what cannot be guessed: its order matters little."""
        function = self._index.functions.get(self._state.scope)
        nodes = nodes_below(function) if function is not None else ()
        return any(last_name(node) in model.STRONG for node in nodes)

    def _gather(self, node: ast.Call, taint: Taint) -> None:
        if isinstance(node.func, ast.Attribute):
            name = dotted_name(node.func.value)
            if name and taint:
                self._state.names[name] = taint
                self._state.forget_keys(name)

    def _follow_setting(self, node: ast.Call, method: str, taints: list[Taint]) -> Taint | None:
        """Follow `store.set("a", "b", value)` to `store.get("a", "b")`, None for other calls."""
        if method not in {"set", "get"} or not isinstance(node.func, ast.Attribute):
            return None
        keys = [key_of(argument) for argument in (node.args if method == "get" else node.args[:-1])]
        if not keys or None in keys:
            return None
        name, key = dotted_name(node.func.value), ", ".join(map(str, keys))
        if method == "get":
            return self._state.names.get(f"{name}[{key}]")
        self._state.set_key(name, key, taints[len(node.args) - 1])
        return UNTAINTED

    def _find_helper(self, node: ast.Call) -> str | None:
        """Return the qualified name of a function of this module that is called."""
        functions, scope = self._index.functions, self._state.scope
        dotted = dotted_name(node.func)
        if dotted.startswith(("self.", "cls.")):
            around = self._index.classes.get(scope, "")
            dotted = f"{around}.{dotted.partition('.')[2]}"
        nested = f"{scope}.{dotted}"
        return nested if nested in functions else dotted if dotted in functions else None

    def _apply_summary(self, helper: str, node: ast.Call) -> Taint:
        """Apply a helper's summary to the arguments of one call."""
        summary = self._state.analysis.summarize(helper)
        passed = self._passed(self._index.functions[helper].args, node)
        for source, kind, place in summary.sinks:
            self._state.report_sink(kind, place, passed.get(source, UNTAINTED))
        returns = summary.returns
        own = {source for source in returns.sources if not source.startswith(PARAMETER)}
        returned = [
            passed.get(source, UNTAINTED).sanitized(returns.sanitized_for)
            for source in returns.sources - own
        ]
        return join([Taint(sources=frozenset(own), sanitized_for=returns.sanitized_for), *returned])

    def _passed(self, parameters: ast.arguments, node: ast.Call) -> dict[str, Taint]:
        """Return what a call passes to a helper's parameters, by their sources."""
        names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        if names and names[0] in {"self", "cls"}:
            names = names[1:]
        passed = {
            PARAMETER + name: self._stored(argument)
            for name, argument in zip(names, positional(node), strict=False)
        }
        for argument in node.keywords:
            if argument.arg is not None:
                passed[PARAMETER + argument.arg] = self._stored(argument.value)
        return passed

    def _report_sinks(self, node: ast.Call, called: str, method: str, owner: Taint) -> None:
        report = self._state.report_sink
        plain = positional(node)
        kind = model.SINKS.get(called)
        if called in {"yaml.load", "yaml.load_all"} and not has_safe_loader(node):
            kind = "pickle"
        if kind is not None:
            argument = harmful_argument(node, called)
            if argument is not None and not self._is_harmless(kind, node, called, argument):
                report(kind, node, self._stored(argument))
        elif called in model.RUNS and plain:
            report("command", node, join(map(self._stored, command_parts(node, plain[0]))))
        elif model.SPAWNS.match(called):
            report("command", node, join(map(self._stored, plain)))
        elif isinstance(node.func, ast.Attribute) and (kind := self._method_sink(method)):
            position = model.METHOD_ARGUMENT.get(method, 0)
            if kind == "own_path":
                report("path", node, owner)
            elif position < len(plain):
                report(kind, node, self._stored(plain[position]))

    def _is_harmless(self, kind: str, node: ast.Call, called: str, argument: ast.expr) -> bool:
        if kind in model.ADDRESSES:
            return self._begins_with_own_address(argument)
        return kind == "xss" and has_other_type(node, called)

    def _method_sink(self, method: str) -> str | None:
        if method == "search" and self._facts.asks_directory:
            return "ldap"
        if method == "from_string" and not self._facts.fills_templates:
            return None
        kind = model.METHOD_SINKS.get(method)
        return None if kind == "own_path" and not self._facts.has_paths else kind

    def _begins_with_own_address(self, node: ast.expr) -> bool:
        """Tell whether an address begins with a host or path that nobody else chooses."""
        first = first_part(node)
        if first is None:
            return False
        text = text_of(first)
        if text is not None:
            return is_own_address(text)
        if isinstance(first, ast.Call) and model.OWN_URL.search(last_name(first.func)):
            return True
        return first is not node and not self._is_sent(first)

    def _is_sent(self, node: ast.expr) -> bool:
        """Tell whether a name in an expression holds input; it is not evaluated once more."""
        names = (name for name in nodes_below(node) if isinstance(name, ast.Name | ast.Attribute))
        taints = (self.evaluate(name) for name in names if "?" not in dotted_name(name))
        return any(
            model.REQUEST in taint.sources and "redirect" not in taint.sanitized_for
            for taint in taints
        )
