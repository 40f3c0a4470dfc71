"""What pages make of a browser's name and of the reason of a rejection."""

from __future__ import annotations

import pytest

from kova.fixes.fix import Step
from kova.web.dashboard.browser import browser_name
from kova.web.dashboard.filters import rejection
from kova.web.dashboard.words import FAILED_STEPS

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/140.0 Safari/537.36", "Chrome on Linux"),
        (
            f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.1; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on macOS",
        ),
        (
            f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) {WEBKIT} Version/18.0 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("Firefox/140.0", "Firefox"),
        ("curl/8.9.1", "curl/8.9.1"),
    ],
)
def test_a_browser_has_the_name_that_people_use(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


def test_each_step_of_a_proof_has_words_for_its_failure() -> None:
    assert set(FAILED_STEPS) == set(Step)


def test_a_rejection_begins_with_words_and_keeps_its_detail() -> None:
    text = "no_new_findings: F821 undefined name: stauts"
    assert rejection(text) == "a new error appears: F821 undefined name: stauts"
    assert rejection("the model gave no patch") == "the model gave no patch"
