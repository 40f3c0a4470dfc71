"""Commands in comments: who may give them, and one reply that is edited in place."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kova.bootstrap.core import Core
from kova.bootstrap.settings import load_settings
from kova.bootstrap.workers.command_worker import handle_command_job
from kova.commands.comment import CommentJob, Verb, parse_comment
from kova.commands.message import decode_command_message, encode_comment_job
from kova.shared.exceptions import MalformedMessageError
from kova.shared.retry import Retry
from kova.shared.run_job import Done
from kova_fakes.anthropic.server import FakeAnthropic
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.comments import NAME, list_replies, post_comment, send, wait_for_replies
from tests.server.conftest import Kova

JOB = CommentJob(
    repository=NAME,
    installation_id=None,
    number=1,
    pull_request=True,
    comment_id=7,
    author="writer",
    verb=Verb.ASK,
    argument="why?",
)


def test_a_question_is_answered_in_one_reply_and_a_redelivery_changes_nothing(
    kova: Kova, gpt: FakeOpenAI
) -> None:
    gpt.script.always = ModelReply(text='{"answer": "Ask @octocat <b>now</b>.", "citations": []}')
    payload = post_comment(
        kova, "/kova ask why is x two?", guid="11111111-1111-4111-8111-111111111111"
    )
    (answer,) = wait_for_replies(kova)
    assert "Ask @\u200boctocat &lt;b>now&lt;/b>." in answer
    assert "I am on it" not in answer
    send(kova, payload, "11111111-1111-4111-8111-111111111111")
    assert wait_for_replies(kova) == [answer]
    assert gpt.script.count("/responses") == 1
    (row,) = kova.all("/ai/commands")
    assert (row["outcome"], row["repository"]) == ("ok", NAME)


async def test_a_question_that_two_workers_have_at_once_is_asked_once(
    kova: Kova, gpt: FakeOpenAI
) -> None:
    gpt.script.always = ModelReply(text='{"answer": "Two.", "citations": []}', seconds=0.5)
    message = encode_comment_job(replace(JOB, argument="what is x, all at once?"))
    core = Core(load_settings(kova.environment))
    workers = [handle_command_job(core) for _ in range(3)]
    try:
        outcomes = await asyncio.gather(*(worker.handle(message, 1) for worker in workers))
        again = await workers[0].handle(message, 2)
    finally:
        await core.close()
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Done", "Retry", "Retry"]
    assert all(50 < outcome.delay <= 60 for outcome in outcomes if isinstance(outcome, Retry))
    assert isinstance(again, Done)
    (answer,) = list_replies(kova)
    assert answer.startswith("Two.")
    assert gpt.script.count("/responses") == 1


def test_somebody_who_cannot_write_is_refused_politely_and_costs_nothing(
    kova: Kova, gpt: FakeOpenAI
) -> None:
    post_comment(kova, "/kova ask what?", user="reader")
    (answer,) = wait_for_replies(kova)
    assert answer.startswith("Sorry")
    assert gpt.script.calls == []
    paths = [request.path for request in kova.github.state.requests]
    assert f"/repos/{NAME}/collaborators/reader/permission" in paths


def test_a_review_lists_findings_at_changed_lines(kova: Kova, claude: FakeAnthropic) -> None:
    post_comment(kova, "/kova review")
    (answer,) = wait_for_replies(kova)
    assert "**low** `a.py:1` Look at this line once more." in answer
    assert claude.script.count("/messages") == 1


def test_a_refusal_of_the_model_is_told(kova: Kova, gpt: FakeOpenAI) -> None:
    gpt.script.always = ModelReply(kind="refusal")
    post_comment(kova, "/kova explain")
    (answer,) = wait_for_replies(kova)
    assert answer.startswith("I could not answer: The model refuses")


def test_a_scan_is_queued_and_done(kova: Kova) -> None:
    post_comment(kova, "/kova scan")
    (answer,) = wait_for_replies(kova)
    (scan,) = kova.wait_for_scans(1)
    assert scan["id"] in answer
    assert scan["status"] == "succeeded", scan["failure"]


def test_an_unknown_verb_is_answered_with_what_there_is(kova: Kova) -> None:
    post_comment(kova, "/kova dance")
    (answer,) = wait_for_replies(kova)
    assert "/kova review" in answer


def test_other_comments_are_none_of_our_business(kova: Kova) -> None:
    payload = kova.github.comment_event(NAME, 1, "thanks, /kova is nice")
    assert send(kova, payload) == "ignored"
    edited = kova.github.comment_event(NAME, 1, "/kova scan") | {"action": "edited"}
    assert send(kova, edited) == "ignored"
    bot = kova.github.comment_event(NAME, 1, "/kova scan", user="dependabot[bot]")
    assert send(kova, bot) == "ignored"
    assert list_replies(kova) == []


@pytest.mark.parametrize(
    ("body", "command"),
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
    body: str, command: tuple[Verb, str] | None
) -> None:
    assert parse_comment(body) == command


def test_a_comment_job_survives_its_message_and_others_are_refused() -> None:
    assert decode_command_message(encode_comment_job(JOB)) == JOB
    for bad in ('"number":1', '"verb":"ask"', '"repository":"octo/sample"'):
        broken = encode_comment_job(JOB).replace(bad, bad.partition(":")[0] + ":true")
        with pytest.raises(MalformedMessageError):
            decode_command_message(broken)
