"""The value of an expression, and the harm that its calls do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import libcst as cst

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.index import (
    dotted_name,
    is_constant,
    keyword,
    last_name,
    parts_of,
    positional,
    text_of,
)
from kova.adapters.analyzers.python_rules.values import NOTHING, Value, join, of

if TYPE_CHECKING:
    from kova.adapters.analyzers.python_rules.flow import Body

_PARAMETER = "param:"
_GATHERS = frozenset({"append", "extend", "add", "update", "insert", "write"})
_REQUESTS = frozenset({"request", "req", "self.request"})
_STRINGS = (cst.BinaryOperation, cst.FormattedString, cst.ConcatenatedString)


class Expressions:
    """Evaluates the expressions of one body."""

    def __init__(self, body: Body) -> None:
        """Take the body whose names are looked at."""
        self._body = body
        self._index = body.flow.index
        self.numbers: dict[str, int] = {}

    def of(self, node: cst.CSTNode) -> Value:
        """Return the value of an expression; calls below it are taken for what they do."""
        handler = self._handlers.get(type(node))
        if handler is not None:
            return handler(node)
        if isinstance(node, cst.BaseComp):
            return self._comprehension(node)
        return self._below(parts_of(node))

    @cached_property
    def _handlers(self) -> dict[type[cst.CSTNode], Callable[[Any], Value]]:
        return {
            cst.Name: self._named,
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.Subscript: self._subscript,
            cst.Comparison: self._without_value,
            cst.Lambda: self._without_value,
            cst.UnaryOperation: self._unary,
            cst.IfExp: self._either,
            cst.NamedExpr: self._walrus,
            cst.Dict: self._display,
            cst.List: self._display,
            cst.Set: self._display,
        }

    def _subscript(self, node: cst.Subscript) -> Value:
        self._below(node.slice)
        return self.of(node.value)

    def _without_value(self, node: cst.CSTNode) -> Value:
        self._below(parts_of(node))
        return NOTHING

    def _unary(self, node: cst.UnaryOperation) -> Value:
        value = self.of(node.expression)
        return NOTHING if isinstance(node.operator, cst.Not) else value

    def _either(self, node: cst.IfExp) -> Value:
        self.of(node.test)
        return join([self.of(node.body), self.of(node.orelse)])

    def _walrus(self, node: cst.NamedExpr) -> Value:
        value = self.of(node.value)
        self._body.bind(node.target, value, node.value)
        return value

    def _display(self, node: cst.Dict | cst.List | cst.Set) -> Value:
        for element in node.elements:
            if isinstance(element, cst.DictElement) and (key := text_of(element.key)):
                self._body.flow.weak(key, element.value, self.of(element.value))
        return self._below(parts_of(node)).cleaned({"xss"})

    def weak_key(self, target: cst.Subscript, value: Value, node: cst.CSTNode) -> None:
        """Look at `store["token"] = value`."""
        for element in target.slice:
            if isinstance(element.slice, cst.Index):
                key = text_of(element.slice.value)
                name = key if key is not None else last_name(element.slice.value)
                self._body.flow.weak(name, node, value)

    def _below(self, nodes: Iterable[cst.CSTNode]) -> Value:
        return join([self.of(one) for one in nodes])

    def _named(self, node: cst.Name) -> Value:
        if self._index.name(node) in tables.LOCAL_NAMES:
            return of(tables.LOCAL)
        return self._body.names.get(node.value, NOTHING)

    def _attribute(self, node: cst.Attribute) -> Value:
        dotted = dotted_name(node)
        owner = dotted.rpartition(".")[0]
        is_request = owner in _REQUESTS or self._index.name(node.value).endswith(
            ("flask.request", "bottle.request", "quart.request")
        )
        if is_request and node.attr.value in tables.REQUEST_FIELDS:
            value = of(tables.REQUEST)
            return value.cleaned({"redirect"}) if node.attr.value in tables.OWN_ADDRESS else value
        if self._index.name(node) in tables.LOCAL_NAMES:
            return of(tables.LOCAL)
        if dotted in self._body.names:
            return self._body.names[dotted]
        return self.of(node.value)

    def _comprehension(self, node: cst.BaseComp) -> Value:
        generator: cst.CompFor | None = node.for_in
        while generator is not None:
            self._body.bind(generator.target, self.of(generator.iter), generator.iter)
            for one in generator.ifs:
                self.of(one.test)
            generator = generator.inner_for_in
        if isinstance(node, cst.DictComp):
            return join([self.of(node.key), self.of(node.value)])
        return self.of(node.elt) if isinstance(node, cst.BaseSimpleComp) else NOTHING

    def _call(self, node: cst.Call) -> Value:
        called, method = self._index.called(node), last_name(node.func)
        values = [self.of(arg.value) for arg in node.args]
        owner = self.of(node.func.value) if isinstance(node.func, cst.Attribute) else NOTHING
        for arg, value in zip(node.args, values, strict=True):
            if arg.keyword is not None:
                self._body.flow.weak(arg.keyword.value, arg.value, value)
        if method.startswith(("set_", "make_", "store_")) and "cookie" not in method:
            for value in values:
                self._body.flow.weak(method, node, value)
        self._harm(node, called, method, owner)
        return self._result(node, called, method, values, owner)

    def _result(
        self, node: cst.Call, called: str, method: str, values: list[Value], owner: Value
    ) -> Value:
        origin = self._origin(node, called, method)
        if origin is not None:
            return origin
        if method in tables.CLEANS_ALL:
            return NOTHING
        helper = self._helper(node)
        if helper is not None:
            return self._through(helper, node)
        everything = join([owner, *values])
        if method in tables.CLEANS:
            return everything.cleaned(tables.CLEANS[method])
        if method in _GATHERS:
            self._gather(node, everything)
            return owner
        return everything if method in tables.PASS_ON else owner

    def _origin(self, node: cst.Call, called: str, method: str) -> Value | None:
        """Return the value of a call that is a source itself."""
        if called in tables.WEAK_CALLS:
            if method == "shuffle" and node.args:
                self._body.names[dotted_name(node.args[0].value)] = of(tables.WEAK)
            return of(tables.WEAK)
        if called in tables.LOCAL_CALLS:
            return of(tables.LOCAL)
        if called.startswith("self.get_") and method in tables.REQUEST_CALLS:
            return of(tables.REQUEST)
        return None

    def _gather(self, node: cst.Call, value: Value) -> None:
        if isinstance(node.func, cst.Attribute):
            name = dotted_name(node.func.value)
            if name and value:
                self._body.names[name] = value

    def _helper(self, node: cst.Call) -> str | None:
        """Return the qualified name of a function of this module that is called."""
        functions, scope = self._index.functions, self._body.scope
        dotted = dotted_name(node.func)
        if dotted.startswith(("self.", "cls.")):
            around = self._index.classes.get(scope, "")
            dotted = f"{around}.{dotted.partition('.')[2]}"
        nested = f"{scope}.{dotted}"
        return nested if nested in functions else dotted if dotted in functions else None

    def _through(self, helper: str, node: cst.Call) -> Value:
        """Apply a helper's summary to the arguments of one call."""
        summary = self._body.flow.summary(helper)
        function = self._index.functions[helper]
        names = [
            one.name.value for one in (*function.params.posonly_params, *function.params.params)
        ]
        if names and names[0] in {"self", "cls"}:
            names = names[1:]
        given: dict[str, Value] = {}
        for name, value in zip(names, positional(node), strict=False):
            given[_PARAMETER + name] = self.of(value)
        for arg in node.args:
            if arg.keyword is not None:
                given[_PARAMETER + arg.keyword.value] = self.of(arg.value)
        for label, kind, place in summary.reached:
            self._body.flow.reached(kind, place, given.get(label, NOTHING), self._body.summary)
        own = frozenset(one for one in summary.returns.labels if not one.startswith(_PARAMETER))
        passed = [
            given.get(one, NOTHING).cleaned(summary.returns.clean)
            for one in summary.returns.labels
            if one.startswith(_PARAMETER)
        ]
        return join([Value(labels=own, clean=summary.returns.clean), *passed])

    def _harm(self, node: cst.Call, called: str, method: str, owner: Value) -> None:
        flow, summary = self._body.flow, self._body.summary
        given = positional(node)
        kind = tables.SINKS.get(called)
        if called in {"yaml.load", "yaml.load_all"} and not _safe_yaml(node, given):
            kind = "pickle"
        if kind is not None:
            place = tables.SECOND_ARGUMENT.get(called, 0)
            argument = given[place] if place < len(given) else None
            argument = argument or keyword(node, "file") or keyword(node, "url")
            if argument is not None and not (
                kind in {"redirect", "ssrf"} and _begins_fixed(argument)
            ):
                flow.reached(kind, node, self.of(argument), summary)
            return
        if called in tables.RUNS and given:
            flow.reached("command", node, self._command(node, given[0]), summary)
        elif tables.SPAWNS.match(called):
            flow.reached("command", node, join([self.of(one) for one in given]), summary)
        elif isinstance(node.func, cst.Attribute) and method in tables.METHOD_SINKS:
            kind = tables.METHOD_SINKS[method]
            place = tables.METHOD_ARGUMENT.get(method, 0)
            if kind == "own_path":
                flow.reached("path", node, owner, summary)
            elif place < len(given):
                flow.reached(kind, node, self.of(given[place]), summary)

    def _command(self, node: cst.Call, argument: cst.BaseExpression) -> Value:
        """Return what of a command another may choose: the shell's text, or the program."""
        if not is_constant(keyword(node, "shell"), "True") and isinstance(
            argument, cst.List | cst.Tuple
        ):
            elements = [one.value for one in argument.elements]
            texts = [text_of(one) for one in elements]
            shell = texts[:1] and (texts[0] or "").rpartition("/")[2] in {"sh", "bash", "cmd"}
            return join([self.of(one) for one in (elements if shell else elements[:1])])
        return self.of(argument)


def _begins_fixed(node: cst.BaseExpression) -> bool:
    """Tell whether a string expression begins with a host or path that nobody else chooses."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        if node.func.attr.value != "format":
            return False
        node = node.func.value
    if not isinstance(node, (*_STRINGS, cst.SimpleString)):
        return False
    while isinstance(node, cst.BinaryOperation):
        node = node.left
    first = text_of(node) or ""
    if isinstance(node, cst.FormattedString) and node.parts:
        part = node.parts[0]
        first = part.value if isinstance(part, cst.FormattedStringText) else ""
    host = first.partition("://")[2]
    return (first.startswith("/") and len(first) > 1 and first[1] != "/") or "/" in host


def _safe_yaml(node: cst.Call, given: list[cst.BaseExpression]) -> bool:
    loader = keyword(node, "Loader") or (given[1] if len(given) > 1 else None)
    return loader is not None and last_name(loader) in tables.SAFE_YAML
