"""The name around a line, in files of any shape."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kova.analysis.scope import Scopes


def name_by_walking_up(lines: list[str], line: int) -> str:
    """Return the names around a line as a reader finds them: upwards, each indented less."""
    names: list[str] = []
    indent = len(lines[line - 1]) - len(lines[line - 1].lstrip())
    if "def" in lines[line - 1]:
        indent += 1
    for number in range(line, 0, -1):
        text = lines[number - 1]
        depth = len(text) - len(text.lstrip())
        if "def" in text and depth < indent:
            names.append(text.split()[1].split("(")[0])
            indent = depth
    return ".".join(reversed(names))


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=60))
def test_the_innermost_definition_that_is_indented_less(rows: list[tuple[int, bool]]) -> None:
    lines = [
        " " * depth + (f"def f{number}():" if defines else "x")
        for number, (depth, defines) in enumerate(rows)
    ]
    scopes = Scopes(lines)
    for line in range(1, len(lines) + 1):
        assert scopes.around(line) == name_by_walking_up(lines, line)
