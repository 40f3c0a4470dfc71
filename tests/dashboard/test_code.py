"""What pages make of a model's answer, and what they keep of what strangers ask for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kova.models.markup import escape_markup
from kova.web import setup_pages, static_pages
from kova.web.dashboard import assets
from kova.web.dashboard.assets import asset_address
from kova.web.dashboard.code import answer_blocks
from tests.dashboard.conftest import House


@pytest.mark.parametrize(
    "text", ["List<String> and a &lt; b; &amp; <div>", "`a &lt; b` and <b>", "one ` and <b>"]
)
def test_an_answer_reads_as_the_model_wrote_it(text: str) -> None:
    """Templates escape it again."""
    assert [block.text for block in answer_blocks(escape_markup(text))] == [text]


def test_code_of_an_answer_is_shown_as_it_is() -> None:
    output = escape_markup("Use:\n\n```java\nList<String> a = &lt;\n```\n\nor `Map<K>`.")
    first, code, last = answer_blocks(output)
    assert (code.text, code.code) == ("List<String> a = &lt;", True)
    assert (first.text, last.text) == ("Use:", "or `Map<K>`.")


@pytest.mark.parametrize(
    ("read", "cached"),
    [
        (lambda name: assets.read_asset("0" * 16, name), assets._read),
        (lambda name: assets.read_asset(name, "kova.css"), assets._read),
        (setup_pages.setup_asset, setup_pages._read_asset),
        (static_pages.static_page, static_pages._read),
    ],
)
def test_what_does_not_exist_leaves_nothing_behind(
    read: Callable[[str], object], cached: Callable[..., object]
) -> None:
    before = cached.cache_info().currsize  # type: ignore[attr-defined]
    assert {read(f"{number}x") for number in range(100)} == {None}
    assert cached.cache_info().currsize == before  # type: ignore[attr-defined]
    assert not hasattr(read, "cache_info")


async def test_files_have_addresses_of_their_content_and_are_kept(house: House) -> None:
    for name in ("kova.css", "kova.js", "icon.svg"):
        answer = await house.client.get(asset_address(name))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
