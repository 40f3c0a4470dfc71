"""No file ends the worker: parsers of foreign text run in a child, which a file may end."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from kova.adapters.analyzers.bounded_syntax import SUFFIXES, BoundedSyntax
from kova.adapters.analyzers.outline_child import READERS
from kova.adapters.analyzers.process import ProcessLimits
from kova.fixes.outline import Outline
from tests.scans.nested_file import NESTED, NEWER

CODE = "import os\n\n\ndef f(a, b=1):\n    pass\n\n\nX = 1\n"
OUTLINE = Outline(definitions={"f": ("a", "b=")}, names=frozenset({"X"}), imports=frozenset({"os"}))
PARENTHESES = NESTED["parentheses"](1_500)


def outlines(*texts: str, path: str = "a.py", **limits: float) -> list[Outline | None]:
    reader = BoundedSyntax(ProcessLimits(**{"seconds": 30.0, **limits}))  # type: ignore[arg-type]
    return reader.outlines([(path, text) for text in texts])


def test_python_and_yaml_are_outlined_in_order() -> None:
    reader = BoundedSyntax()
    files = [("a.py", CODE), ("b.yml", "jobs:\n  build:\n    steps: []\n"), ("c.pyi", "x: int\n")]
    python, yaml, stub = reader.outlines(files)
    assert python == OUTLINE
    assert yaml is not None
    assert set(yaml.definitions) == {"jobs", "jobs.build"}
    assert stub is not None
    assert stub.names == {"x"}
    assert reader.outlines([]) == []


def test_the_parent_knows_what_its_child_reads() -> None:
    assert set(READERS) == SUFFIXES
    assert [BoundedSyntax().handles(path) for path in ("a/b.py", "a.yaml", "a.js", "py")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("text", ["def f(:\n", "x = '\n", "\0", "\ud800 = 1\n", "\ufeffx = 1\n("])
def test_what_does_not_parse_has_no_outline(text: str) -> None:
    assert outlines(text, CODE) == [None, OUTLINE]


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("newer", ["", NEWER])
def test_a_file_that_nests_deeply_costs_no_other_file_its_outline(kind: str, newer: str) -> None:
    for depth in (1_500, 60_000):
        deep = newer + NESTED[kind](depth)
        assert outlines(CODE, deep, CODE)[::2] == [OUTLINE, OUTLINE]


def test_several_files_that_end_their_reader_are_each_without_an_outline() -> None:
    assert outlines(PARENTHESES, CODE, PARENTHESES, PARENTHESES, CODE) == [
        None,
        OUTLINE,
        None,
        None,
        OUTLINE,
    ]


def test_deep_yaml_is_read_or_not_and_ends_nothing() -> None:
    for depth in (900, 200_000):
        _, after = outlines("[" * depth + "]" * depth, "a: 1\n", path="a.yml", seconds=5)
        assert after is not None


def test_a_reader_that_takes_too_long_is_ended() -> None:
    assert outlines(CODE, seconds=0.001) == [None]


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("grammar", ["older", "newer"])
def test_a_scan_survives_a_file_that_nests_deeply_and_says_so(kind: str, grammar: str) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tests.scans.nested_file", kind, "1500", grammar],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert "flat.py verified " in lines
    about_deep = [line for line in lines if line.startswith("deep.py")]
    assert about_deep
    assert all(
        line == "deep.py verified "
        or line.startswith(("deep.py rejected parses: It does not parse", "deep.py skipped: "))
        for line in about_deep
    )


# Parsers that overflow, or take long, on what a stranger wrote.
PARSERS = frozenset(
    {"ast", "libcst", "yaml", "tomllib", "tokenize", "tree_sitter", "sqlglot", "symtable", "parso"}
)
# Modules that only a child process imports, and what a parent may parse after a check of its own.
IN_CHILDREN = (
    "adapters/analyzers/outline_child.py",
    "adapters/analyzers/python_rules/",
    "adapters/analyzers/python_syntax.py",
    "adapters/analyzers/syntax_readers/",
    "adapters/analyzers/yaml_syntax.py",
)
CHECKED_BEFORE = {"analysis/kova_toml.py": {"tomllib"}}


def test_no_parser_is_imported_where_the_worker_itself_would_run_it() -> None:
    root = Path("layers/common/kova")
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith(IN_CHILDREN):
            continue
        imported: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
                module = (node.module or "").removeprefix("kova.").replace(".", "/")
                assert (
                    not f"{module}.py".startswith(IN_CHILDREN)
                    or "prefilter" in module
                    or ("taint" in module)
                ), f"{name} imports {module}"
        assert imported & PARSERS == CHECKED_BEFORE.get(name, set()), name
