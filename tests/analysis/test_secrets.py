"""No finding repeats a secret, however many there are and however they overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kova.analysis.finding import Span
from kova.analysis.fingerprint import HIDDEN
from kova.analysis.secrets import MASK, hide_secrets, mask_secrets
from tests.support.findings import finding

LINES = ["abcdefghij", "klmnopqrst", "uvwxyzABCD"]
PLACES = st.tuples(st.integers(1, 3), st.integers(1, 11))


def span(start: tuple[int, int], end: tuple[int, int]) -> Span:
    return Span(start_line=start[0], start_column=start[1], end_line=end[0], end_column=end[1])


def characters(of: Span) -> set[str]:
    """Return the characters of a span: each stands once in LINES."""
    return {
        character
        for number, line in enumerate(LINES, start=1)
        for column, character in enumerate(line, start=1)
        if (of.start_line, of.start_column) <= (number, column) < (of.end_line, of.end_column)
    }


@given(st.lists(st.tuples(PLACES, PLACES).map(sorted), min_size=1, max_size=6))
def test_every_character_of_a_secret_is_hidden_and_no_other(
    places: list[list[tuple[int, int]]],
) -> None:
    spans = [span(*place) for place in places]
    secrets = [finding(span=of, match="hash") for of in spans]
    secret = set().union(*map(characters, spans))
    hidden = hide_secrets(secrets, LINES)
    assert [len(line) for line in hidden] == [10, 10, 10]
    assert set("".join(hidden)) - {HIDDEN} == set("".join(LINES)) - secret
    whole = finding(span=span((1, 1), (3, 11)), rule_id="R2")
    (*_, masked) = mask_secrets([*secrets, whole], LINES)
    assert secret.isdisjoint(masked.snippet)
    assert masked.match is not None or not secret


def test_a_secret_is_masked_where_it_stands_again() -> None:
    lines = ["x = 'hunter22'", "print('hunter22')"]
    secret = finding(span=span((1, 6), (1, 14)), match="hash")
    again = finding(span=span((2, 1), (2, 18)), message="Prints 'hunter22'.")
    _, masked = mask_secrets([secret, again], lines)
    assert masked.message == f"Prints '{MASK}'."
    assert masked.snippet == f"print('{MASK}')"


def test_a_secret_far_into_its_line_is_masked_where_it_stands_again() -> None:
    lines = ["-----BEGIN", " " * 3_000 + "hunter22", "-----END", "print('hunter22')"]
    secret = finding(span=span((1, 1), (3, 9)), match="hash")
    (_, masked) = mask_secrets([secret, finding(span=span((4, 1), (4, 18)))], lines)
    assert "hunter22" not in masked.snippet


def test_a_file_of_hundreds_of_secrets_repeats_no_text() -> None:
    lines = [f"word{number:04}" for number in range(400)]
    secrets = [finding(span=span((line, 1), (line, 9)), match="h") for line in range(1, 401)]
    clear = finding(span=span((1, 1), (1, 2)), message="It says word0001.")
    masked = mask_secrets([*secrets, clear], [*lines, "x"])
    assert {flagged.snippet for flagged in masked} == {MASK}
    assert "word0001" not in masked[-1].message
    assert masked[0].message == secrets[0].message
