"""The context of the routes, and their answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kova_fakes.github.apps import RegisteredApp
from kova_fakes.github.auth import CallerKind, GitHubCaller, GitHubCredentials
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.faults import Faults
from kova_fakes.github.state import RepositoryState, State
from kova_fakes.github.users import UserSignIn


@dataclass(frozen=True, kw_only=True)
class PersonControl:
    """Lets a program do what people do on GitHub, by routes that GitHub has not.

    Attributes:
        token: the bearer token of these routes.
        folders: absolute; repositories are made from what is in them, and from nothing else.
    """

    token: str
    folders: tuple[Path, ...] = ()


@dataclass(kw_only=True)
class GitHubContext:
    """The state of one fake GitHub.

    Attributes:
        control: opens routes that GitHub has not; None for GitHub's own alone.
        local_only: nothing is taken from foreign pages, or under a name from elsewhere.
    """

    state: State
    credentials: GitHubCredentials
    faults: Faults
    webhook_secret: str
    url: str = ""
    on_internet: bool = False
    control: PersonControl | None = None
    local_only: bool = False
    sign_in: UserSignIn = field(default_factory=UserSignIn)
    archive: dict[str, list[bytes]] = field(default_factory=dict)


def context_of(request: Request) -> GitHubContext:
    """Return the server's context."""
    context: GitHubContext = request.app.state.context
    return context


def caller_of(request: Request) -> CallerKind:
    """Return the kind of the caller."""
    caller: GitHubCaller = request.state.caller
    return caller.kind


def require_app(request: Request) -> RegisteredApp:
    """Return the App that calls with its JWT."""
    caller: GitHubCaller = request.state.caller
    if caller.kind is not CallerKind.APP or caller.app is None:
        raise ApiError(401, "A JSON web token could not be decoded")
    return caller.app


async def form_of(request: Request) -> dict[str, str]:
    """Return the fields of a form."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise ApiError(415, "A form is wanted")
    fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


def page(title: str, content: str) -> str:
    """Return a page; both arguments are HTML."""
    style = "body{font:16px system-ui;max-width:60rem;margin:2rem auto}pre{overflow:auto}"
    head = f"<meta charset=utf-8><title>{title}</title><style>{style}</style>"
    return f"<!doctype html>{head}<h1>{title}</h1>{content}"


def readable(request: Request) -> RepositoryState:
    """Return the repository of the path, if the caller may see it."""
    context = context_of(request)
    name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    repository = context.state.repository(name)
    is_app = caller_of(request) is CallerKind.INSTALLATION
    if repository.private and is_app and not repository.installed:
        raise not_found()
    if repository.private and caller_of(request) not in {
        CallerKind.INSTALLATION,
        CallerKind.PERSON,
    }:
        raise not_found()
    return repository


def writable(request: Request) -> RepositoryState:
    """Return the repository of the path, if the caller may write to it.

    Raises:
        ApiError: 403: it is archived, or the caller may not.
    """
    if caller_of(request) is CallerKind.NOBODY:
        raise ApiError(401, "Requires authentication")
    if caller_of(request) is CallerKind.APP:
        raise ApiError(403, "Resource not accessible by integration")
    repository = readable(request)
    if repository.archived:
        raise ApiError(403, "Repository was archived so is read-only.")
    return repository


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
