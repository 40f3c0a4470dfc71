"""Edits leave every other byte alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.analysis.finding import Span, TextEdit
from kova.analysis.source_text import EditError, decode


def edit(line: int, start: int, end: int, content: str) -> TextEdit:
    span = Span(start_line=line, start_column=start, end_line=line, end_column=end)
    return TextEdit(span=span, content=content)


@given(st.text().filter(lambda text: "\0" not in text))
def test_decoding_and_encoding_give_the_same_bytes(text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    source = decode(content)
    assert source is None or source.encode() == content
    assert source is None or "".join(source.raw_lines) == source.text


def test_line_ends_and_the_byte_order_mark_are_kept() -> None:
    source = decode(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n")
    assert source is not None
    assert source.apply([edit(2, 1, 6, "c\nd")]).encode() == b"\xef\xbb\xbfa = 1\r\nc\r\nd\r\n"


def test_columns_count_characters_and_form_feeds_are_no_line_ends() -> None:
    source = decode("é = '\f\u2028'; x is 1\n".encode())
    assert source is not None
    column = source.text.index("is") + 1
    assert source.apply([edit(1, column, column + 2, "==")]).text.endswith("x == 1\n")


@pytest.mark.parametrize(
    "edits",
    [
        [edit(1, 1, 4, "x"), edit(1, 3, 5, "y")],
        [edit(9, 1, 1, "x")],
        [edit(1, 90, 95, "x")],
        [edit(1, 4, 2, "x")],
    ],
)
def test_edits_that_do_not_fit_are_refused(edits: list[TextEdit]) -> None:
    source = decode(b"abcdef\n")
    assert source is not None
    with pytest.raises(EditError):
        source.apply(edits)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a\0b", b"caf\xe9"])
def test_what_is_not_utf8_text_is_not_decoded(content: bytes) -> None:
    assert decode(content) is None
