"""The answer to a question arrives in the page piece by piece, and says so when it breaks off."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kova_fakes.models.script import ModelReply
from tests.browser.conftest import Site
from tests.browser.judging import judge

if TYPE_CHECKING:
    from playwright.sync_api import Page

REPOSITORY, PATH = "octo/asked", "net/retry.py"
CODE = b"def retry(call):\n    while True:\n        call()\n"
QUOTE = {"path": PATH, "start_line": 2, "end_line": 2, "quote": "while True:"}
WRONG = {**QUOTE, "quote": "while False:"}


def answer(*lines: str, citations: tuple[object, ...] = ()) -> str:
    return json.dumps({"answer": "\n".join(lines), "citations": list(citations)})


@pytest.fixture(scope="module")
def repository(whole_site: Site) -> str:
    whole_site.kova.github.state.create_repository(REPOSITORY, files={PATH: CODE})
    return REPOSITORY


def ask(site: Site, question: str, **fields: str) -> Page:
    page = site.open("/ui/ask")
    page.get_by_label("Question").fill(question)
    for label, text in fields.items():
        page.get_by_label(re.compile(label, re.IGNORECASE)).fill(text)
    page.get_by_role("button", name="Ask", exact=True).click()
    return page


def test_an_answer_is_shown_while_it_arrives_and_its_sources_at_the_end(
    site: Site, repository: str, tmp_path: Path
) -> None:
    lines = [f"Line {number} of an answer that takes its time." for number in range(30)]
    text = answer(*lines, "<img src=x onerror=alert(1)>", citations=(QUOTE, WRONG))
    site.openai.script.then(ModelReply(text=text, pieces_seconds=0.05))
    page = ask(site, "Why does it never end?", repository=repository, path=PATH)
    live = page.locator("[data-live-answer]")
    live.get_by_text("Line 0 of an answer").wait_for()
    early = live.locator("[data-text]").inner_text()
    assert "Line 29" not in early
    assert page.get_by_text("Lines that it rests on").count() == 0
    assert page.get_by_text("Asking. This may take half a minute.").is_visible()
    page.get_by_text("Lines that it rests on").wait_for(timeout=30_000)
    assert live.is_hidden()
    final = page.locator("[data-answered]")
    assert "Line 29 of an answer" in final.inner_text()
    assert final.get_by_text(f"{PATH}:2\u20132").count() == 1
    assert final.get_by_text("1 citation did not match the files").count() == 1
    assert re.search(r"\$\d", final.inner_text())
    assert page.get_by_text("Asking.").is_hidden()
    page.wait_for_url("**/ui/ask/*-*")
    judge(page, "answered", tmp_path)
    page.reload()
    assert "Line 29 of an answer" in page.locator("[data-answered]").inner_text()


def test_an_answer_that_breaks_off_says_so_and_is_asked_again(
    site: Site, repository: str, tmp_path: Path
) -> None:
    lines = [f"Half of it, line {number}." for number in range(20)]
    usual = site.openai.script.always
    site.openai.script.always = ModelReply(kind="cut", text=answer(*lines), pieces_seconds=0.01)
    page = ask(site, "What breaks off?", repository=repository, path=PATH)
    alert = page.locator("[data-problem]")
    alert.wait_for(timeout=30_000)
    assert "broke off" in alert.inner_text()
    judge(page, "answer-cut", tmp_path)
    site.openai.script.always = usual
    site.openai.script.then(ModelReply(text=answer("Now it is whole.")))
    page.get_by_role("button", name="Ask again").click()
    page.locator("[data-answered]").get_by_text("Now it is whole.").wait_for(timeout=30_000)
    assert alert.is_hidden()


def test_a_connection_that_is_lost_says_so(site: Site, repository: str) -> None:
    page = site.open("/ui/ask")
    page.route(
        "**/ui/ask",
        lambda route: route.fulfill(
            status=200,
            content_type="text/event-stream",
            body='event: delta\ndata: {"text": "Only the begin"}\n\nevent: del',
        ),
    )
    page.get_by_label("Question").fill("Who hangs up?")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_text("The answer broke off on its way.").wait_for()
    assert page.locator("[data-text]").inner_text() == "Only the begin"
    page.unroute("**/ui/ask")
    site.openai.script.then(ModelReply(text=answer("Somebody answers.")))
    page.get_by_role("button", name="Ask again").click()
    page.locator("[data-answered]").get_by_text("Somebody answers.").wait_for(timeout=30_000)


def test_an_answer_that_comes_all_at_once_is_shown_like_any_other(site: Site) -> None:
    """As behind API Gateway, which sends a whole answer at its end."""
    page = site.open("/ui/ask")
    events = [
        'event: delta\ndata: {"text": "All at once."}\n\n',
        'event: answer\ndata: {"html": "<p>All at once.</p>", "address": "/ui/ask/x-y"}\n\n',
    ]
    page.route(
        "**/ui/ask",
        lambda route: route.fulfill(
            status=200, content_type="text/event-stream", body="".join(events)
        ),
    )
    page.get_by_label("Question").fill("How?")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator("[data-answered] p").get_by_text("All at once.").wait_for()


def test_what_cannot_be_asked_says_why(site: Site) -> None:
    page = site.open("/ui/ask")
    complaints = len(site.complaints)
    page.get_by_label("Question").fill("Why?")
    page.get_by_label("Repository").fill("no name")
    page.get_by_role("button", name="Ask", exact=True).click()
    page.locator("[data-problem]").get_by_text("owner/name").wait_for()
    assert page.get_by_role("button", name="Ask again").is_visible()
    # The browser notes the answer 400 in its console.
    assert all("400" in text for text in site.complaints[complaints:])
    del site.complaints[complaints:]


def test_without_scripts_the_answer_is_a_page(site: Site) -> None:
    site.openai.script.then(ModelReply(text=answer("As it always was.")))
    page = site.open("/ui/ask", scripts=False)
    page.get_by_label("Question").fill("How was it?")
    page.get_by_role("button", name="Ask", exact=True).click()
    assert page.get_by_text("As it always was.").count() == 1
