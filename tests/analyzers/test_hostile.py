"""Trees that are made to break a scan: it ends, in bounds, and says what it did not read."""

from __future__ import annotations

from pathlib import Path

import pytest

from kova.adapters.analyzers.process import ProcessLimits
from kova.adapters.analyzers.program import ProgramAnalyzer
from kova.analysis.limits import MOST_FINDINGS_TOGETHER
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers
from tests.analyzers.conftest import make_token, write

GOOD = {
    "good.py": b"def f(x):\n    return x is 'a'\n",
    "good.js": b"export const f = (x) => x === NaN;\n",
    "good.yml": b"a: [1\n",
    "good.sh": b'#!/bin/sh\nrm -rf "$X/"*\n',
}
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"{new}: &{new} [{','.join(['*' + old] * 9)}]\n".encode()
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "deep.json": b"[" * 100_000 + b"]" * 100_000,
    "deep.yml": b"[" * 100_000 + b"]" * 100_000,
    "deep.toml": b"a = " + b"[" * 20_000 + b"]" * 20_000,
    "bomb.yml": BOMB,
    "deep.py": b"from flask import request\nx = eval(" + b"-" * 50_000 + b"request.args)\n",
    "chain.py": b"import random\ntoken = " + b" + ".join([b"random.random()"] * 6_000) + b"\n",
    "deep.js": b"(" * 20_000 + b")" * 20_000,
    "line.js": b"var a=" + b"[0]," * 200_000 + b"1;",
    "binary.py": bytes(range(256)) * 100,
    "latin.yml": b"a: \xe9\n",
    "control.yml": b"a: \x01\n",
    "nan.json": b'{"a": NaN, "b": Infinity}',
    "quotes.sh": b'"' * 50_001,
    "deep.sh": b"$(" * 3_000 + b")" * 3_000,
    "Dockerfile": b"FROM a\nRUN " + b"\\\n" * 20_000 + b"x\n",
    ".github/workflows/deep.yml": b"on: push\njobs: " + b"{a: " * 500 + b"1" + b"}" * 500,
    ".github/workflows/odd.yml": b"on: [push]\njobs: 3\n",
    # A tool that redacts each part of these everywhere redacts its own answer.
    "letters.py": f'TOKEN = "{make_token()}"\n'.encode()
    + b"".join(
        b'u = "postgres://%c:swordfish1@%c/d"\n' % (character, character)
        for character in b"kmh0123456789"
    ),
    # A tool that decodes what it reads counts columns of what it decoded.
    "escaped.txt": b'"user": {\n"data": {\n"host": "\\u0e42\\u0e2e\\u0e2a\\u0e15\\u0e4c",\n'
    b'"password": "\\u0e23\\u0e2b\\u0e31\\u0e2a\\u0e1c\\u0e48\\u0e32\\u0e19"\n},\n'
    + make_token().encode(),
    "-rf.json": b"{",
    "@x.js": b"debugger;",
    "sp ace/\xc3\xa9.py".encode("latin-1").decode(): b"x is 'a'\n",
}


@pytest.fixture(scope="module")
def analyze() -> AnalyzeTree:
    analyzers = local_analyzers()
    for analyzer in analyzers:
        assert isinstance(analyzer, ProgramAnalyzer)
        analyzer._limits = ProcessLimits(seconds=6)  # A batch and its halves: twice this a tool.
    return AnalyzeTree(analyzers)


def test_hostile_files_hide_nothing_of_their_neighbours(
    analyze: AnalyzeTree, tmp_path: Path
) -> None:
    analysis = analyze.analyze(tmp_path, write(tmp_path, GOOD | HOSTILE))
    flagged = {(finding.path, finding.rule_id) for finding in analysis.findings}
    assert flagged >= {
        ("good.py", "F632"),
        ("good.js", "eslint/use-isnan"),
        ("good.yml", "invalid-yaml"),
        ("good.sh", "SC2115"),
        ("-rf.json", "invalid-json"),
        ("@x.js", "eslint/no-debugger"),
        ("escaped.txt", "github-pat"),
        ("letters.py", "github-pat"),
        ("letters.py", "generic-credential-uri"),
    }
    unread = {file.path: file.reason for file in analysis.skipped}
    told_unread = {(file.path, file.reason) for file in analysis.skipped}
    assert unread["binary.py"] == unread["latin.yml"] == "not_utf8"
    assert unread["deep.json"] == "syntax_unreadable_input"
    assert unread["line.js"] == "oxlint_minified"
    assert ("chain.py", "kova_unreadable_input") in told_unread
    assert ("deep.py", "kova_unreadable_input") in told_unread
    assert unread[".github/workflows/odd.yml"] == "zizmor_unreadable_input"
    assert not [file for file in analysis.skipped if file.path in GOOD]
    assert not [
        finding for finding in analysis.findings if finding.path in {"bomb.yml", "nan.json"}
    ]


def test_many_files_that_nest_too_deeply_hide_no_neighbour(
    analyze: AnalyzeTree, tmp_path: Path
) -> None:
    """More of them than an analyser is started again for."""
    pairs = {f"f{number:03}": (b"[" * 12_000, b'{"a": 1, "a": 2}') for number in range(450)}
    files = {
        f"{name}{kind}.json": text
        for name, both in pairs.items()
        for kind, text in zip("ab", both, strict=True)
    }
    analysis = analyze.analyze(tmp_path, write(tmp_path, files))
    assert len(analysis.findings) == 450
    assert {skip.reason for skip in analysis.skipped} == {"syntax_unreadable_input"}
    assert len(analysis.skipped) == 450


def test_the_files_with_the_most_findings_are_skipped_whatever_their_batch(
    analyze: AnalyzeTree, tmp_path: Path
) -> None:
    files = {"a.js": b"debugger;\n", **{f"b{number:03}.js": b"\n" for number in range(999)}}
    crowded = MOST_FINDINGS_TOGETHER // 1_000
    files |= {f"z{number:02}.js": b"debugger;\n" * 1_000 for number in range(crowded)}
    analysis = analyze.analyze(tmp_path, write(tmp_path, files))
    (skipped,) = analysis.skipped
    assert (skipped.path[0], skipped.reason) == ("z", "oxlint_too_many_findings")
    assert "a.js" in {finding.path for finding in analysis.findings}
