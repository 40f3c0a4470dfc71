"""What a model says does nothing where it is posted but be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.commands.comment import parse_comment
from kova.shared.quiet_text import quiet

BREAK = "\u200b"
MENTION = re.compile(r"@[A-Za-z0-9]")
ISSUE = re.compile(r"#[0-9]|\bGH-[0-9]|/(issues|pull|discussions|commit)/[A-Za-z0-9]")
COMMAND = re.compile(r"^[ \t>*+-]{0,20}([/!][A-Za-z]|(bors|retest|merge)\b)", re.MULTILINE)
PICTURE = re.compile(r"!\[|<(img|svg|iframe)\b")
UNQUIET = (MENTION, ISSUE, COMMAND, PICTURE)


@pytest.mark.parametrize(
    "text",
    [
        "@octocat and b@c.de",
        "@org/team",
        "see #12, octo/other#7 and GH-3",
        "https://github.com/octo/other/issues/7",
        "https://github.com/octo/other/pull/7#issuecomment-1",
        "octo/other@0123456789abcdef0123456789abcdef01234567",
        "/kova fix",
        "  /merge",
        "fine.\n/approve\n> /lgtm\n- /hold",
        "bors r+",
        "Retest this please",
        "!build",
        "![x](https://evil.example/?q=1)",
        "<img src=https://evil.example>",
        "<IMG src=x>",
        "<svg onload=x>",
    ],
)
def test_it_notifies_links_loads_and_commands_nothing(text: str) -> None:
    assert any(pattern.search(text) or pattern.search(text.lower()) for pattern in UNQUIET)
    quieted = quiet(text)
    assert not any(pattern.search(quieted) for pattern in UNQUIET)
    assert quieted.replace(BREAK, "") == text


@pytest.mark.parametrize(
    "text",
    [
        "A plain answer: it is `x == 1`.",
        "```js\n// a comment\nreturn 1 / 2\n```",
        "# A heading\n\n- a point\n- 3 / 4",
        "It merges #!/bin/sh and a@ b # 5.",
    ],
)
def test_what_is_plain_stays(text: str) -> None:
    assert quiet(text) == text


@given(st.text(alphabet="@#/!<[a1GH-\n >*kova", max_size=60))
def test_nothing_slips_through(text: str) -> None:
    quieted = quiet(text)
    assert not any(pattern.search(quieted) for pattern in UNQUIET)
    assert parse_comment(quieted) is None
