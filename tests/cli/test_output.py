"""What is printed is shown as it is: no markup, and nothing that a terminal obeys."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.table import Table

from kova.shared.text import visible
from kova_server.cli.output import console

WORDS = st.text(st.characters(exclude_categories=("Cs", "Zs", "Mn", "Me")), min_size=1, max_size=20)


@given(WORDS)
@example("[red]x[/red]")
@example("[/]")
@example("\x1b[31m")
@example("a:warning:b")
@example("\\[b]")
def test_a_text_from_outside_is_shown_as_it_is(word: str) -> None:
    opened = console()
    opened.file = io.StringIO()
    opened.width = 500
    table = Table("name", box=None)
    table.add_row(word)
    opened.print(table)
    opened.print(word)
    lines = [line.strip() for line in opened.file.getvalue().splitlines()]
    assert lines == ["name", visible(word).strip(), visible(word).strip()]


def test_names_of_keys_are_such_texts(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("prefix", box=None)
    table.add_row("[red]x[/red] [/]")
    console().print(table)
    assert "[red]x[/red] [/]" in capsys.readouterr().out
