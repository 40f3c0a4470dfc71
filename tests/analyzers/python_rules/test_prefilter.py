"""The look at the bytes never ends a file in which a rule has something to say."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import pytest

from kova.adapters.analyzers.python_rules import prefilter, secret_names
from kova.adapters.analyzers.python_rules.__main__ import FAMILIES
from kova.adapters.analyzers.python_rules.rules import weak_hashes
from kova.adapters.analyzers.python_rules.taint import model
from tests.analyzers.python_rules.support import index_text, rules_of
from tests.quality import examples

# Every interpreter has these, and the lock our own dependencies.
PACKAGES = ("email", "http", "urllib", "wsgiref", "xmlrpc", "redis", "rich", "starlette")
ORIGIN = "request.GET['x']"


def _import_as(name: str) -> tuple[str, str]:
    """Return the import of a dotted name under another, and the other."""
    module, _, last = name.rpartition(".")
    return (f"from {module} import {last} as it\n", "it") if module else ("", last)


@pytest.mark.parametrize(("name", "kind"), model.SINKS.items())
def test_each_harm_of_the_tables_is_seen_and_found(name: str, kind: str) -> None:
    line, called = _import_as(name)
    arguments = "tree, " * model.SECOND_ARGUMENT.get(name, 0) + ORIGIN
    assert model.RULES[kind][0] in rules_of(f"{line}def f(request):\n    {called}({arguments})\n")


@pytest.mark.parametrize(("method", "kind"), model.METHOD_SINKS.items())
def test_each_harm_by_a_method_is_seen_and_found(method: str, kind: str) -> None:
    arguments = "a, b, " * (method in model.METHOD_ARGUMENT) + ORIGIN
    call = f"Path({ORIGIN}).{method}()" if kind == "own_path" else f"x.{method}({arguments})"
    rule = model.RULES[kind.removeprefix("own_")][0]
    assert rule in rules_of(f"import jinja2, pathlib\n\ndef f(request):\n    {call}\n")


@pytest.mark.parametrize("name", [*sorted(model.RUNS), "os.execv", "os.spawnlp"])
def test_each_way_to_run_a_program_is_seen_and_found(name: str) -> None:
    line, called = _import_as(name)
    assert rules_of(f"{line}def f(request):\n    {called}({ORIGIN})\n") == {"command-injection"}


def test_yaml_is_seen_and_found() -> None:
    text = f"import yaml\ndef f(request):\n    yaml.load({ORIGIN})\n"
    assert rules_of(text) == {"unsafe-deserialization"}


@pytest.mark.parametrize(
    "source",
    [
        *(
            f"{owner}.{field}"
            for field in sorted(model.REQUEST_FIELDS)
            for owner in ("req", "self.request")
        ),
        *(f"flask.request.{field}" for field in sorted(model.REQUEST_FIELDS)),
        *(f"self.{call}('x')" for call in sorted(model.REQUEST_CALLS)),
        "r.args",
        "(request\n     .args)",
        "(request) . args",
    ],
)
def test_each_origin_on_the_network_is_seen_and_found(source: str) -> None:
    text = f"import flask\nfrom flask import request as r\ndef f(self, req):\n    eval({source})\n"
    assert rules_of(text) == {"code-injection"}


@pytest.mark.parametrize("verb", sorted(model.ROUTES))
def test_each_route_is_seen_and_found(verb: str) -> None:
    assert rules_of(f"@app.{verb}('/')\ndef f(x):\n    eval(x)\n") == {"code-injection"}
    page = f"import flask\n@app.{verb}('/')\ndef f(x):\n    return x\n"
    assert rules_of(page) == {"cross-site-scripting"}


@pytest.mark.parametrize(
    "source",
    ["input()", "sys.argv[1]", "sys.stdin.read()", "s.argv", "args[1]", "given.readline()"],
)
def test_each_origin_at_the_keyboard_is_seen_and_found(source: str) -> None:
    text = f"import sys, sys as s\nfrom sys import argv as args, stdin as given\neval({source})\n"
    assert rules_of(text) == {"local-input"}


@pytest.mark.parametrize("name", sorted(model.WEAK_CALLS))
def test_each_weak_number_is_seen_and_found(name: str) -> None:
    line, called = _import_as(name)
    assert rules_of(f"{line}token = {called}(x)\n") == {"weak-random"}
    assert rules_of(f"import os, random as r\ntoken = r.{name[7:]}(x)\n") == {"weak-random"}


@pytest.mark.parametrize(
    "secret",
    [
        *sorted(secret_names.WORDS),
        *sorted(secret_names.PAIRS),
        *(pair.upper() for pair in sorted(secret_names.PAIRS)),
        *(pair.title().replace("_", "") for pair in sorted(secret_names.PAIRS)),
    ],
)
def test_each_secret_is_seen_and_found(secret: str) -> None:
    assert rules_of(f"import random\n{secret} = random.random()\n") == {"weak-random"}


@pytest.mark.parametrize("name", sorted(weak_hashes.HASHED))
@pytest.mark.parametrize("call", ["hashlib.md5", "hashlib.sha1", "hashlib.new('md4')", "md5.new"])
def test_each_weak_hash_is_seen_and_found(name: str, call: str) -> None:
    expression = call if call.endswith(")") else f"{call}()"
    assert rules_of(f"{name} = {expression}\n") == {"weak-hash"}
    assert rules_of(f"def make{name.title()}():\n    return {expression}\n") == {"weak-hash"}


@pytest.mark.parametrize("method", ["execute", "executemany", "executescript", "raw", "read_sql"])
@pytest.mark.parametrize("before", ["", "(", "\n(", " \\\n"])
def test_each_query_is_seen_and_found(method: str, before: str) -> None:
    end = ")" * before.count("(")
    for query in ("'SELECT a FROM b WHERE c = ' + d", "f'SELECT a FROM b WHERE c = {d}'"):
        assert rules_of(f"(x.{method}({before}{query}{end}))\n") == {"sql-from-string"}


@pytest.mark.parametrize(
    "query", ['"a"', "'a', b", '"""a\nb"""', 'r"a"', '"a",', "\n    'it is', (a,)"]
)
def test_a_query_that_is_one_string_is_not_looked_at(query: str) -> None:
    assert not prefilter.may_query(f"x.execute({query})".encode())


@pytest.mark.parametrize("query", ['"a" "b" % c', '"a" % b', "a", '"a".format(b)', 'f"{a}"'])
def test_a_query_that_is_more_is_looked_at(query: str) -> None:
    assert prefilter.may_query(f"x.execute({query})".encode())


def _hits(text: str, *, looks: bool) -> set[tuple[str, int, int]]:
    index, content = index_text(text), text.encode()
    families = [rules for may_find, rules in FAMILIES if not looks or may_find(content)]
    problems = [problem for rules in families for problem in rules(index)]
    return {(problem.rule, problem.node.lineno, problem.node.col_offset) for problem in problems}


def _count_hits(texts: Iterable[str]) -> int:
    """Return how many hits the families have in texts; the look must lose none of them."""
    count = 0
    for text in texts:
        hits = _hits(text, looks=False)
        assert _hits(text, looks=True) == hits, text
        count += len(hits)
    return count


def test_the_look_loses_nothing_of_the_examples() -> None:
    texts = [example.content for example in examples() if example.language == "python_rules"]
    assert _count_hits(texts) > 50


def test_the_look_loses_nothing_of_real_code() -> None:
    folders = [Path(str(files(package))) for package in PACKAGES]
    paths = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    assert len(paths) > 200
    assert _count_hits(path.read_text(encoding="utf-8") for path in paths) > 0
