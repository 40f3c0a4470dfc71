"""The value of an expression, and the harm that its calls do."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from kova.adapters.analyzers.python_rules import flow_tables as tables
from kova.adapters.analyzers.python_rules.guards import asked, constant_test, guards_of
from kova.adapters.analyzers.python_rules.names import (
    arguments,
    dotted_name,
    is_constant,
    key_of,
    keyword,
    last_name,
    nodes_below,
    parts_of,
    positional,
    text_of,
    unstarred,
)
from kova.adapters.analyzers.python_rules.purpose import holds_secrets
from kova.adapters.analyzers.python_rules.values import NOTHING, Value, join, of

if TYPE_CHECKING:
    from kova.adapters.analyzers.python_rules.flow import Body

PARAMETER: Final = "param:"
_GATHERS: Final = frozenset({"append", "extend", "add", "update", "insert", "write"})
_REQUESTS: Final = frozenset({"request", "req", "self.request"})


class Expressions:
    """Evaluates the expressions of one body."""

    def __init__(self, body: Body) -> None:
        """Take the body whose names are looked at."""
        self._body = body
        self._index = body.flow.index
        self._taken: dict[int, Value] = {}  # What an argument or element was worth, by its node.

    def of(self, node: ast.AST) -> Value:
        """Return the value of an expression; calls below it are taken for what they do."""
        handler = self._handlers.get(type(node))
        return handler(node) if handler is not None else self._below(parts_of(node))

    @cached_property
    def _handlers(self) -> dict[type[ast.AST], Callable[[Any], Value]]:
        return {
            ast.Constant: lambda _: NOTHING,
            ast.Name: self._named,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.Subscript: self._subscript,
            ast.Compare: self._without_value,
            ast.Lambda: self._without_value,
            ast.UnaryOp: self._unary,
            ast.IfExp: self._either,
            ast.BinOp: self._built,
            ast.JoinedStr: self._built,
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

    def _take(self, node: ast.expr) -> Value:
        """Evaluate once what is asked for again: twice at each level has no end."""
        value = self._taken[id(node)] = self.of(node)
        return value

    def _again(self, node: ast.expr) -> Value:
        return self._taken[id(node)] if id(node) in self._taken else self.of(node)

    def _subscript(self, node: ast.Subscript) -> Value:
        self.of(node.slice)
        value, key = self.of(node.value), key_of(node.slice)
        kept = self._body.names.get(f"{dotted_name(node.value)}[{key}]", value)
        return self._tested(node, kept)

    def _tested(self, node: ast.expr, value: Value) -> Value:
        """Rule out what a test of the same look-up ruled out."""
        known = self._body.names.get(asked(node)) if value else None
        return value.cleaned(known.clean) if known is not None else value

    def _without_value(self, node: ast.expr) -> Value:
        self._below(parts_of(node))
        return NOTHING

    def _unary(self, node: ast.UnaryOp) -> Value:
        value = self.of(node.operand)
        return NOTHING if isinstance(node.op, ast.Not) else value

    def _either(self, node: ast.IfExp) -> Value:
        self.of(node.test)
        known = constant_test(node.test, self._body.numbers)
        ends = [node.body] * (known is not False) + [node.orelse] * (known is not True)
        # `x if is_safe(x) else y`: whichever is the tested one is used where it passed.
        before = dict(self._body.names)
        self._body.clean(guards_of(node.test))
        value = join([self.of(one) for one in ends])
        self._body.names = before
        return value

    def _built(self, node: ast.BinOp | ast.JoinedStr) -> Value:
        """Return a text's value: one that begins with an address of ours leads nowhere else."""
        value = self._below(parts_of(node))
        return value.cleaned(tables.ADDRESSES) if value and self.begins_fixed(node) else value

    def _walrus(self, node: ast.NamedExpr) -> Value:
        value = self.of(node.value)
        self._body.bind(node.target, value, node.value)
        return value

    def _dict(self, node: ast.Dict) -> Value:
        found: list[Value] = []
        for key, item in zip(node.keys, node.values, strict=True):
            value = self.of(item)
            found += [value, self.of(key) if key is not None else NOTHING]
            if key is not None and (name := text_of(key)):
                self._body.flow.weak(name, item, value)
        return join(found).cleaned({"xss"})

    def _display(self, node: ast.List | ast.Set) -> Value:
        return self._elements(node).cleaned({"xss"})

    def _elements(self, node: ast.List | ast.Set | ast.Tuple) -> Value:
        return join([self._take(unstarred(one)) for one in node.elts])

    def weak_key(self, target: ast.Subscript, value: Value, node: ast.stmt | ast.expr) -> None:
        """Look at `store["token"] = value`."""
        keys = target.slice.elts if isinstance(target.slice, ast.Tuple) else [target.slice]
        for key in keys:
            text = text_of(key)
            self._body.flow.weak(text if text is not None else last_name(key), node, value)

    def _below(self, nodes: Iterable[ast.AST]) -> Value:
        return join([self.of(one) for one in nodes])

    def _named(self, node: ast.Name) -> Value:
        if self._index.name(node) in tables.LOCAL_NAMES:
            return of(tables.LOCAL)
        return self._body.names.get(node.id, NOTHING)

    def _attribute(self, node: ast.Attribute) -> Value:
        dotted = dotted_name(node)
        if node.attr in tables.REQUEST_FIELDS and (
            dotted.rpartition(".")[0] in _REQUESTS
            or self._index.name(node.value).endswith(tables.REQUEST_NAMES)
        ):
            value = of(tables.REQUEST).cleaned({"path"} if node.attr in tables.UPLOADS else ())
            return value.cleaned({"redirect"}) if node.attr in tables.OWN_ADDRESS else value
        if self._index.name(node) in tables.LOCAL_NAMES:
            return of(tables.LOCAL)
        if dotted in self._body.names:
            return self._body.names[dotted]
        value = self.of(node.value)
        return replace(value, clean=value.clean - {"path"}) if node.attr == "filename" else value

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> Value:
        for one in node.generators:
            self._body.bind(one.target, self.of(one.iter), one.iter)
            self._below(one.ifs)
        if isinstance(node, ast.DictComp):
            return self._below(one for one in (node.key, node.value) if one is not None)
        return self.of(node.elt)

    def _call(self, node: ast.Call) -> Value:
        called, method = self._index.called(node), last_name(node.func)
        values = [self._take(one) for one in arguments(node)]
        owner = self.of(node.func.value) if isinstance(node.func, ast.Attribute) else NOTHING
        for one in node.keywords:
            if one.arg is not None:
                self._body.flow.weak(one.arg, one.value, self._again(one.value))
        if method.startswith(("set_", "make_", "store_")) and "cookie" not in method:
            for value in values:
                self._body.flow.weak(method, node, value)
        self._harm(node, called, method, owner)
        return self._tested(node, self._result(node, called, method, values, owner))

    def _result(
        self, node: ast.Call, called: str, method: str, values: list[Value], owner: Value
    ) -> Value:
        origin = self._origin(node, called, method)
        if origin is not None:
            return origin
        if method in tables.CLEANS_ALL:
            return NOTHING
        helper = self._helper(node)
        if helper is not None:
            return self._through(helper, node)
        kept = self._setting(node, method, values)
        if kept is not None:
            return kept
        everything = join([owner, *values])
        if method in tables.CLEANS:
            return everything.cleaned(tables.CLEANS[method])
        if tables.ESCAPES.search(method):
            return everything.cleaned({"xss"})
        if method == "format" and self.begins_fixed(node):
            return everything.cleaned(tables.ADDRESSES)
        if method in tables.READS:
            return replace(owner, clean=owner.clean - {"path"})
        if method in _GATHERS:
            self._gather(node, everything)
            return owner
        return everything if method in tables.PASS_ON else owner

    def _origin(self, node: ast.Call, called: str, method: str) -> Value | None:
        """Return the value of a call that is a source itself."""
        if called in tables.WEAK_CALLS and not self._body.flow.random_is_own:
            if method == "shuffle" and (given := arguments(node)) and not self._is_strong():
                self._body.names[dotted_name(given[0])] = of(tables.WEAK)
            # Which of several secrets is taken need not be a secret.
            several = any(holds_secrets(last_name(one)) for one in positional(node)[:1])
            return NOTHING if several else of(tables.WEAK)
        if called in tables.LOCAL_CALLS:
            return of(tables.LOCAL)
        if called.startswith("self.get_") and method in tables.REQUEST_CALLS:
            return of(tables.REQUEST)
        return None

    def _is_strong(self) -> bool:
        """Tell whether the function takes what cannot be guessed: its order matters little."""
        function = self._index.functions.get(self._body.scope)
        names = nodes_below(function) if function is not None else ()
        return any(last_name(one) in tables.STRONG for one in names)

    def _gather(self, node: ast.Call, value: Value) -> None:
        if isinstance(node.func, ast.Attribute):
            name = dotted_name(node.func.value)
            if name and value:
                self._body.names[name] = value
                self._body.forget_keys(name)

    def _setting(self, node: ast.Call, method: str, values: list[Value]) -> Value | None:
        """Follow `store.set("a", "b", value)` to `store.get("a", "b")`, None for other calls."""
        if method not in {"set", "get"} or not isinstance(node.func, ast.Attribute):
            return None
        keys = [key_of(one) for one in (node.args if method == "get" else node.args[:-1])]
        if not keys or None in keys:
            return None
        name, key = dotted_name(node.func.value), ", ".join(map(str, keys))
        if method == "get":
            return self._body.names.get(f"{name}[{key}]")
        self._body.keep_key(name, key, values[len(node.args) - 1])
        return NOTHING

    def _helper(self, node: ast.Call) -> str | None:
        """Return the qualified name of a function of this module that is called."""
        functions, scope = self._index.functions, self._body.scope
        dotted = dotted_name(node.func)
        if dotted.startswith(("self.", "cls.")):
            around = self._index.classes.get(scope, "")
            dotted = f"{around}.{dotted.partition('.')[2]}"
        nested = f"{scope}.{dotted}"
        return nested if nested in functions else dotted if dotted in functions else None

    def _through(self, helper: str, node: ast.Call) -> Value:
        """Apply a helper's summary to the arguments of one call."""
        summary = self._body.flow.summary(helper)
        taken = self._index.functions[helper].args
        names = [one.arg for one in (*taken.posonlyargs, *taken.args)]
        if names and names[0] in {"self", "cls"}:
            names = names[1:]
        given = {
            PARAMETER + name: self._again(value)
            for name, value in zip(names, positional(node), strict=False)
        }
        for one in node.keywords:
            if one.arg is not None:
                given[PARAMETER + one.arg] = self._again(one.value)
        for label, kind, place in summary.reached:
            self._body.flow.reached(kind, place, given.get(label, NOTHING), self._body.summary)
        own = frozenset(one for one in summary.returns.labels if not one.startswith(PARAMETER))
        passed = [
            given.get(one, NOTHING).cleaned(summary.returns.clean)
            for one in summary.returns.labels
            if one.startswith(PARAMETER)
        ]
        return join([Value(labels=own, clean=summary.returns.clean), *passed])

    def _harm(self, node: ast.Call, called: str, method: str, owner: Value) -> None:
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
                (kind in tables.ADDRESSES and self.begins_fixed(argument))
                or (kind == "xss" and _is_no_page(node, called))
            ):
                flow.reached(kind, node, self._again(argument), summary)
            return
        if called in tables.RUNS and given:
            flow.reached("command", node, self._command(node, given[0]), summary)
        elif tables.SPAWNS.match(called):
            flow.reached("command", node, join(map(self._again, given)), summary)
        elif isinstance(node.func, ast.Attribute) and (kind := self._harm_of_method(method)):
            place = tables.METHOD_ARGUMENT.get(method, 0)
            if kind == "own_path":
                flow.reached("path", node, owner, summary)
            elif place < len(given):
                flow.reached(kind, node, self._again(given[place]), summary)

    def begins_fixed(self, node: ast.expr) -> bool:
        """Tell whether an address begins with a host or path that nobody else chooses."""
        first = _first_part(node)
        if first is None or (text := text_of(first)) is None:
            named = isinstance(first, ast.Call) and tables.OWN_URL.search(last_name(first.func))
            return bool(named) or not (first is None or first is node or self._is_sent(first))
        host = text.partition("://")[2]
        return (text.startswith("/") and len(text) > 1 and text[1] != "/") or "/" in host

    def _is_sent(self, node: ast.expr) -> bool:
        """Tell whether a name in an expression holds input; it is not evaluated once more."""
        names = (one for one in nodes_below(node) if isinstance(one, ast.Name | ast.Attribute))
        values = (self.of(one) for one in names if "?" not in dotted_name(one))
        return any(tables.REQUEST in one.labels and "redirect" not in one.clean for one in values)

    def _harm_of_method(self, method: str) -> str | None:
        if method == "search" and self._body.flow.asks_directory:
            return "ldap"
        if method == "from_string" and not self._body.flow.fills_templates:
            return None
        kind = tables.METHOD_SINKS.get(method)
        return None if kind == "own_path" and not self._body.flow.has_paths else kind

    def _command(self, node: ast.Call, argument: ast.expr) -> Value:
        """Return what of a command another may choose: the shell's text, or the program."""
        if not is_constant(keyword(node, "shell"), True) and isinstance(
            argument, ast.List | ast.Tuple
        ):
            elements = [unstarred(one) for one in argument.elts]
            texts = [text_of(one) for one in elements]
            shell = texts[:1] and (texts[0] or "").rpartition("/")[2] in {"sh", "bash", "cmd"}
            return join([self._again(one) for one in (elements if shell else elements[:1])])
        return self._again(argument)


def _first_part(node: ast.expr) -> ast.expr | None:
    """Return the part with which a string expression begins, None where that is not seen."""
    while True:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            whole = (text_of(node.left) or "").startswith("%s")
            node = values[0] if whole and values else node.left
        elif isinstance(node, ast.BinOp):
            node = node.left
        elif isinstance(node, ast.JoinedStr) and node.values:
            node = node.values[0]
        elif isinstance(node, ast.FormattedValue):
            node = node.value
        elif isinstance(node, ast.Call) and last_name(node.func) == "format":
            given = positional(node)
            template = node.func.value if isinstance(node.func, ast.Attribute) else node
            if not (text_of(template) or "{").startswith("{"):
                return template
            return given[0] if given else None
        else:
            return node


def _is_no_page(node: ast.Call, called: str) -> bool:
    """Tell whether an answer is given a type, and that is not HTML's."""
    given = [one.value for one in node.keywords if one.arg in tables.PAGE_TYPES]
    if called.endswith(".HttpResponse"):
        given += positional(node)[1:2]
    return any("html" not in (text_of(one) or "") for one in given)


def _safe_yaml(node: ast.Call, given: list[ast.expr]) -> bool:
    loader = keyword(node, "Loader") or (given[1] if len(given) > 1 else None)
    return loader is not None and last_name(loader) in tables.SAFE_YAML
