"""The stand-ins of chats, and messengers that speak to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from kova.adapters.google_chat.messenger import GoogleChatMessenger
from kova.adapters.slack.client import SlackClient
from kova.adapters.slack.messenger import SlackMessenger
from kova_fakes.google_chat import FakeGoogleChat, serve_google_chat
from kova_fakes.slack import FakeSlackApi, serve_slack_api

CHANNEL = "C000000001"


@pytest.fixture
def slack() -> Iterator[FakeSlackApi]:
    with serve_slack_api() as fake:
        fake.add_channel(CHANNEL)
        yield fake


@pytest.fixture
def google_chat() -> Iterator[FakeGoogleChat]:
    with serve_google_chat() as fake:
        yield fake


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
def slack_client(slack: FakeSlackApi, http: httpx.AsyncClient) -> SlackClient:
    return SlackClient(token=slack.token, http=http, url=slack.url, seconds=2)


@pytest.fixture
def slack_messenger(slack_client: SlackClient) -> SlackMessenger:
    return SlackMessenger(slack_client)


@pytest.fixture
def chat_messenger(google_chat: FakeGoogleChat, http: httpx.AsyncClient) -> GoogleChatMessenger:
    return GoogleChatMessenger(webhook_url=google_chat.url, http=http, seconds=2)
