"""A Web API that refuses what Slack refuses, and remembers what its channels show.

Methods, arguments and names of errors: https://docs.slack.dev/reference/methods
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kova_fakes.serving import serving
from kova_fakes.slack.block_rules import BlockError, SeenMessage, check_blocks, check_view, see

Json = dict[str, Any]
TOKEN: Final = "xoxb-1-2-fake0123456789abcdef"  # noqa: S105 (of a fake)
_MAX_TEXT: Final = 40_000
_MOST_LISTED: Final = 999
_TRIGGER_SECONDS: Final = 3.0
_JSON_METHODS: Final = frozenset(
    {"chat.postMessage", "chat.postEphemeral", "chat.update", "chat.unfurl", "views.open"}
)
_ARGUMENTS: Final = {
    "auth.test": "",
    "chat.postMessage": "channel text blocks metadata thread_ts unfurl_links unfurl_media mrkdwn",
    "chat.postEphemeral": "channel user text blocks thread_ts",
    "chat.update": "channel ts text blocks metadata",
    "chat.unfurl": "channel ts unfurls",
    "conversations.history": "channel oldest latest limit cursor include_all_metadata inclusive",
    "conversations.replies": "channel ts oldest latest limit cursor include_all_metadata inclusive",
    "users.info": "user",
    "views.open": "trigger_id view",
}


class SlackError(Exception):
    """An answer whose `ok` is false."""


@dataclass(kw_only=True)
class SlackChannel:
    """A channel: who is in it, and its messages, oldest first."""

    is_member: bool = True
    is_archived: bool = False
    messages: list[Json] = field(default_factory=list)
    sent_at: float = 0.0


@dataclass(kw_only=True)
class FakeSlackApi:
    """The handle of a running fake, for tests.

    Attributes:
        seconds_per_message: how often a channel takes a message; sooner is 429.
        seconds_before_answer: how long after a call was done it is answered.
        calls: the names of the methods that were called.
        faults: called with the method's name before each call and after it; what it returns is
            answered in the call's place.
        triggers: when each trigger_id was made.
        webhook_answers: what was sent to response URLs, and to one person alone.
    """

    url: str = ""
    token: str = TOKEN
    seconds_per_message: float = 0.0
    seconds_before_answer: float = 0.0
    channels: dict[str, SlackChannel] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    views: list[Json] = field(default_factory=list)
    unfurls: list[Json] = field(default_factory=list)
    triggers: dict[str, float] = field(default_factory=dict)
    webhook_answers: list[Json] = field(default_factory=list)
    fault_before: Callable[[str], Response | None] = lambda _method: None
    fault_after: Callable[[str], Response | None] = lambda _method: None
    _lock: Lock = field(default_factory=Lock)
    _last_ts: float = 0.0

    def add_channel(
        self, name: str, *, is_member: bool = True, is_archived: bool = False
    ) -> SlackChannel:
        """Add a channel by its id."""
        self.channels[name] = SlackChannel(is_member=is_member, is_archived=is_archived)
        return self.channels[name]

    def add_user(self, name: str, email: str, **fields: Any) -> None:
        """Add a person by id, whose address Slack has confirmed unless `fields` say otherwise."""
        profile = {"email": email, "real_name": fields.pop("real_name", name)}
        person = {"id": name, "team_id": "T00000001", "is_email_confirmed": True}
        self.users[name] = {**person, "profile": profile, **fields}

    def trigger(self, name: str) -> str:
        """Make a trigger_id, which is good for three seconds."""
        self.triggers[name] = time.monotonic()
        return name

    def seen(self, message: Json) -> SeenMessage:
        """Return what people see of a message."""
        return see(message["text"], message.get("blocks"), styles=message.get("mrkdwn", True))

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        method = request.path_params["method"]
        self.calls.append(method)
        early = self.fault_before(method)
        if early is not None:
            return early
        try:
            arguments = await self._arguments(method, request)
            with self._lock:
                result = getattr(self, "_" + method.replace(".", "_").lower())(arguments)
        except SlackError as exc:
            self.refused.append(f"{method}: {exc}")
            if str(exc) == "ratelimited":
                wait = {"Retry-After": "1"}
                return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers=wait)
            return JSONResponse({"ok": False, "error": str(exc)})
        await asyncio.sleep(self.seconds_before_answer)
        late = self.fault_after(method)
        return late if late is not None else JSONResponse({"ok": True, **result})

    async def _arguments(self, method: str, request: Request) -> Json:
        if method not in _ARGUMENTS:
            raise SlackError("unknown_method")
        self._check_token(request)
        kind = request.headers.get("content-type", "").partition(";")[0]
        arguments: Any
        if kind == "application/json" and method in _JSON_METHODS:
            try:
                arguments = json.loads(await request.body())
            except ValueError as exc:
                raise SlackError("invalid_json") from exc
            if not isinstance(arguments, dict):
                raise SlackError("json_not_object")
        elif kind == "application/x-www-form-urlencoded":
            arguments = dict(parse_qsl((await request.body()).decode()))
            for name in ("blocks", "view", "metadata", "unfurls"):
                if name in arguments:
                    arguments[name] = json.loads(arguments[name])
        else:
            raise SlackError("invalid_post_type")
        unknown = set(arguments) - set(_ARGUMENTS[method].split())
        if unknown:
            raise SlackError("invalid_arguments")
        return dict(arguments)

    def _check_token(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise SlackError("not_authed")
        if token != self.token:
            raise SlackError("invalid_auth")

    def _auth_test(self, _arguments: Json) -> Json:
        return {"team_id": "T00000001", "user_id": "U0000KOVA", "bot_id": "B0000KOVA"}

    def _chat_postmessage(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        if not channel.is_member:
            raise SlackError("not_in_channel")
        if channel.is_archived:
            raise SlackError("is_archived")
        _check_content(arguments)
        thread_ts = arguments.get("thread_ts")
        if thread_ts is not None and not self._find(channel, thread_ts):
            raise SlackError("thread_not_found")
        now = time.monotonic()
        if now - channel.sent_at < self.seconds_per_message:
            raise SlackError("ratelimited")
        channel.sent_at = now
        message: Json = {
            "type": "message",
            "user": "U0000KOVA",
            "bot_id": "B0000KOVA",
            "ts": self._next_ts(),
            "text": arguments.get("text", ""),
            **{
                name: arguments[name]
                for name in ("blocks", "metadata", "mrkdwn")
                if name in arguments
            },
            **({"thread_ts": thread_ts} if thread_ts is not None else {}),
        }
        channel.messages.append(message)
        return {"channel": arguments["channel"], "ts": message["ts"], "message": message}

    def _chat_postephemeral(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        if not channel.is_member:
            raise SlackError("not_in_channel")
        if arguments.get("user") not in self.users:
            raise SlackError("user_not_in_channel")
        _check_content(arguments)
        self.webhook_answers.append(arguments)
        return {"message_ts": self._next_ts()}

    def _chat_update(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        message = self._find(channel, arguments.get("ts"))
        if message is None:
            raise SlackError("message_not_found")
        _check_content(arguments)
        message.update(text=arguments.get("text", ""), edited={"ts": self._next_ts()})
        message["blocks"] = arguments.get("blocks", [])
        if "metadata" in arguments:
            message["metadata"] = arguments["metadata"]
        return {"channel": arguments["channel"], "ts": message["ts"], "text": message["text"]}

    def _chat_unfurl(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        if not self._find(channel, arguments.get("ts")):
            raise SlackError("cannot_unfurl_message")
        unfurls = arguments.get("unfurls")
        if not isinstance(unfurls, dict) or not unfurls:
            raise SlackError("missing_unfurls")
        for unfurl in unfurls.values():
            try:
                check_blocks(unfurl.get("blocks"))
            except BlockError as exc:
                raise SlackError("cannot_parse_attachment") from exc
        self.unfurls.append(arguments)
        return {}

    def _conversations_history(self, arguments: Json) -> Json:
        channel = self._channel(arguments)
        messages = [message for message in channel.messages if "thread_ts" not in message]
        return _page(list(reversed(messages)), arguments)

    def _conversations_replies(self, arguments: Json) -> Json:
        channel, ts = self._channel(arguments), arguments.get("ts")
        parent = self._find(channel, ts)
        if parent is None:
            raise SlackError("thread_not_found")
        replies = [message for message in channel.messages if message.get("thread_ts") == ts]
        answer = _page(replies, arguments)
        if "cursor" not in arguments:
            answer["messages"].insert(0, _without_payload(parent, arguments))
        return answer

    def _users_info(self, arguments: Json) -> Json:
        user = self.users.get(arguments.get("user", ""))
        if user is None:
            raise SlackError("user_not_found")
        return {"user": user}

    def _views_open(self, arguments: Json) -> Json:
        made_at = self.triggers.get(arguments.get("trigger_id", ""))
        if made_at is None:
            raise SlackError("invalid_trigger_id")
        if time.monotonic() - made_at > _TRIGGER_SECONDS:
            raise SlackError("expired_trigger_id")
        del self.triggers[arguments["trigger_id"]]
        try:
            check_view(arguments.get("view"))
        except BlockError as exc:
            raise SlackError("invalid_arguments") from exc
        view = {**arguments["view"], "id": f"V{len(self.views):09}", "team_id": "T00000001"}
        self.views.append(view)
        return {"view": view}

    def _channel(self, arguments: Json) -> SlackChannel:
        channel = self.channels.get(arguments.get("channel", ""))
        if channel is None:
            raise SlackError("channel_not_found")
        return channel

    def _find(self, channel: SlackChannel, ts: Any) -> Json | None:
        return next((message for message in channel.messages if message["ts"] == ts), None)

    def _next_ts(self) -> str:
        self._last_ts = max(time.time(), self._last_ts + 0.000_002)
        return f"{self._last_ts:.6f}"

    async def take_response(self, request: Request) -> Response:
        """Take an answer at a response URL."""
        try:
            body = json.loads(await request.body())
            if "blocks" in body:
                check_blocks(body["blocks"])
        except (ValueError, BlockError):
            self.refused.append("response_url")
            return PlainTextResponse("invalid_payload", 400)
        self.webhook_answers.append(body)
        return PlainTextResponse("ok")


def _check_content(arguments: Json) -> None:
    text = arguments.get("text", "")
    if not text and not arguments.get("blocks"):
        raise SlackError("no_text")
    if len(text) > _MAX_TEXT:
        raise SlackError("msg_too_long")
    if "blocks" in arguments:
        try:
            check_blocks(arguments["blocks"])
        except BlockError as exc:
            raise SlackError("invalid_blocks") from exc
    metadata = arguments.get("metadata")
    if metadata is not None:
        is_whole = isinstance(metadata, dict) and set(metadata) == {"event_type", "event_payload"}
        if not is_whole or not isinstance(metadata["event_payload"], dict):
            raise SlackError("invalid_metadata_format")


def _page(messages: list[Json], arguments: Json) -> Json:
    """Return the messages after `oldest`; metadata is whole only where all of it is asked for."""
    oldest = float(arguments.get("oldest") or 0)
    kept = [message for message in messages if float(message["ts"]) > oldest]
    limit, start = int(arguments.get("limit") or 100), int(arguments.get("cursor") or 0)
    if not 0 < limit <= _MOST_LISTED:
        raise SlackError("invalid_limit")
    shown = [_without_payload(message, arguments) for message in kept[start : start + limit]]
    has_more = start + limit < len(kept)
    following = {"response_metadata": {"next_cursor": str(start + limit)}} if has_more else {}
    return {"messages": shown, "has_more": has_more, **following}


def _without_payload(message: Json, arguments: Json) -> Json:
    if arguments.get("include_all_metadata") in {"true", "1"} or "metadata" not in message:
        return message
    return {**message, "metadata": {"event_type": message["metadata"]["event_type"]}}


@contextmanager
def serve_slack_api() -> Iterator[FakeSlackApi]:
    """Serve the fake on the loopback; its url ends with `/api`."""
    state = FakeSlackApi()
    routes = [
        Route("/api/{method}", state.answer, methods=["POST"]),
        Route("/commands/{rest:path}", state.take_response, methods=["POST"]),
    ]
    with serving(Starlette(routes=routes)) as address:
        state.url = address + "/api"
        yield state
