"""Stored hostile text in every message: nothing becomes a mention, a link or markup."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import httpx
import pytest

from kova.adapters.google_chat.messenger import GoogleChatMessenger
from kova.adapters.slack.blocks import ignore_view, text_blocks
from kova.adapters.slack.client import SlackClient
from kova.adapters.slack.messenger import SlackMessenger
from kova.notifications.post import Act, Button, ChatPost, PostRow, WebLink
from kova_fakes.google_chat import FakeGoogleChat
from kova_fakes.slack import FakeSlackApi
from kova_fakes.slack.block_rules import check_blocks, see
from tests.notifications.conftest import CHANNEL
from tests.support.hostile_texts import HOSTILE

OWN = WebLink(label="Open", url="https://kova.example/ui/errors/1")


# Mentions are broken by U+200B, which is Kova's own.
HIDDEN = re.compile(
    "[\u00ad\u061c\u200c-\u200f\u202a-\u202e\u2060-\u2069\u3164\ufe0f\ufeff\U000e0061\x1b]"
)


def hidden_in(message: object) -> list[str]:
    """Return what nobody would see of a message that a chat received."""
    return HIDDEN.findall(json.dumps(message, ensure_ascii=False))


def hostile_post(text: str) -> ChatPost:
    return ChatPost(
        title=f"New error: {text}",
        repository="octo/sample",
        text=text,
        place=f"{text}.py:1",
        excerpt=f"-{text}\n+{text}",
        rows=(PostRow(text=text, place=text), PostRow(text="plain")),
        more=2,
        facts=(("Rule", text), ("Key", text)),
        links=(OWN,),
        buttons=(Button(label="Ignore", act=Act.IGNORE, target="1"),),
        done=f"Ignored by {text}",
    )


def test_there_are_at_least_sixty_texts() -> None:
    assert len(set(HOSTILE)) >= 60


async def test_in_slack_all_of_them_are_text(
    slack: FakeSlackApi, slack_messenger: SlackMessenger
) -> None:
    for text in HOSTILE:
        await slack_messenger.send(
            CHANNEL, hostile_post(text), message_id="1", thread=("error:1", None)
        )
        seen = slack.seen(slack.channels[CHANNEL].messages[-1])
        assert (seen.mentions, seen.links, seen.styled) == ([], [OWN.url], []), text
        assert [button.get("url") for button in seen.buttons] == [None, OWN.url], text
        assert hidden_in(slack.channels[CHANNEL].messages[-1]) == [], text


async def test_in_google_chat_all_of_them_are_text(
    google_chat: FakeGoogleChat, chat_messenger: GoogleChatMessenger
) -> None:
    for number, text in enumerate(HOSTILE):
        await chat_messenger.send(
            "", hostile_post(text), message_id=str(number), thread=("error:1", None)
        )
        seen = google_chat.seen(google_chat.messages[-1])
        assert (seen.markup, seen.links) == ([], []), text
        assert hidden_in(google_chat.messages[-1]) == [], text
    assert len(google_chat.messages) == len(HOSTILE)


async def test_the_stand_ins_see_what_is_not_escaped(
    slack: FakeSlackApi,
    slack_client: SlackClient,
    google_chat: FakeGoogleChat,
    http: httpx.AsyncClient,
) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "<!here> *x* https://a.b"}}]
    await slack_client.post(
        "chat.postMessage", {"channel": CHANNEL, "text": "<@U1>", "blocks": blocks}
    )
    seen = slack.seen(slack.channels[CHANNEL].messages[0])
    assert (seen.mentions, seen.links, seen.styled) == (["@U1", "!here"], ["https://a.b"], ["*x*"])
    paragraph = {"textParagraph": {"text": "<b>x</b> https://a.b"}}
    card = {"header": {"title": "T"}, "sections": [{"widgets": [paragraph]}]}
    await http.post(google_chat.url, json={"cardsV2": [{"cardId": "1", "card": card}]})
    shown = google_chat.seen(google_chat.messages[0])
    assert (shown.markup, shown.links) == (["<b>", "</b>"], ["https://a.b"])


@pytest.mark.parametrize("text", HOSTILE)
def test_an_answer_in_slack_is_text(text: str) -> None:
    blocks = text_blocks(text)
    check_blocks(blocks)
    seen = see("", blocks)
    assert (seen.mentions, seen.links, seen.styled) == ([], [], [])
    assert hidden_in(blocks) == []
    # What Kova itself wrote to break a mention would be shown, too: an answer has none.
    assert "\u200b" not in json.dumps(blocks, ensure_ascii=False)


def test_the_modal_says_nothing_foreign() -> None:
    view = ignore_view("11111111-1111-1111-1111-111111111111", "C1", "1.2")
    assert view["title"]["type"] == "plain_text"


async def test_the_largest_post_fits(
    slack_messenger: SlackMessenger, chat_messenger: GoogleChatMessenger
) -> None:
    post = replace(
        hostile_post("&" * 20_000),
        rows=tuple(PostRow(text="<" * 5_000, place="&" * 5_000) for _ in range(5)),
        excerpt="\n".join(["<&>" * 200] * 500),
    )
    await slack_messenger.send(CHANNEL, post, message_id="1", thread=("k", None))
    await chat_messenger.send("", post, message_id="1", thread=("k", None))
