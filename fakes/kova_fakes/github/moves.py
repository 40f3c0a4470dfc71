"""Renamed and transferred repositories: GitHub redirects from their old names, and answers by id.

https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
"""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from kova_fakes.github.context import GitHubContext

_NAMED = re.compile(r"/repos/([^/]+/[^/]+)(/.*)?")
_NUMBERED = re.compile(r"/repositories/(\d+)(/.*)?")


def named_repository(path: str) -> str | None:
    """Return the full name of the repository that a path is about."""
    match = _NAMED.fullmatch(path)
    return match[1] if match else None


def redirect(context: GitHubContext, scope: Scope) -> Response | None:
    """Return the redirect of a request by an old name, None for any other request."""
    match = _NAMED.fullmatch(scope["path"])
    number = context.state.moved(match[1]) if match else None
    if match is None or number is None:
        return None
    query = scope["query_string"].decode()
    location = f"{context.url}/repositories/{number}{match[2] or ''}"
    status = 301 if scope["method"] in {"GET", "HEAD"} else 307
    return JSONResponse(
        {"message": "Moved Permanently", "url": location},
        status,
        {"location": f"{location}?{query}" if query else location},
    )


def resolve_number(context: GitHubContext, scope: Scope) -> None:
    """Let a request by a repository's id be one by its name."""
    match = _NUMBERED.fullmatch(scope["path"])
    name = context.state.name_of(int(match[1])) if match else None
    if match is not None and name is not None:
        scope["path"] = f"/repos/{name}{match[2] or ''}"
        scope["raw_path"] = scope["path"].encode()
