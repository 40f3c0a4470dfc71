"""From bytes to characters, on lines of any length."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kova.adapters.analyzers.places import ByteColumns, Places

PIECES = st.lists(st.sampled_from(["a" * 997, "é" * 501, "\U0001f600" * 251, "x", "é"]), max_size=8)


@given(PIECES, st.lists(st.integers(-2, 9_000), max_size=20))
def test_characters_are_counted_as_by_reading_the_whole_line(
    pieces: list[str], offsets: list[int]
) -> None:
    line = "".join(pieces).encode()
    columns = ByteColumns(line)
    for offset in offsets:
        expected = len(line[: max(offset, 0)].decode("utf-8", "ignore"))
        assert columns.before(offset) == expected


def test_a_column_counts_no_end_of_a_line() -> None:
    places = Places("é\r\nab\n".encode())
    span = places.by_columns((1, 3), (2, 9))
    assert (span.start_column, span.end_column) == (2, 3)
    assert places.at(4) == (2, 1)
    assert places.by_columns((9, 1), (9, 5)).end_column == 1


def test_near_is_the_lines_less_what_is_far() -> None:
    places = Places(b"first\n" + b"x" * 10_000 + b"KEY" + b"y" * 10_000 + b"\nlast")
    near = places.near((2, 10_001), (2, 10_004))
    assert b"KEY" in near
    assert len(near) == 8_003
    assert places.near((1, 1), (1, 3)) == b"first\n"
