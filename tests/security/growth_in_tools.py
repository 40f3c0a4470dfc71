"""Paths over what tools say about hostile files, and over files before a tool reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kova.adapters.analyzers.betterleaks import BetterleaksAnalyzer
from kova.adapters.analyzers.hadolint import HadolintAnalyzer
from kova.adapters.analyzers.oxlint import OxlintAnalyzer
from kova.adapters.analyzers.places import Places
from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.python_rules.__main__ import check as check_python
from kova.adapters.analyzers.python_rules.grammar.parse import parse as parse_python
from kova.adapters.analyzers.python_rules.module_index import index_module
from kova.adapters.analyzers.python_rules.prefilter import may_find
from kova.adapters.analyzers.python_rules.taint.module_analysis import ModuleAnalysis
from kova.adapters.analyzers.python_syntax import outline_python
from kova.adapters.analyzers.ruff import RuffAnalyzer
from kova.adapters.analyzers.shellcheck import ShellcheckAnalyzer
from kova.adapters.analyzers.syntax_readers.__main__ import check as check_syntax
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.adapters.analyzers.yaml_syntax import outline_yaml
from kova.adapters.analyzers.zizmor import propose_edits
from tests.security.growth_paths import GrowthPath, edited, span, stack
from tests.support.findings import finding

_OXLINT: Final = OxlintAnalyzer(Path("/oxlint"))
_SHELLCHECK: Final = ShellcheckAnalyzer(Path("/shellcheck"))
Make = Callable[[int, Path], Any]


def _completed(answer: object) -> Completed:
    return Completed(status=0, output=json.dumps(answer).encode(), errors="", reason=None)


def _ruff(rule: str, text: Callable[[int], str], *, message: str = "m", apart: int = 0) -> Make:
    """Return an input with findings of ruff's: all on the first line, or so many lines apart."""

    def make(number: int, folder: Path) -> Any:
        (folder / "a.py").write_text(text(number))
        diagnostics = [
            {
                "filename": str(folder / "a.py"), "code": rule, "message": message, "url": None,
                "location": {"row": 1 + index * apart, "column": 1},
                "end_location": {"row": 1 + index * apart, "column": 2}, "fix": None,
            }
            for index in range(-(-number // max(apart, 1)))
        ]  # fmt: skip
        return RuffAnalyzer(Path("/ruff")), _completed(diagnostics), ToolWorkspace(folder)

    return make


def _oxlint(number: int, folder: Path) -> Any:
    (folder / "a.js").write_text("é<=1;" * number)
    diagnostics = [
        {
            "filename": "a.js", "code": "eslint(no-unreachable)", "message": "m", "url": None,
            "labels": [{"span": {"offset": 6 * index, "length": 6 * (number - index)}}],
        }
        for index in range(number)
    ]  # fmt: skip
    return _OXLINT, _completed({"diagnostics": diagnostics}), ToolWorkspace(folder)


def _betterleaks(number: int, folder: Path) -> Any:
    (folder / "a.txt").write_text("é" * (20 * number))
    findings = [
        {
            "location": {
                "path": "a.txt", "start_line": 1, "start_column": 40 * index,
                "end_line": 1, "end_column": 40 * index + 20,
            },
            "match": {"fingerprint": "hmac-sha256:0", "value": "v"},
            "description": "d", "rule_id": "private-key", "confidence": "high",
        }
        for index in range(number)
    ]  # fmt: skip
    answer = {"scan": {"state": "complete"}, "findings": findings}
    return BetterleaksAnalyzer(Path("/betterleaks")), _completed(answer), ToolWorkspace(folder)


def _hadolint(number: int, folder: Path) -> Any:
    (folder / "Dockerfile").write_text(" " * (20 * number) + "x")
    diagnostics = [
        {"code": "DL3000", "file": "Dockerfile", "line": 1, "message": "m"} for _ in range(number)
    ]
    return HadolintAnalyzer(Path("/hadolint")), _completed(diagnostics), ToolWorkspace(folder)


def _read(parts: Any) -> object:
    analyzer, completed, workspace = parts
    return analyzer.read(completed, workspace)


def _zizmor(number: int, _: Path) -> Any:
    edits = [edit for part in stack(number) for edit in edited(part).edit.edits]  # type: ignore[union-attr]
    return [(part, "t") for part in stack(number)], edits


def _text(piece: str, begin: str = "", end: str = "") -> Make:
    return lambda number, _: begin + piece * number + end


def _content(piece: bytes, begin: bytes = b"") -> Make:
    return lambda number, _: begin + piece * number


def _syntax(path: str) -> Callable[[str], object]:
    return lambda text: list(check_syntax(path, text))


def _toml(text: str) -> object:
    try:
        return list(check_syntax("a.toml", text))
    except RecursionError as exc:  # The child's answer to what nests too deeply.
        return exc


def _python(text: str) -> object:
    return list(check_python("a.py", text))


def _branches(number: int, _: Path) -> str:
    branches = "".join(f"    if x:\n        a{index} = y\n" for index in range(number))
    return f"from flask import request\ndef f(x):\n    y = request.args\n{branches}    eval(y)\n"


def _follow(text: str) -> object:
    module = parse_python(text)
    assert module is not None
    index = index_module(module, text)
    analysis = ModuleAnalysis(index, most_joined=40 * len(index.places))
    try:
        return list(analysis.find_problems())
    except RecursionError as exc:
        return exc


def _long_query(number: int, _: Path) -> str:
    query = "select a from " * (10 * number)
    return "".join(["def f(x):\n    q = '", query, "' + x\n", "    c.execute(q)\n" * number])


def _made_of_queries(number: int, _: Path) -> str:
    """Return names that are each twice the next one, a few levels deep, again and again."""
    names = "".join(f"    q{level} = q{level + 1} + q{level + 1}\n" for level in range(9))
    function = ["def f(x):\n", names, "    q9 = 'a' + x\n", "    c.execute(q0)\n" * number]
    return "".join(function)


def _skip(analyzer: OxlintAnalyzer | ShellcheckAnalyzer, path: str) -> Callable[[bytes], object]:
    return lambda content: (analyzer.reason_to_skip(path, content), analyzer.prepare(content))


def _rows(make: Make, name: str, *, steps: int = 0, timed: int = 0) -> GrowthPath:
    return GrowthPath(name=name, make=make, call=_read, steps=steps, timed=timed)


_GLOBALS: Final = "x = globals()[\n"
TOOL_PATHS: Final[tuple[GrowthPath, ...]] = (
    GrowthPath(name="places on one line", make=lambda number, _: (Places("é".encode() * 20 * number), number), call=lambda parts: [parts[0].span(40 * index, 40 * index + 9) for index in range(parts[1])], steps=200, timed=300),
    GrowthPath(name="columns on one line", make=lambda number, _: (Places("é".encode() * 20 * number), number), call=lambda parts: [parts[0].by_columns((1, 40 * index), (1, 40 * index + 9)) for index in range(parts[1])], steps=200, timed=300),
    _rows(_oxlint, "oxlint's findings on one line", steps=100, timed=40),
    _rows(_betterleaks, "betterleaks's findings on one line", steps=100, timed=120),
    _rows(_hadolint, "hadolint's findings on one line", steps=100, timed=80),
    _rows(_ruff("RUF040", lambda number: "assert x, y; " * 8 * number), "ruff's assertions on one line", steps=100, timed=40),
    _rows(_ruff("PLW0177", lambda number: "x is a; " * 8 * number), "ruff's comparisons on one line", steps=100, timed=40),
    _rows(_ruff("S323", lambda number: "if x:\n" + (" " * 9 + "x" * 400 + "\n") * number, apart=10), "ruff's findings in deep blocks", steps=1_200),
    _rows(_ruff("F507", lambda number: "x = '%s' % (\n" * number, apart=1), "ruff's formats on many lines", steps=300, timed=120),
    GrowthPath(name="a line of ruff's that is blank", make=lambda number, folder: _ruff("RUF040", lambda _: "assert x, " + " " * number + "y")(1, folder), call=_read, timed=20_000),
    GrowthPath(name="ruff's names made by globals", make=lambda number, folder: _ruff("F821", lambda _: _GLOBALS * number, message="`x`")(1, folder), call=_read, timed=600),
    GrowthPath(name="ruff's translations among blank lines", make=lambda number, folder: _ruff("INT001", lambda _: "\n" * number + "x")(1, folder), call=_read, timed=4_000),
    GrowthPath(name="zizmor's edits", make=_zizmor, call=lambda parts: propose_edits(*parts), steps=200),
    GrowthPath(name="a script of blank lines", make=_content(b"\n"), call=_skip(_SHELLCHECK, "a.sh"), timed=30_000),
    GrowthPath(name="a line of shellcheck's comments", make=_content(b"#shellcheck "), call=_skip(_SHELLCHECK, "a.sh"), timed=6_000),
    GrowthPath(name="a script of spaces", make=_content(b" ", b"#!"), call=_skip(_SHELLCHECK, "a.sh"), timed=40_000),
    GrowthPath(name="what a bundler leaves", make=_content(b"_interopRequire" * 300 + b"\n"), call=_skip(_OXLINT, "a.js"), timed=6),
    GrowthPath(name="comments of oxlint that are disabled", make=_content(b"eslint-disable\n"), call=_skip(_OXLINT, "a.js"), timed=600),
    GrowthPath(name="words that rules look for", make=_content(b"@.\n from request. execute( get_ api_ input, md5 "), call=may_find, timed=1_000),
    GrowthPath(name="an almost query", make=_content(b" ", b"x.execute"), call=may_find, timed=50_000),
    GrowthPath(name="an almost secret", make=_content(b"import random, api_-"), call=may_find, timed=400),
    GrowthPath(name="conflicts without an end", make=_text("<<<<<<< a\n=======\n", "}\n"), call=_syntax("a.yaml"), timed=1_500),
    GrowthPath(name="blank lines of JSON", make=_text("\n", "#", "x"), call=_syntax("a.json"), timed=10_000),
    GrowthPath(name="comments of JSON without an end", make=_text("/* "), call=_syntax("a.json"), timed=3_000),
    GrowthPath(name="strings of JSON without an end", make=_text('\\"', '{"'), call=_syntax("a.json"), timed=20_000),
    GrowthPath(name="commas of JSON", make=_text(" ", "{//\n,"), call=_syntax("a.json"), timed=20_000),
    GrowthPath(name="keys of JSON that stand twice", make=_text('"a":1,\n', "{", '"a":1}'), call=_syntax("a.json"), steps=100, timed=200),
    GrowthPath(name="keys of YAML that stand twice", make=_text("a: 1\n"), call=_syntax("a.yaml"), steps=100, timed=100),
    GrowthPath(name="sequences of YAML", make=_text("- [{a: 1}]\n"), call=_syntax("a.yaml"), steps=50, timed=60),
    GrowthPath(name="templates of YAML", make=_text("\n", "}"), call=_syntax("a.yaml"), timed=20_000),
    GrowthPath(name="dotted keys of TOML", make=_text(".a", "a", " = 1"), call=_toml, steps=60, timed=1_000),
    GrowthPath(name="tables of TOML", make=lambda number, _: "".join(f"[a.b{index}]\nc = 1\n" for index in range(number)), call=_syntax("a.toml"), steps=50, timed=60),
    GrowthPath(name="queries of Python that are none", make=_text("select ", "def f(x):\n    c.execute('", "' + x)\n"), call=_python, timed=1_500),
    GrowthPath(name="fields of a query", make=_text("a", "def f(x):\n    c.execute('select a from b {", "'.format(x))\n"), call=_python, timed=20_000),
    GrowthPath(name="calls of Python on one line", make=_text("c.execute('select a from b where c = ' + é); "), call=_python, steps=40, timed=20),
    GrowthPath(name="queries made of queries", make=_made_of_queries, call=_python, steps=4),
    GrowthPath(name="a long query that is sent often", make=_long_query, call=_python, steps=60, timed=40),
    GrowthPath(name="branches of Python that bind names", make=_branches, call=_follow, steps=300),
    GrowthPath(name="calls of a harmful function", make=lambda number, _: "".join(["from flask import request\ndef f(x):\n", "    eval(x)\n" * number, "f(request.args)\n" * number]), call=_python, steps=130),
    GrowthPath(name="returns of a page", make=_text("    if x:\n        return request.args\n", "from flask import request\n@app.route('/')\ndef f(x):\n"), call=_python, steps=200),
    GrowthPath(name="functions of Python", make=_text("def f(request):\n    eval(request.args)\n    return f(request)\n", "from flask import request\n"), call=_python, steps=30),
    GrowthPath(name="the outline of Python", make=_text("class A:\n    def f(self, a=1): pass\nimport a.b\n"), call=outline_python, steps=50),
    GrowthPath(name="the outline of YAML", make=_text("a: {b: 1}\n"), call=outline_yaml, steps=50),
    GrowthPath(name="edits far from a finding", make=lambda number, _: ([(finding(span=span(number)), "t")], _zizmor(number, _)[1]), call=lambda parts: propose_edits(*parts), steps=200),
)  # fmt: skip
