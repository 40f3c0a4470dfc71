import ast
import sys

import pytest

from kova.adapters.analyzers.python_rules.grammar.parse import parse


def test_what_the_code_is_warned_of_is_silent() -> None:
    assert isinstance(parse("x = '\\d'\nassert (x, 1)\n"), ast.Module)


@pytest.mark.parametrize("text", ["print 'two'\n", "def f(:\n", "x = (\n", "'''"])
def test_what_no_parser_reads_is_none(text: str) -> None:
    assert parse(text) is None


def test_what_nests_too_deeply_for_the_parser_is_told() -> None:
    with pytest.raises(RecursionError):
        parse("x = " + "-" * 50_000 + "y\n")


def test_libcst_is_not_imported_for_what_the_interpreter_reads() -> None:
    import subprocess

    code = (
        "import sys; from kova.adapters.analyzers.python_rules.__main__ import check; "
        "assert list(check('a.py', 'import requests\\nrequests.get(1)\\n')); "
        "assert 'libcst' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
