"""Characters that nobody sees, or that turn text around, are shown by their codes."""

from __future__ import annotations

import time
import unicodedata

import pytest

from kova.shared.text import reveal

REVEALED = {
    "a right-to-left override": ("invoice\u202egnp.exe", "invoice[U+202E]gnp.exe"),
    "an isolate": ("\u2066admin\u2069", "[U+2066]admin[U+2069]"),
    "a mark of direction": ("a\u200fb\u200ec\u061cd", "a[U+200F]b[U+200E]c[U+061C]d"),
    "a space of no width": ("octo\u200b/sample", "octo[U+200B]/sample"),
    "a joiner between letters": ("ad\u200dmin ad\u200cmin", "ad[U+200D]min ad[U+200C]min"),
    "a word joiner": ("a\u2060b\ufeffc\u00add", "a[U+2060]b[U+FEFF]c[U+00AD]d"),
    "a hidden tag": ("a\U000e0041b", "a[U+E0041]b"),
    "a variation without a symbol": ("a\ufe0fb\U000e0100", "a[U+FE0F]b[U+E0100]"),
    "a filler that shows nothing": ("a\u3164b\u115fc\uffa0", "a[U+3164]b[U+115F]c[U+FFA0]"),
    "a terminal's command": ("\x1b[31mred\x7f\x9b", "[U+001B][31mred[U+007F][U+009B]"),
    "another line's end": ("a\u2028b\u2029c\x0bd", "a[U+2028]b[U+2029]c[U+000B]d"),
    "what cannot be stored": ("a\x00b\ud800", "a\ufffdb\ufffd"),
}


@pytest.mark.parametrize("name", REVEALED)
def test_what_hides_is_shown_by_its_code(name: str) -> None:
    text, shown = REVEALED[name]
    assert reveal(text) == shown
    assert reveal(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain text, with\ttabs\nand\r\nlines",
        "Zoë Müller — «ça va»",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner.
        "\u0915\u094d\u200d\u0937",  # Devanagari, with a joiner.
        "\u05e9\u05dc\u05d5\u05dd 123",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # One family of three.
        "\u2764\ufe0f\u200d\U0001f525 1\ufe0f\u20e3 \u26a0\ufe0e",
        "\uff37ide, Z\u0301, \u4e2d\u6587, \ud55c\uae00",
    ],
)
def test_what_people_write_stays(text: str) -> None:
    assert reveal(text) == text


def test_nothing_is_left_of_what_unicode_calls_a_format_character() -> None:
    # These stand around a number and are seen.
    seen = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    for number in range(0x110000):
        character = chr(number)
        # Egyptian and other joiners of scripts are seen by what they do.
        if unicodedata.category(character) != "Cf" or number in seen or 0x13430 <= number < 0x13440:
            continue
        assert reveal(f"a{character}b") == f"a[U+{number:04X}]b"


def test_a_long_text_is_read_once() -> None:
    started = time.process_time()
    reveal("\u202e\u200d" * 200_000)
    assert time.process_time() - started < 5
