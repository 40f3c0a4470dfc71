"""docs/reliability.md names tests that are there, and the waits of the table in the code."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path
from typing import Final

from kova.shared.retry import RETRY_RULES, FailureKind

PAGE: Final = Path("docs/reliability.md")
ROWS: Final = {
    "another worker has the commit in hand": FailureKind.BUSY,
    "Postgres is away": FailureKind.DATABASE,
    "GitHub answers 5xx, or not at all": FailureKind.OUTAGE,
    "a rate limit of GitHub's": FailureKind.RATE_LIMIT,
    "401, or Kova's credentials are wrong": FailureKind.CREDENTIALS,
    "403: suspended, or a permission lacks": FailureKind.FORBIDDEN,
    "404, 409, 422: GitHub does not know the commit yet": FailureKind.NOT_YET,
    "GitHub shows a branch as it was before a push": FailureKind.STALE,
    "a fault of Kova's own": FailureKind.FAULT,
}
LASTS: Final = {
    "until it ends": None,
    "as long as it takes": None,
    "24 hours": timedelta(hours=24),
    "2 hours": timedelta(hours=2),
    "1 hour": timedelta(hours=1),
    "20 minutes": timedelta(minutes=20),
}


def test_every_test_that_the_page_names_is_there() -> None:
    names = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", PAGE.read_text())
    assert len(names) > 20
    for file, name in names:
        functions = {
            node.name
            for node in ast.walk(ast.parse(Path(file).read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in functions, f"{file} has no {name}"


def test_the_waits_are_those_of_the_code() -> None:
    rows = {
        cells[1].strip(): [cell.strip() for cell in cells[2:5]]
        for line in PAGE.read_text().splitlines()
        if len(cells := line.split("|")) == 6
    }
    assert set(RETRY_RULES) - set(ROWS.values()) == {FailureKind.FINAL}
    for text, kind in ROWS.items():
        first, longest, lasts = rows[text]
        rule = RETRY_RULES[kind]
        assert f"{rule.first} s" in first
        assert LASTS[lasts] == rule.lasts
        if kind is not FailureKind.RATE_LIMIT:
            assert longest == f"{rule.longest // 60} min"
