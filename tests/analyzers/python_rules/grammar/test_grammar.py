"""A tree that LibCST parsed is the one that `ast` would give, and newer code is read like any."""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
import pytest

from kova.adapters.analyzers.python_rules.__main__ import check
from kova.adapters.analyzers.python_rules.grammar.statements import StatementConverter, parse_newer

# Of the standard library and of site-packages.
PACKAGES = "email json http html logging importlib asyncio unittest mangum starlette".split()
LARGEST = 15_000  # Bytes: a few of them are most of the time.

GRAMMAR = """\
@a.b(1)
async def f(a, /, b: int = 1, *c: str, d, e=2, **g) -> None:
    async with a as b, c: pass
    async for x, *y in z: break
    else: continue
    return [i async for i in await j if i if not k], (yield), (yield from l)
def g(*, a): global h, i; nonlocal_ = lambda x, *y, z=1: (x, y)
class C(D, *e, metaclass=F, **g): x: int; y: int = 1; z.w: str
del a, (b, c), d[0]
assert a, 'b'
raise A from b
x = y = (1, 2), 3,
x[1:2, ::3, *z] = x[a,] = x[()] = x[*z]
x @= 1; x //= 2; x **= 3; x >>= 4; x <<= 5; x &= 6; x ^= 7; x |= 8
n = 0x1F + 1_000 + 1e3 - 2j * ... / None // True % False
o = not a and b or c and (d and e) or ~f < -g <= +h != i is not j not in k
p = {**a, 'b': 1, 2: 3}, {1, *b}, {i: j for i in k for j in l}, {i for i in j}, f(i for i in j)
q = u'a' 'b' r'\\d' "\\N{EM DASH}\\x41", b'a' b'\\xff', f'é{a!r:>{b}}{{}}' 'c' f"{d=} \\\\", f'', ''
r = (a if b else c, (d := e), [*f], "é€😀", g(*h, i=j, **k))
from .a.b import (c as d, e)
from . import f; from g import *; import h.i as j, k.l
while a: pass
else: b
try: a
except (B, C) as d: e
except: f
else: g
finally: h
try: a
except* B: c
if a: b
elif c: d
else: e
"""


def _is_empty(part: ast.expr) -> bool:
    return isinstance(part, ast.Constant) and part.value == ""


def _dump_with_places(tree: ast.Module) -> str:
    """Dump a tree with its positions, but for those that are not kept.

    The texts and braces of an f-string (not what is in the braces) stand where the string does, as
    they did before Python 3.12; type parameters and patterns of `match` are not made at all. The
    first releases of 3.12 end a format that has braces with an empty text, as no other does.
    """
    for string in ast.walk(tree):  # From the outside to the inside.
        if isinstance(string, ast.JoinedStr):
            string.values = [part for part in string.values if not _is_empty(part)]
            for part in string.values:
                ast.copy_location(part, string)
                if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                    ast.copy_location(part.format_spec, string)
    return ast.dump(tree, include_attributes=True, indent=1)


def _modules() -> Iterator[Path]:
    for name in PACKAGES:
        package = __import__(name, fromlist=["x"])
        for file in sorted(Path(package.__path__[0]).glob("*.py")):
            if 0 < file.stat().st_size < LARGEST:
                yield file


def _check_same_tree(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        converted = parse_newer(text)
        assert converted is not None
        assert _dump_with_places(converted) == _dump_with_places(ast.parse(text))


def test_real_modules_have_the_tree_that_ast_gives_them() -> None:
    files = list(_modules())
    assert len(files) >= 50
    for file in files:
        _check_same_tree(file.read_text(encoding="utf-8"))


def test_the_whole_grammar_has_the_tree_that_ast_gives_it() -> None:
    _check_same_tree(GRAMMAR)
    _check_same_tree(GRAMMAR.replace("\n", "\r\n"))


def test_every_kind_of_node_of_libcst_is_known() -> None:
    maker = StatementConverter(cst.Module(body=()), "", {})
    kinds = [
        kind
        for name, kind in inspect.getmembers(cst, inspect.isclass)
        if issubclass(kind, cst.BaseExpression | cst.BaseSmallStatement | cst.BaseCompoundStatement)
        and not name.startswith("Base")
    ]
    assert len(kinds) > 50
    assert not set(kinds) - {*maker._expressions, *maker._statements}


NEWER = {
    "PEP 695, a function": "def f[T: (int, str)](x: T) -> T:\n    return @(x)\n",
    "PEP 695, a class": "class A[T, *Ts, **P]:\n    é = '€'; x = @('ü')\n",
    "PEP 695, a type": "type X[T] = list[T]\n@(1)\n",
    "PEP 696": "class A[T = int]:\n    y = @(1)\n",
    "PEP 701, the same quotes": 'x = f"{@("a")}"\n',
    "PEP 701, lines and a comment": 'x = f"{\n    @(\n  "a")  # c\n}"\n',
    "PEP 701, a backslash": "x = f\"{@('\\n')} {'\\n'}\"\n",
    "PEP 750": "x = t'{@(1)} é {2!r:>{3}}'\n",
    "PEP 758": "try:\n    pass\nexcept A, B:\n    @(2)\n",
    "PEP 798": "x = {**@(1) for y in z}\n",
    "PEP 810": "lazy import json\n@(1)\n",
}


@pytest.mark.parametrize("grammar", NEWER)
def test_newer_grammar_is_read_with_the_interpreter_at_hand(grammar: str) -> None:
    text = "import requests\n" + NEWER[grammar].replace("@", "requests.get")
    (hit,) = check("a.py", text)
    assert hit.rule == "request-without-timeout"
    lines = text.splitlines(keepends=True)
    start = sum(map(len, lines[: hit.start[0] - 1])) + hit.start[1] - 1
    end = sum(map(len, lines[: hit.end[0] - 1])) + hit.end[1] - 1
    snippet = text[start:end]
    assert snippet.startswith("requests.get(")
    assert snippet.endswith(")")
    assert snippet.count("(") == snippet.count(")")


def test_input_is_followed_through_newer_code() -> None:
    text = (
        "from flask import request\nimport os\ntype Name = str\n"
        'def run[T](name: T):\n    os.system(f"ls {name}")\n'
        "def view():\n    run(request.args['name'])\n"
    )
    assert [(problem.rule, problem.start) for problem in check("a.py", text)] == [
        ("command-injection", (5, 5))
    ]


def test_a_template_is_no_query_from_a_string() -> None:
    text = "def f(db, x):\n    db.execute(t\"SELECT a FROM b WHERE c = '{x}'\")\n"
    assert not list(check("a.py", text))
    assert list(check("a.py", text.replace('t"', 'f"')))


@pytest.mark.parametrize("odd", ["9" * 10_000, r"'\N{DASH}'", r"b'\x'", r"f'\N{DASH}{a}'"])
def test_a_literal_that_the_interpreter_refuses_hides_nothing(odd: str) -> None:
    text = f"import requests\nx = {odd}\nrequests.get(1)\n"
    assert [problem.start for problem in check("a.py", text)] == [(3, 1)]
