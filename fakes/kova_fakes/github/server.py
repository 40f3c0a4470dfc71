"""The fake as an ASGI application and as a server in a thread."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kova_fakes.github import (
    control,
    permissions,
    routes_apps,
    routes_checks,
    routes_git,
    routes_graphql,
    routes_hooks,
    routes_repos,
    routes_users,
    webhooks,
)
from kova_fakes.github.apps import RegisteredApp, app_key
from kova_fakes.github.auth import CallerKind, GitHubCaller, GitHubCredentials
from kova_fakes.github.context import GitHubContext, PersonControl
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.event_payloads import FakeGitHubEvents
from kova_fakes.github.faults import Fault, Faults, fault_answer
from kova_fakes.github.moves import named_repository, redirect, resolve_number
from kova_fakes.github.record import RecordedRequest
from kova_fakes.github.state import State
from kova_fakes.loopback import is_from_here

# What the App has that is there from the start.
_PERMISSIONS = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "merge_queues": "read",
    "metadata": "read",
    "pull_requests": "write",
}
_EVENTS = (
    "check_run",
    "check_suite",
    "issue_comment",
    "merge_group",
    "pull_request",
    "push",
    "repository",
)
_SECRETS = {"authorization", "x-hub-signature-256"}


def application(context: GitHubContext) -> Starlette:
    """Return the application of one fake."""

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, ApiError)
        return error.response()

    async def unknown(_request: Request, _error: Exception) -> Response:
        return not_found().response()

    async def malformed(_request: Request, error: Exception) -> Response:
        return ApiError(422, f"Invalid request.\n\n{type(error).__name__}").response()

    app = Starlette(
        routes=[
            *control.PAGES,
            *(control.ROUTES if context.control else ()),
            *routes_apps.ROUTES,
            *routes_users.ROUTES,
            *routes_repos.ROUTES,
            *routes_hooks.ROUTES,
            *routes_checks.ROUTES,
            *routes_git.ROUTES,
            *routes_graphql.ROUTES,
            *routes_git.LAST_ROUTES,
        ],
        exception_handlers={
            ApiError: refused,
            404: unknown,
            405: unknown,
            KeyError: malformed,
            ValueError: malformed,
            TypeError: malformed,
            AttributeError: malformed,
        },
    )
    app.state.context = context
    app.add_middleware(_Edge, context=context)
    return app


class _Edge:
    """Middleware: identifies callers, applies faults, adds headers, and records requests."""

    def __init__(self, app: ASGIApp, context: GitHubContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_local_only = scope["type"] == "http" and self._context.local_only
        if is_local_only and not is_from_here(Request(scope)):
            refusal = ApiError(403, "The practice GitHub answers to its own machine alone.")
            await refusal.response()(scope, receive, send)
            return
        if scope["type"] != "http" or scope["path"].startswith("/_control") or scope["path"] == "/":
            await self._app(scope, receive, send)
            return
        resolve_number(self._context, scope)
        request = Request(scope)
        body: list[bytes] = []

        async def receive_and_note() -> Message:
            message = await receive()
            body.append(message.get("body", b""))
            return message

        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_response_headers()]
                if status < 300 and scope["method"] != "GET":  # noqa: PLR2004 (it changed something)
                    # What is answered is stored: it outlives a kill.
                    changed = scope.get("state", {}).get("changed")
                    self._context.state.save(changed or named_repository(scope["path"]))
            await send(message)

        fault = self._context.faults.take(scope["method"], scope["path"])
        await self._answer(scope, receive_and_note, send_and_note, request, fault)
        self._record(request, scope, b"".join(body), status)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, request: Request, fault: Fault | None
    ) -> None:
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        ready = fault_answer(fault) if fault else None
        if ready is not None:
            status, headers, content = ready
            await Response(content, status, headers)(scope, receive, send)
            return
        if not request.headers.get("user-agent"):
            text = "Request forbidden by administrative rules: it has no User-Agent header."
            await Response(text, 403)(scope, receive, send)
            return
        try:
            caller = self._context.credentials.identify(
                request.headers.get("authorization"),
                self._context.state.apps,
                self._context.sign_in.tokens,
            )
            _require_permission(caller, scope)
        except ApiError as exc:
            await exc.response()(scope, receive, send)
            return
        scope.setdefault("state", {})["caller"] = caller
        moved = redirect(self._context, scope)
        if moved is not None:
            await moved(scope, receive, send)
            return
        scope["state"]["stale"] = fault is not None and fault.kind == "stale"
        if fault is not None and fault.kind == "cut":
            send = _cut_in_the_middle(send)
        if fault is not None and fault.kind == "late":
            send = _send_after(fault.seconds, send)
        await self._app(scope, receive, send)

    def _record(self, request: Request, scope: Scope, body: bytes, status: int) -> None:
        try:
            content = json.loads(body) if body else None
        except (ValueError, RecursionError):
            content = None
        route = scope.get("route")
        headers = {key: value for key, value in request.headers.items() if key not in _SECRETS}
        self._context.state.requests.append(
            RecordedRequest(
                method=scope["method"],
                path=scope["path"],
                template=getattr(route, "path", None),
                query=dict(request.query_params),
                headers=headers,
                json=content,
                status=status,
            )
        )


def _require_permission(caller: GitHubCaller, scope: Scope) -> None:
    """Refuse what the App of an installation has no permission for."""
    if caller.kind is not CallerKind.INSTALLATION or caller.app is None:
        return
    if not permissions.allows(caller.app.permissions, scope["method"], scope["path"]):
        raise ApiError(403, "Resource not accessible by integration")


class _CutConnectionError(Exception):
    """Ends a connection in the middle of an answer."""


def _cut_in_the_middle(send: Send) -> Send:
    async def cut(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                header for header in message["headers"] if header[0] != b"content-length"
            ] + [(b"content-length", b"1000000")]
            await send(message)
            return
        part = message.get("body", b"")
        await send(
            {"type": "http.response.body", "body": part[: len(part) // 2], "more_body": True}
        )
        raise _CutConnectionError

    return cut


def _send_after(seconds: float, send: Send) -> Send:
    async def wait(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(seconds)
        await send(message)

    return wait


def _response_headers() -> list[tuple[bytes, bytes]]:
    limit = {"limit": "5000", "remaining": "4999", "used": "1", "resource": "core"}
    headers = [(f"x-ratelimit-{key}".encode(), value.encode()) for key, value in limit.items()]
    reset = str(int(time.time()) + 3_600).encode()
    return [
        *headers,
        (b"x-ratelimit-reset", reset),
        (b"x-github-request-id", uuid.uuid4().hex[:24].encode()),
        (b"x-github-api-version-selected", b"2022-11-28"),
    ]


class FakeGitHub(FakeGitHubEvents):
    """The handle of a running fake, for tests."""

    def __init__(self, context: GitHubContext) -> None:
        self.context = context
        self.state = context.state
        self.url = context.url
        self.app_id = context.credentials.app_id
        self.private_key_pem = context.credentials.private_key_pem
        self.token = context.credentials.token
        self.installation_id = context.credentials.installation_id
        self.webhook_secret = context.webhook_secret
        self.client_id = context.credentials.app.client_id
        self.client_secret = context.credentials.app.client_secret
        self.sign_in = context.sign_in

    def reset(self) -> None:
        """Forget every repository, request and fault; credentials stay valid."""
        self.state = self.context.state = State()
        self.context.credentials.app.suspended = False
        self.context.credentials.app.installation_id = self.installation_id
        self.context.faults = Faults()

    def inject(self, fault: Fault) -> None:
        """Add a fault."""
        self.context.faults.inject(fault)

    def clear_faults(self) -> None:
        """Answer as usual from now on."""
        self.context.faults.clear()

    def push_event(self, full_name: str, branch: str = "main") -> dict[str, Any]:
        """Return the payload of the last push to a branch."""
        return webhooks.push_event(self.context, self.state.repository(full_name), branch)

    def pull_request_event(
        self, full_name: str, number: int, action: str = "opened"
    ) -> dict[str, Any]:
        """Return the payload of a pull request's event."""
        repository = self.state.repository(full_name)
        return webhooks.pull_request_event(self.context, repository, number, action)

    def rerequest_event(
        self, full_name: str, check_run_id: int, *, suite: bool = False
    ) -> dict[str, Any]:
        """Press "Re-run" at a check run, or at its suite, and return the payload of the event."""
        repository = self.state.repository(full_name)
        return webhooks.rerequest_event(self.context, repository, check_run_id, suite=suite)

    def comment_event(
        self,
        full_name: str,
        number: int,
        body: str,
        *,
        user: str = "writer",
        pull_request: bool = True,
    ) -> dict[str, Any]:
        """Comment as a person and return the payload of the event."""
        return webhooks.comment_event(
            self.context,
            self.state.repository(full_name),
            number,
            body,
            user=user,
            pull_request=pull_request,
        )

    def merge_group_event(self, full_name: str, head: str, base: str = "main") -> dict[str, Any]:
        """Return the payload of a merge queue that asks for checks on a branch of its own."""
        repository = self.state.repository(full_name)
        return webhooks.merge_group_event(self.context, repository, head, base)

    def deliver(
        self,
        target_url: str,
        event: str,
        payload: dict[str, Any],
        guid: str | None = None,
        content_type: str = "application/json",
    ) -> httpx.Response:
        """Deliver a signed webhook."""
        return webhooks.deliver(
            self.context, target_url, event, payload, guid=guid, content_type=content_type
        )


def new_context(
    file: Path | None = None,
    *,
    app_id: str = "1",
    private_key_pem: str | None = None,
    token: str | None = None,
    webhook_secret: str | None = None,
    on_internet: bool = False,
    person_control: PersonControl | None = None,
) -> GitHubContext:
    """Return a new context; `on_internet` as kova_fakes.github.manifest says."""
    app = RegisteredApp(
        id=int(app_id),
        name="Kova practice",
        slug="kova-practice",
        permissions=dict(_PERMISSIONS),
        events=list(_EVENTS),
        private_key_pem=private_key_pem or app_key(),
        installation_id=42,
    )
    credentials = GitHubCredentials(app, token or f"ghp_{secrets.token_hex(18)}")
    return GitHubContext(
        state=State(file),
        credentials=credentials,
        faults=Faults(),
        webhook_secret=webhook_secret or secrets.token_hex(16),
        on_internet=on_internet,
        control=person_control,
    )


@contextmanager
def serve_github(port: int = 0, context: GitHubContext | None = None) -> Iterator[FakeGitHub]:
    """Serve a fake on the loopback from a thread of this process."""
    context = context or new_context()
    config = uvicorn.Config(
        application(context), host="127.0.0.1", port=port, log_level="critical", lifespan="off"
    )
    server = uvicorn.Server(config)
    listening = config.bind_socket()
    context.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True
    )
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield FakeGitHub(context)
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listening.close()


__all__ = ["FakeGitHub", "application", "new_context", "serve_github"]
