"""Mutated deliveries at POST /webhooks/github, most of them signed as if GitHub had sent them."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import quote_plus

from fastapi import FastAPI

from kova.adapters.memory.commands import MemoryCommandQueue
from kova.adapters.memory.queues import MemoryScanQueue
from kova.bootstrap.core import Core
from kova.bootstrap.settings import load_settings
from kova.commands.message import decode_command_message
from kova.intake.accept_delivery import AcceptDelivery
from kova.scans.message import decode_scan_job
from kova.web.app import create_app
from kova.web.routes import webhooks
from kova_fakes.github import FakeGitHub, serve_github
from kova_fakes.github.webhooks import ping_event
from tests.fuzz.doors import Door, FuzzError
from tests.fuzz.mutate import mutate_bytes, mutate_document

NAME: Final = "octo/sample"
_SECRET: Final = "a-secret-of-webhooks"
_ALLOWED: Final = frozenset({202, 400, 401, 413, 415})
_FILES: Final = {"a.py": b"def f(x):\n    return x is 'a'\n"}


@contextmanager
def webhook_door() -> Iterator[Door]:
    """Open the door: the real application, called in this process, with queues in memory."""
    with serve_github() as github:
        yield _WebhookDoor(list(_right_deliveries(github))).send


class _WebhookDoor:
    def __init__(self, deliveries: list[tuple[str, dict[str, Any]]]) -> None:
        self._deliveries = deliveries
        self._scans, self._commands = MemoryScanQueue(), MemoryCommandQueue()
        accept = AcceptDelivery(secrets=[_SECRET], queue=self._scans, commands=self._commands)
        intake = SimpleNamespace(accept_delivery=accept)
        core = Core(load_settings({}))
        self._app: FastAPI = create_app(core, {"intake": intake}, [webhooks.router])

    async def send(self, random_: random.Random) -> str:
        event, payload = random_.choice(self._deliveries)
        body = mutate_document(random_, payload)
        content_type = "application/json"
        if random_.random() < 0.1:
            body = b"payload=" + quote_plus(body).encode()
            content_type = "application/x-www-form-urlencoded"
            body = mutate_bytes(random_, body) if random_.random() < 0.5 else body
        headers = {
            b"x-github-event": event.encode(),
            b"x-github-delivery": f"{random_.getrandbits(128):032x}".encode(),
            b"x-hub-signature-256": _signature(body),
            b"content-type": content_type.encode(),
        }
        if random_.random() < 0.1:
            name = random_.choice(list(headers))
            headers[name] = mutate_bytes(random_, headers[name])
        status, answer = await self._post(body, list(headers.items()))
        self._judge(status, answer, body)
        return f"{status} {answer.get('reason') or answer.get('status') or ''}".strip()

    def _judge(self, status: int, answer: dict[str, Any], body: bytes) -> None:
        if status not in _ALLOWED:
            raise FuzzError(f"answered {status}: {answer}", body)
        queued = [*self._scans.messages, *self._commands.messages]
        if answer.get("status") == "queued" and not queued:
            raise FuzzError("said queued, and queued nothing", body)
        if status != 202 and queued:
            raise FuzzError(f"answered {status}, and queued {queued}", body)
        for message in self._scans.messages:
            decode_scan_job(message)  # A worker could not: it would be lost.
        for message in self._commands.messages:
            decode_command_message(message)
        self._scans.messages.clear()
        self._commands.messages.clear()

    async def _post(
        self, body: bytes, headers: list[tuple[bytes, bytes]]
    ) -> tuple[int, dict[str, Any]]:
        sent: list[Any] = []
        parts = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Any:
            return next(parts, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
            "path": "/webhooks/github", "raw_path": b"/webhooks/github", "query_string": b"",
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
            "client": ("192.0.2.1", 1), "server": ("kova", 80), "scheme": "http", "root_path": "",
        }  # fmt: skip
        await self._app(scope, receive, send)
        answer = json.loads(b"".join(message.get("body", b"") for message in sent[1:]) or b"{}")
        return int(sent[0]["status"]), answer


def _signature(body: bytes) -> bytes:
    return b"sha256=" + hmac.new(_SECRET.encode(), body, hashlib.sha256).hexdigest().encode()


def _right_deliveries(github: FakeGitHub) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield an event of each kind that Kova reads, as the practice GitHub sends it."""
    state, context = github.state, github.context
    state.create_repository(NAME, files=_FILES)
    repository = state.repository(NAME)
    yield "push", github.push_event(NAME)
    state.push(NAME, _FILES | {"b.py": b"x = 1\n"}, branch="topic")
    number = state.open_pull(NAME, head="topic", base="main", title="A change")
    for action in ("opened", "synchronize", "closed", "reopened", "edited"):
        yield "pull_request", github.pull_request_event(NAME, number, action)
    for text in ("/kova scan", "/kova ask why?", "/kova ignore E711 since we say so", "thanks"):
        yield "issue_comment", github.comment_event(NAME, number, text)
    yield "merge_group", github.merge_group_event(NAME, "topic")
    yield "ping", ping_event(context, repository)
    for action in ("renamed", "deleted", "archived", "edited", "transferred", "privatized"):
        yield "repository", github.repository_event(NAME, action)
    for action in ("created", "deleted", "suspend", "added", "removed"):
        kind = "installation_repositories" if action in {"added", "removed"} else "installation"
        yield kind, github.installation_event(action, NAME)
    yield "push", github.branch_deleted_event(NAME, "topic")
    yield "projects_v2_item", {"action": "edited", "organization": {"login": "octo"}}
