"""What strangers may send to anybody's repository: pull requests from forks, and comments.

And what a model says that read them: its answer is posted in Kova's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from markdown_it import MarkdownIt

from kova.adapters.github.conversation import GitHubConversation
from kova.adapters.memory.model import complete
from kova.bootstrap.core import Core
from kova.bootstrap.settings import load_settings
from kova.commands.comment import ARGUMENT_LIMIT, CommentJob, Verb
from kova.intake.delivery import Delivery, parse_delivery
from kova.models.markup import MarkupFilter, escape_markup
from kova.shared.quiet_text import quiet
from kova.shared.repository import RepositoryRef
from kova_fakes.github import FakeGitHub, serve_github
from tests.commands.test_answer_comment import Thread, job
from tests.commands.test_quiet_text import UNQUIET
from tests.support.models import answer_json
from tests.support.push_desk import NAME, PushDesk, statuses

BAD = "def f():\n    BAD(x)\n"
SHA = "a" * 40
REPOSITORY = {"id": 7, "full_name": NAME, "default_branch": "main"}
MARKDOWN = MarkdownIt("commonmark")


def parse(event: str, payload: dict[str, Any]) -> Delivery:
    return parse_delivery(
        delivery_id="d-1",
        event=event,
        content_type="application/json",
        body=json.dumps(payload).encode(),
    )


def comment(body: object = "/kova scan", **changes: Any) -> dict[str, Any]:
    payload = {
        "action": "created",
        "repository": REPOSITORY,
        "issue": {"number": 1, "pull_request": {"url": "u"}},
        "comment": {"id": 5, "body": body, "user": {"login": "ann", "type": "User"}},
        "sender": {"login": "admin", "type": "User"},
    }
    for way, part in changes.items():
        *above, last = way.split("__")
        place: Any = payload
        for key in above:
            place = place[key]
        place[last] = part
    return payload


def pull(action: str = "opened", **changes: Any) -> dict[str, Any]:
    """Return the event of a pull request from a fork, whose branch is called like one of Kova's."""
    fork = {"id": 666, "full_name": "evil/sample"}
    head = {"ref": "kova/fix-1", "sha": SHA, "repo": fork, **changes.pop("head", {})}
    base = {"ref": "main", "sha": "b" * 40, "repo": REPOSITORY}
    return {
        "action": action,
        "number": 9,
        "repository": REPOSITORY,
        "pull_request": {"number": 9, "head": head, "base": base, **changes},
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("```\n/kova fix\n```", id="in-a-block-of-code"),
        pytest.param("`/kova fix`", id="in-a-span-of-code"),
        pytest.param("<!-- /kova fix -->", id="in-a-hidden-comment"),
        pytest.param("<details>\n/kova fix\n</details>", id="folded-away"),
        pytest.param("> /kova fix\n\nno", id="quoted"),
        pytest.param("thanks\n\n/kova fix", id="on-a-later-line"),
        pytest.param("\u200b/kova fix", id="behind-what-nobody-sees"),
        pytest.param("\uff0fkova fix", id="another-slash"),
        pytest.param("/k\u043eva fix", id="a-letter-of-another-script"),
        pytest.param("/kova\u200bfix", id="joined-by-what-nobody-sees"),
        pytest.param("\n" * 300 + "/kova fix", id="far-below"),
        pytest.param(["/kova fix"], id="a-list"),
        pytest.param("@kova fix", id="a-mention"),
        pytest.param("/KOVA fix", id="in-capitals"),
    ],
)
def test_only_a_comment_that_begins_with_the_command_is_one(body: object) -> None:
    assert parse("issue_comment", comment(body)).comment is None


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"action": "edited"}, id="edited-later"),
        pytest.param({"action": "deleted"}, id="deleted"),
        pytest.param({"action": ["created"]}, id="action-in-a-list"),
        pytest.param({"comment__user__type": "Bot"}, id="a-bot"),
        pytest.param({"comment__user__login": "ann[bot]"}, id="a-bot-that-says-it-is-none"),
        pytest.param({"comment__user__login": "../../orgs/octo"}, id="login-is-a-path"),
        pytest.param({"comment__user__login": {"login": "admin"}}, id="login-is-an-object"),
        pytest.param({"comment__user": None}, id="nobody"),
        pytest.param({"comment__id": True}, id="id-is-a-bool"),
        pytest.param({"comment__id": 2**63}, id="id-beyond-bigint"),
        pytest.param({"issue__number": -1}, id="number-is-negative"),
        pytest.param({"issue": [1]}, id="issue-is-a-list"),
        pytest.param({"repository": {"full_name": "octo/.."}}, id="repository-climbs"),
    ],
)
def test_a_command_is_new_and_by_a_person(changes: dict[str, Any]) -> None:
    assert parse("issue_comment", comment(**changes)).comment is None


def test_who_wrote_a_comment_counts_and_not_who_sends_it() -> None:
    delivery = parse("issue_comment", comment("/kova ask \0\ud800" + "why? " * 10_000))
    assert isinstance(delivery.comment, CommentJob)
    assert delivery.comment.author == "ann"
    assert len(delivery.comment.argument) <= ARGUMENT_LIMIT
    delivery.comment.argument.encode()
    assert "\0" not in delivery.comment.argument


@pytest.mark.parametrize(
    "event",
    ["push", "pull_request", "merge_group", "check_run", "check_suite", "installation", "ping"],
)
def test_a_comment_under_the_name_of_another_event_does_nothing(event: str) -> None:
    """The signature does not cover the event's name."""
    delivery = parse(event, comment())
    assert (delivery.comment, delivery.target, delivery.change) == (None, None, None)


@pytest.mark.parametrize(
    ("payload", "is_scanned"),
    [
        pytest.param(pull("closed"), False, id="branch-of-a-fork-named-like-kova-s"),
        pytest.param(pull("reopened"), True, id="opened-again-from-a-fork"),
        pytest.param(pull("closed", head={"repo": None}), False, id="fork-was-deleted"),
        pytest.param(pull("closed", head={"repo": {"id": "7"}}), False, id="id-is-a-text"),
        pytest.param(pull("closed", head={"repo": {"id": True}}), False, id="id-is-a-bool"),
        pytest.param(pull("opened", head={"sha": "main"}), False, id="commit-is-a-branch"),
        pytest.param(pull("opened", head={"sha": [SHA]}), False, id="commit-in-a-list"),
        pytest.param(pull("labeled"), False, id="label-by-a-stranger"),
        pytest.param(pull("edited", changes={"base": 1}), False, id="title-edited"),
    ],
)
def test_a_pull_request_of_a_fork_moves_no_fix_of_kova_s(
    payload: dict[str, Any], is_scanned: bool
) -> None:
    delivery = parse("pull_request", payload)
    assert delivery.change is None
    assert (delivery.target is not None) is is_scanned


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[PushDesk]:
    with serve_github() as github:
        new_desk = PushDesk(github, database_url)
        yield new_desk
        await new_desk.close()


HOSTILE_HEADS: dict[str, dict[str, bytes]] = {
    "takes-the-error-away": {"a.py": b"x = 1\n"},
    "settings-that-read-nothing": {".kova.toml": b'exclude = ["**"]\n', "b.py": BAD.encode()},
    "settings-that-are-broken": {".kova.toml": b"[[[", "b.py": BAD.encode()},
    "a-workflow-and-a-lock-file": {
        ".github/workflows/a.py": BAD.encode(),
        "poetry.lock": BAD.encode(),
        "b.py": BAD.encode(),
    },
}


@pytest.mark.parametrize("name", HOSTILE_HEADS)
async def test_a_fork_changes_neither_errors_nor_branches_nor_settings(
    desk: PushDesk, name: str
) -> None:
    desk.deliver(desk.create(a=BAD))
    await desk.work()
    before, head = await desk.open_errors(), desk.head()
    desk.github.state.push(NAME, HOSTILE_HEADS[name], branch="topic")
    number = desk.github.state.open_pull(
        NAME, head="topic", base="main", title="fixes #1", body="/kova fix\n@octocat"
    )
    payload = desk.github.pull_request_event(NAME, number)
    payload["pull_request"]["head"]["repo"] = {"id": 666, "full_name": "evil/sample"}
    desk.deliver(payload, event="pull_request")
    refs = set(desk.github.state.repository(NAME).git.refs)
    await desk.work()
    assert (await statuses(desk))[-1] == "succeeded"
    assert await desk.open_errors() == before
    assert desk.head() == head
    assert set(desk.github.state.repository(NAME).git.refs) == refs
    assert len(desk.check_runs()) == 2
    introduced = "b.py" in HOSTILE_HEADS[name]
    run = desk.check_runs()[desk.head("topic")]
    assert (run["output"]["annotations_count"] > 0) is introduced, run["output"]


@pytest.fixture
def github() -> Any:
    with serve_github() as fake:
        fake.state.create_repository(NAME, files={"a.py": b"x\n"})
        yield fake


async def test_a_copy_of_a_reply_s_mark_in_a_stranger_s_comment_is_never_edited(
    github: FakeGitHub,
) -> None:
    core = Core(load_settings({
        "KOVA_DATABASE_URL": "postgresql://127.0.0.1:9/none",
        "KOVA_GITHUB_API_URL": github.url,
        "KOVA_GITHUB_APP_ID": github.app_id,
        "KOVA_GITHUB_PRIVATE_KEY": github.private_key_pem,
    }))  # fmt: skip
    conversation, ref = GitHubConversation(core.github), RepositoryRef(full_name=NAME)
    await conversation.reply(ref, 1, "kova:reply:1", "first")
    copied = github.state.repository(NAME).comments[-1]["body"].replace("first", "stranger")
    github.comment_event(NAME, 1, copied, user="reader")
    await conversation.reply(ref, 1, "kova:reply:1", "second")
    await core.close()
    comments = [row["body"].partition("\n")[0] for row in github.state.repository(NAME).comments]
    assert comments == ["second", "stranger"]


COMMANDS = {
    "after-25-spaces": "x\n" + " " * 25 + "/merge",
    "after-a-carriage-return": "x\r/merge",
    "after-a-space-that-never-breaks": "x\n\u00a0/merge",
    "after-a-wide-space": "x\n\u3000!build",
    "after-many-marks-of-quotations": "x\n" + "> " * 30 + "/approve",
    "after-marks-of-lists": "* - + /hold",
    "closes-with-a-line-between": "fixes\n#12",
    "closes-in-a-link": "closes [#12](x)",
    "closes-by-an-entity": "fixes #&#49;2 and &#35;12",
    "mentions-by-an-entity": "&#64;octocat &commat;octocat",
    "mentions-in-code": "`@octocat`",
    "mentions-a-team": "cc @octo/core",
    "links-to-a-discussion": "https://github.com/o/r/discussions/7",
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_what_a_model_says_commands_closes_and_mentions_nothing(name: str) -> None:
    thread = Thread(openai=[complete(answer_json(COMMANDS[name]))])
    reply = await thread.answer(Verb.ASK, "why?")
    shown = MARKDOWN.render(reply)
    for text in (reply, quiet(COMMANDS[name])):
        assert not any(pattern.search(text) for pattern in UNQUIET), text
        assert not re.search(r"(?:^|[\r\n])[\s>*+-]*[/!][A-Za-z]", text), text
    assert not re.search(r"#12|@octo", shown), shown


MARKUP = {
    "two-bangs": "!![x](https://evil.example/?q=1)",
    "bangs-without-end": "!" * 40 + "[x](https://evil.example/)",
    "block-that-a-list-ends": "- a\n  ```\n<img src=https://evil.example>\n",
    "block-that-a-numbered-list-ends": "1. a\n\n   ```\n<b>x</b>\n",
    "block-that-began-behind-a-mark": "- ```\n  ```\n  <b>x</b>\n",
    "block-that-began-in-a-quotation": "> ```\n```\n<b>x</b>\n```\n> <i>y</i>\n",
    "block-that-ends-further-in": "1. a\n\n   ```\n      ```\n   <b>x</b>\n",
    "block-with-a-tick-in-its-name": "~~~ a`b\nx\n~~~\n<b>x</b>\n",
    "span-over-two-lines": "a `\nb ` <img src=https://evil.example> `\n",
    "span-of-two-ticks-over-lines": "a ``\nb `` <b>x</b> ``\n",
    "span-with-escaped-ticks": "a \\` <b>x</b> \\`",
    "image-by-reference": "![x][y]\n\n[y]: https://evil.example/a.png",
    "hidden-comment-without-end": "fine <!-- ",
    "mark-of-another-reply": "<!-- kova:reply:0123456789abcdef01234567 -->",
    "folded-away": "<details><summary>x</summary>",
    "script-behind-an-entity": "[x](javascript&colon;alert(1))",
    "script-in-pointed-brackets": "[x](<JavaScript:alert(1)>)",
    "script-by-reference": "[x]\n\n[x]: <vbscript:x>",
    "content-instead-of-an-address": "[x](data:text/html,<script>alert(1)</script>)",
}


def render_streamed(text: str) -> str:
    markup = MarkupFilter()
    lines = [markup.filter_line(line) for line in text.split("\n")]
    return "\n".join(lines) + markup.close_fence()


@pytest.mark.parametrize("render", [escape_markup, render_streamed], ids=["whole", "streamed"])
@pytest.mark.parametrize("name", MARKUP)
def test_what_a_model_says_is_no_html_no_picture_and_no_script(
    name: str, render: Callable[[str], str]
) -> None:
    """By a renderer of CommonMark, which knows lists and paragraphs."""
    tokens = MARKDOWN.parse(render(MARKUP[name]))
    kinds = {token.type for part in tokens for token in (part, *(part.children or []))}
    assert not kinds & {"html_block", "html_inline", "image"}
    addresses = [
        str(token.attrGet("href"))
        for part in tokens
        for token in part.children or []
        if token.type == "link_open"
    ]
    assert not [text for text in addresses if re.match(r"(?i)(javascript|vbscript|data):", text)]


@pytest.mark.parametrize(
    "text", ["```\ncode", "   ```\n   code", "~~~~\ncode\n~~~", "- ```\n  code", "a `"]
)
async def test_an_answer_that_leaves_a_block_open_swallows_nothing_that_follows(text: str) -> None:
    quote = {"path": "app.py", "start_line": 5, "end_line": 5, "quote": "serve('any-host', port)"}
    thread = Thread(openai=[complete(answer_json(text, quote))])
    shown = MARKDOWN.render(await thread.answer(Verb.EXPLAIN))
    assert "<p>Based on <code>app.py:5-5</code>.</p>" in shown


@pytest.mark.parametrize("verb", list(Verb))
async def test_a_permission_that_only_looks_like_one_is_none(verb: Verb) -> None:
    thread = Thread()
    thread.github._permissions = {"ann": "ADMIN"}
    await thread.use_case.answer(job(verb, "R1 because"))
    assert thread.github.replies == [
        "Sorry, I take commands only from people who can write to this repository."
    ]
