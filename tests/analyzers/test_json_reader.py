"""What is said of JSON is the same on every interpreter."""

from __future__ import annotations

import pytest

from kova.adapters.analyzers.syntax_readers.json_reader import check_json

_NAME = "Expecting property name enclosed in double quotes"


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('{"a": 1,}', (1, 8), "Illegal trailing comma before end of object"),
        ('{"a": 1 ,\n\n}', (1, 9), "Illegal trailing comma before end of object"),
        ('{"a": [1,\n ]}', (1, 9), "Illegal trailing comma before end of array"),
        ('{"a": 1,,}', (1, 9), _NAME),
        ("{1: 2}", (1, 2), _NAME),
        ('{"a": }', (1, 7), "Expecting value"),
        ("[1 2]", (1, 4), "Expecting ',' delimiter"),
        ('{"a": [1,}', (1, 10), "Expecting value"),
    ],
)
def test_an_error_is_named_at_its_place(text: str, place: tuple[int, int], message: str) -> None:
    (hit,) = check_json("a.json", text)
    assert (hit.rule, hit.start, hit.message) == (
        "invalid-json",
        place,
        f"This is not JSON: {message}.",
    )
