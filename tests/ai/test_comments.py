"""Commands in comments: who may give them, and one reply that is edited in place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from kova.domain.comment import CommentJob, Verb, parse_comment, quiet
from kova.domain.errors import MalformedMessageError
from kova.domain.job import decode_command_message, encode_comment_job
from kova_fakes.anthropic.server import FakeAnthropic
from kova_fakes.models.script import Reply
from kova_fakes.openai.server import FakeOpenAI
from tests.queues import depth
from tests.server.conftest import Kova, shared

NAME = "octo/sample"


@pytest.fixture(scope="module")
def product(
    tmp_path_factory: pytest.TempPathFactory,
    openai_server: FakeOpenAI,
    anthropic_server: FakeAnthropic,
) -> Iterator[Kova]:
    settings = {
        "OPENAI_API_KEY": openai_server.script.api_key,
        "OPENAI_BASE_URL": openai_server.url,
        "ANTHROPIC_API_KEY": anthropic_server.script.api_key,
        "ANTHROPIC_BASE_URL": anthropic_server.url,
    }
    with shared(tmp_path_factory.mktemp("comments"), **settings) as kova:
        yield kova


@pytest.fixture
def kova(product: Kova, gpt: FakeOpenAI, claude: FakeAnthropic) -> Kova:
    """The product with one repository and one pull request; models that were asked nothing."""
    product.reset()
    state = product.github.state
    state.create_repository(NAME, files={"a.py": b"x = 1\n"})
    state.push(NAME, {"a.py": b"x = 2\n"}, branch="topic")
    state.open_pull(NAME, head="topic", base="main", title="Two")
    return product


def comment(kova: Kova, body: str, guid: str | None = None, **more: Any) -> dict[str, Any]:
    payload = kova.github.comment_event(NAME, 1, body, **more)
    send(kova, payload, guid)
    return payload


def send(kova: Kova, payload: dict[str, Any], guid: str | None = None) -> str:
    url = f"{kova.address}/webhooks/github"
    answer = kova.github.deliver(url, "issue_comment", payload, guid)
    assert answer.status_code == 202, answer.text
    status: str = answer.json()["status"]
    return status


def replies(kova: Kova) -> list[str]:
    comments = kova.github.state.repository(NAME).comments
    return [one["body"] for one in comments if one["user"]["login"] == "kova[bot]"]


def reply(kova: Kova, count: int = 1, seconds: float = 30) -> list[str]:
    """Wait until the queue is empty and return what was replied."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = replies(kova)
        if len(found) >= count and not depth(kova.environment["KOVA_COMMAND_QUEUE_URL"]):
            return found
        time.sleep(0.05)
    raise AssertionError((kova.folder / "worker.log").read_text()[-3_000:])


def test_a_question_is_answered_in_one_reply_and_a_redelivery_changes_nothing(
    kova: Kova, gpt: FakeOpenAI
) -> None:
    gpt.script.always = Reply(text='{"answer": "Ask @octocat <b>now</b>.", "citations": []}')
    payload = comment(kova, "/kova ask why is x two?", guid="11111111-1111-4111-8111-111111111111")
    (told,) = reply(kova)
    assert "Ask @\u200boctocat &lt;b>now&lt;/b>." in told
    assert "I am on it" not in told
    send(kova, payload, "11111111-1111-4111-8111-111111111111")
    assert reply(kova) == [told]
    assert gpt.script.count("/responses") == 1
    (row,) = kova.all("/ai/commands")
    assert (row["outcome"], row["repository"]) == ("ok", NAME)


def test_somebody_who_cannot_write_is_refused_politely_and_costs_nothing(
    kova: Kova, gpt: FakeOpenAI
) -> None:
    comment(kova, "/kova ask what?", user="reader")
    (told,) = reply(kova)
    assert told.startswith("Sorry")
    assert gpt.script.calls == []
    asked = [one.path for one in kova.github.state.requests]
    assert f"/repos/{NAME}/collaborators/reader/permission" in asked


def test_a_review_lists_findings_at_changed_lines(kova: Kova, claude: FakeAnthropic) -> None:
    comment(kova, "/kova review")
    (told,) = reply(kova)
    assert "**low** `a.py:1` Look at this line once more." in told
    assert claude.script.count("/messages") == 1


def test_a_refusal_of_the_model_is_told(kova: Kova, gpt: FakeOpenAI) -> None:
    gpt.script.always = Reply(kind="refusal")
    comment(kova, "/kova explain")
    (told,) = reply(kova)
    assert told.startswith("I could not answer: The model refuses")


def test_a_scan_is_queued_and_done(kova: Kova) -> None:
    comment(kova, "/kova scan")
    (told,) = reply(kova)
    (scan,) = kova.finished(1)
    assert scan["id"] in told
    assert scan["status"] == "succeeded", scan["failure"]


def test_an_unknown_verb_is_answered_with_what_there_is(kova: Kova) -> None:
    comment(kova, "/kova dance")
    (told,) = reply(kova)
    assert "/kova review" in told


def test_other_comments_are_none_of_our_business(kova: Kova) -> None:
    payload = kova.github.comment_event(NAME, 1, "thanks, /kova is nice")
    assert send(kova, payload) == "ignored"
    edited = kova.github.comment_event(NAME, 1, "/kova scan") | {"action": "edited"}
    assert send(kova, edited) == "ignored"
    bot = kova.github.comment_event(NAME, 1, "/kova scan", user="dependabot[bot]")
    assert send(kova, bot) == "ignored"
    assert replies(kova) == []


@pytest.mark.parametrize(
    ("body", "asked"),
    [
        ("/kova scan", (Verb.SCAN, "")),
        ("  \n/kova ask why?\nmore", (Verb.ASK, "why?\nmore")),
        ("/kova ASK why", (Verb.ASK, "why")),
        ("/kova", (Verb.HELP, "")),
        ("/kova 123", (Verb.HELP, "123")),
        ("/kovascan", None),
        ("hello /kova scan", None),
        ("> /kova scan", None),
        ("", None),
    ],
)
def test_only_a_comment_that_begins_with_it_is_a_command(
    body: str, asked: tuple[Verb, str] | None
) -> None:
    assert parse_comment(body) == asked


def test_a_comment_job_survives_its_message_and_others_are_refused() -> None:
    job = CommentJob(
        repository=NAME,
        installation_id=None,
        number=1,
        pull_request=True,
        comment_id=7,
        author="writer",
        verb=Verb.ASK,
        argument="why?",
    )
    assert decode_command_message(encode_comment_job(job)) == job
    for bad in ('"number":1', '"verb":"ask"', '"repository":"octo/sample"'):
        broken = encode_comment_job(job).replace(bad, bad.partition(":")[0] + ":true")
        with pytest.raises(MalformedMessageError):
            decode_command_message(broken)


def test_a_reply_notifies_nobody() -> None:
    assert quiet("@a and b@c.de") == "@\u200ba and b@\u200bc.de"
