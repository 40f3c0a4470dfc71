"""Notices, put together: the periodic tasks that record digests and send what is due."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import httpx

from kova.adapters.google_chat.messenger import GoogleChatMessenger
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.fixes import PostgresFixStore
from kova.adapters.postgres.notices import PostgresNoticeStore
from kova.adapters.postgres.scans import PostgresScanStore
from kova.adapters.slack.client import SlackClient
from kova.adapters.slack.messenger import SlackMessenger
from kova.bootstrap.core import Core, Resource, now
from kova.notifications.compose_post import ComposePost
from kova.notifications.daily_digest import RecordDigest, parse_time_of_day
from kova.notifications.route_notices import GOOGLE_CHAT, NoticeRules, RouteNotices
from kova.notifications.send_notices import Pace, SendNotices
from kova.shared.periodic_tasks import PeriodicTask, PeriodicTasks

if TYPE_CHECKING:
    from kova.notifications.ports import Messenger

_SECONDS: Final = 10.0
SLACK: Final = "slack"


class NoticeRoot:
    """What notices stand on, over one core."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._chat = core.settings.chat
        self._http: httpx.AsyncClient | None = None

    @property
    def http(self) -> httpx.AsyncClient:
        """The HTTP client for chats, apart from that for GitHub."""
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False)
            self._core.register(Resource(name="chats", close=self._http.aclose))
        return self._http

    def slack_client(self) -> SlackClient | None:
        """Slack's Web API, where there is a token."""
        token = self._chat.slack_bot_token
        if token is None:
            return None
        return SlackClient(token=token, http=self.http, url=self._chat.slack_api_url)

    def compose(self) -> ComposePost:
        """What writes messages."""
        database = self._core.database
        return ComposePost(
            errors=PostgresErrorStore(database),
            fixes=PostgresFixStore(database),
            scans=PostgresScanStore(database),
            public_url=self._core.settings.public_url,
        )

    def messengers(self) -> dict[str, Messenger]:
        """The chats that are configured, by the prefix of their channels' names."""
        messengers: dict[str, Messenger] = {}
        client = self.slack_client()
        if client is not None:
            messengers[SLACK] = SlackMessenger(client)
        if self._chat.google_chat_webhook_url is not None:
            messengers[GOOGLE_CHAT] = GoogleChatMessenger(
                webhook_url=self._chat.google_chat_webhook_url, http=self.http
            )
        return messengers

    def sender(self, pace: Pace | None = None) -> SendNotices:
        """What sends notices."""
        rules = NoticeRules(
            slack=self._chat.slack_bot_token is not None,
            slack_channel=self._chat.slack_channel,
            google_chat=self._chat.google_chat_webhook_url is not None,
            severity=self._chat.notify_severity,
            quiet_hours=self._chat.quiet_hours,
        )
        return SendNotices(
            store=PostgresNoticeStore(self._core.database),
            route=RouteNotices(rules, now=now),
            compose=self.compose(),
            messengers=self.messengers(),
            meter=self._core.meter,
            pace=pace,
        )


def notice_tasks(core: Core, pace: Pace | None = None) -> PeriodicTasks:
    """Return the tasks that tell people: run apart from the others, for chats are slow."""
    tasks: dict[str, PeriodicTask] = {}
    digest_at = core.settings.chat.digest_at
    if digest_at is not None:
        at = parse_time_of_day(digest_at)
        store = PostgresNoticeStore(core.database)
        tasks["record the daily digest"] = RecordDigest(store=store, at=at, now=now).record
    tasks["send notices"] = NoticeRoot(core).sender(pace).send
    return PeriodicTasks(tasks, clock=time.monotonic, interval=10.0)
