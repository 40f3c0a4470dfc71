"""The messengers against the strict stand-ins of Slack and Google Chat."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response

from kova.adapters.google_chat.messenger import GoogleChatMessenger
from kova.adapters.slack.client import SlackClient
from kova.adapters.slack.messenger import SlackMessenger
from kova.notifications.exceptions import (
    ChannelRefusedError,
    MessageRefusedError,
    MessengerBusyError,
    MessengerError,
)
from kova.notifications.post import ChatPost
from kova_fakes.google_chat import FakeGoogleChat
from kova_fakes.slack import FakeSlackApi
from tests.notifications.conftest import CHANNEL

POST = ChatPost(title="A scan failed", repository="octo/sample", text="It was given up.")
TOP = ("scan:1", None)
BEFORE = datetime.now(UTC) - timedelta(minutes=1)


async def test_a_message_is_found_by_its_id_and_no_other(slack_messenger: SlackMessenger) -> None:
    ts = await slack_messenger.send(CHANNEL, POST, message_id="a", thread=TOP)
    for number in range(3):
        await slack_messenger.send(CHANNEL, POST, message_id=f"b{number}", thread=TOP)
    find = slack_messenger.find
    assert await find(CHANNEL, message_id="a", thread_reference=None, since=BEFORE) == ts
    assert await find(CHANNEL, message_id="x", thread_reference=None, since=BEFORE) is None


async def test_a_reply_is_found_in_its_thread_only(slack_messenger: SlackMessenger) -> None:
    first = await slack_messenger.send(CHANNEL, POST, message_id="a", thread=TOP)
    reply = await slack_messenger.send(CHANNEL, POST, message_id="b", thread=("scan:1", first))
    find = slack_messenger.find
    assert await find(CHANNEL, message_id="b", thread_reference=first, since=BEFORE) == reply
    assert await find(CHANNEL, message_id="b", thread_reference=None, since=BEFORE) is None


async def test_a_message_is_found_on_a_later_page(
    slack: FakeSlackApi, slack_messenger: SlackMessenger
) -> None:
    ts = await slack_messenger.send(CHANNEL, POST, message_id="a", thread=TOP)
    for number in range(450):
        slack.channels[CHANNEL].messages.append({"ts": f"{time.time() + number:.6f}", "text": "x"})
    found = await slack_messenger.find(CHANNEL, message_id="a", thread_reference=None, since=BEFORE)
    assert found == ts
    assert slack.calls.count("conversations.history") == 3


async def test_another_apps_metadata_is_not_taken_for_ours(
    slack: FakeSlackApi, slack_messenger: SlackMessenger
) -> None:
    forged = {"event_type": "task_created", "event_payload": {"id": "a"}}
    slack.channels[CHANNEL].messages.append(
        {"ts": f"{time.time():.6f}", "text": "x", "metadata": forged}
    )
    found = await slack_messenger.find(CHANNEL, message_id="a", thread_reference=None, since=BEFORE)
    assert found is None


@pytest.mark.parametrize(
    ("channel", "fields", "reason"),
    [
        ("C000000009", {}, "channel_not_found"),
        ("C000000002", {"is_member": False}, "not_in_channel"),
        ("C000000003", {"is_archived": True}, "is_archived"),
    ],
)
async def test_a_channel_that_people_can_mend(
    slack: FakeSlackApi,
    slack_messenger: SlackMessenger,
    channel: str,
    fields: dict[str, bool],
    reason: str,
) -> None:
    if fields:
        slack.add_channel(channel, **fields)
    with pytest.raises(ChannelRefusedError, match=reason):
        await slack_messenger.send(channel, POST, message_id="a", thread=TOP)


async def test_a_wrong_token_is_said(slack: FakeSlackApi, http: httpx.AsyncClient) -> None:
    messenger = SlackMessenger(SlackClient(token="xoxb-other", http=http, url=slack.url))
    with pytest.raises(ChannelRefusedError, match="invalid_auth"):
        await messenger.send(CHANNEL, POST, message_id="a", thread=TOP)


async def test_blocks_that_slack_refuses_are_final(slack_client: SlackClient) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3_001}}]
    with pytest.raises(MessageRefusedError, match="invalid_blocks"):
        await slack_client.post("chat.postMessage", {"channel": CHANNEL, "blocks": blocks})


async def test_slacks_rate_limit_says_how_long_to_wait(
    slack: FakeSlackApi, slack_messenger: SlackMessenger
) -> None:
    slack.seconds_per_message = 60
    await slack_messenger.send(CHANNEL, POST, message_id="a", thread=TOP)
    with pytest.raises(MessengerBusyError) as caught:
        await slack_messenger.send(CHANNEL, POST, message_id="b", thread=TOP)
    assert caught.value.data["retry_after"] == 1


ODD = [
    PlainTextResponse("oops", 500),
    PlainTextResponse("<html>", 200),
    PlainTextResponse("[]", 200),
    PlainTextResponse('{"ok": true}', 200),
    PlainTextResponse("[" * 100_000, 200),
    PlainTextResponse("x" * 5_000_000, 200),
    PlainTextResponse('{"ok": false, "error": "internal_error"}', 200),
]


@pytest.mark.parametrize("answer", ODD, ids=range(len(ODD)))
async def test_an_odd_answer_of_slack_may_mean_that_the_message_is_there(
    slack: FakeSlackApi, slack_messenger: SlackMessenger, answer: Response
) -> None:
    slack.fault_after = lambda _method: answer
    with pytest.raises(MessengerError):
        await slack_messenger.send(CHANNEL, POST, message_id="a", thread=TOP)
    assert len(slack.channels[CHANNEL].messages) == 1


async def test_nobody_there_is_said_without_the_token(http: httpx.AsyncClient) -> None:
    client = SlackClient(token="xoxb-secret", http=http, url="http://127.0.0.1:9/api")
    with pytest.raises(MessengerError) as caught:
        await client.post("chat.postMessage", {})
    assert "xoxb" not in str(caught.value)


async def test_google_chat_takes_a_message_once_and_keeps_threads(
    google_chat: FakeGoogleChat, chat_messenger: GoogleChatMessenger
) -> None:
    first = await chat_messenger.send("", POST, message_id="a", thread=TOP)
    again = await chat_messenger.send("", POST, message_id="a", thread=TOP)
    reply = await chat_messenger.send("", POST, message_id="b", thread=("scan:1", first))
    other = await chat_messenger.send("", POST, message_id="c", thread=("scan:2", None))
    assert first == again
    assert len({first, reply, other}) == 3
    threads = [message["thread"]["name"] for message in google_chat.messages]
    assert threads[0] == threads[1] != threads[2]


async def test_google_chats_refusals_are_told_apart(
    google_chat: FakeGoogleChat, chat_messenger: GoogleChatMessenger, http: httpx.AsyncClient
) -> None:
    wrong = GoogleChatMessenger(webhook_url=google_chat.url + "x", http=http)
    with pytest.raises(ChannelRefusedError) as caught:
        await wrong.send("", POST, message_id="a", thread=TOP)
    assert "token" not in str(caught.value)
    google_chat.seconds_per_message = 60
    await chat_messenger.send("", POST, message_id="b", thread=TOP)
    with pytest.raises(MessengerBusyError):
        await chat_messenger.send("", POST, message_id="c", thread=TOP)
    google_chat.fault_before = lambda: PlainTextResponse("", 503)
    with pytest.raises(MessengerError):
        await chat_messenger.send("", POST, message_id="d", thread=TOP)


async def test_the_address_of_a_space_shows_in_no_error(http: httpx.AsyncClient) -> None:
    url = "http://127.0.0.1:9/v1/spaces/A/messages?key=secret&token=secret"
    with pytest.raises(MessengerError) as caught:
        await GoogleChatMessenger(webhook_url=url, http=http).send(
            "", POST, message_id="a", thread=TOP
        )
    assert caught.value.__cause__ is None
    assert "secret" not in str(caught.value)
