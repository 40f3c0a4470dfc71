"""The context of the routes, and their answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kova_fakes.github.auth import CallerKind, GitHubCredentials
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.faults import Faults
from kova_fakes.github.state import RepositoryState, State


@dataclass(kw_only=True)
class GitHubContext:
    """The state of one fake GitHub."""

    state: State
    credentials: GitHubCredentials
    faults: Faults
    webhook_secret: str
    url: str = ""
    archive: dict[str, list[bytes]] = field(default_factory=dict)


def context_of(request: Request) -> GitHubContext:
    """Return the server's context."""
    context: GitHubContext = request.app.state.context
    return context


def caller_of(request: Request) -> CallerKind:
    """Return the kind of the caller."""
    caller: CallerKind = request.state.caller
    return caller


def readable(request: Request) -> RepositoryState:
    """Return the repository of the path, if the caller may see it."""
    context = context_of(request)
    name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    repository = context.state.repository(name)
    if repository.private and caller_of(request) not in {
        CallerKind.INSTALLATION,
        CallerKind.PERSON,
    }:
        raise not_found()
    return repository


def writable(request: Request) -> RepositoryState:
    """Return the repository of the path, if the caller may write to it."""
    if caller_of(request) is CallerKind.NOBODY:
        raise ApiError(401, "Requires authentication")
    if caller_of(request) is CallerKind.APP:
        raise ApiError(403, "Resource not accessible by integration")
    return readable(request)


def answer(request: Request, content: Any, status: int = 200) -> Response:
    """Return JSON with an ETag, or 304 when the client has it."""
    response = JSONResponse(content, status_code=status)
    tag = f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()}"'
    if request.method == "GET" and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"etag": tag})
    response.headers["etag"] = tag
    return response


def paged(request: Request, rows: list[Any], key: str | None = None) -> Response:
    """Return one page of a list, with the Link header."""
    try:
        size = min(max(int(request.query_params.get("per_page", "30")), 1), 100)
        page = max(int(request.query_params.get("page", "1")), 1)
    except ValueError as exc:
        raise ApiError(422, "Invalid page") from exc
    page_rows = rows[(page - 1) * size : page * size]
    content = {"total_count": len(rows), key: page_rows} if key else page_rows
    response = answer(request, content)
    if page * size < len(rows):
        following = request.url.include_query_params(page=page + 1, per_page=size)
        response.headers["link"] = f'<{following}>; rel="next"'
    return response
