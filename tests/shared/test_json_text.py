"""JSON from outside is parsed in bounded memory and time."""

from __future__ import annotations

import tracemalloc

import pytest

from kova.shared.json_text import DEPTH_LIMIT, MOST_VALUES, parse_json

LONG = 5_000_000


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"{}," * MOST_VALUES + b"{}]",
        b"[" + b"0," * (MOST_VALUES + 1) + b"0]",
        b'{"a": "' + b"{" * (MOST_VALUES + 1) + b'"}',
        b"[" * (DEPTH_LIMIT + 1) + b"]" * (DEPTH_LIMIT + 1),
    ],
)
def test_too_many_values_are_refused_before_they_are_made(body: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(ValueError, match="too"):
        parse_json(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize("sign", [b"x", b"[", b'\\"', b"\\\\"])
def test_a_long_text_takes_its_own_size_a_few_times(sign: bytes) -> None:
    """The check of the depth took 120 times as much for one text."""
    number = 500_000 if sign == b"[" else LONG // len(sign)
    body = b'["' + b"[" * (DEPTH_LIMIT + 1) + sign * number + b'"]'
    tracemalloc.start()
    parse_json(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * len(body) + 1_000_000


def test_as_many_values_as_a_large_log_has_are_parsed() -> None:
    assert len(parse_json(b"[" + b"0," * (MOST_VALUES - 2) + b"0]")) == MOST_VALUES - 1
