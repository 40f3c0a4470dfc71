"""Signing in with GitHub: a person's consent, their token, and what they may see.

https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from kova_fakes.github.apps import RegisteredApp
from kova_fakes.github.auth import CallerKind, GitHubCaller
from kova_fakes.github.context import answer, context_of, paged
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.users import GitHubUser, UserGrant

_LEVELS = ("pull", "triage", "push", "maintain", "admin")


async def authorize(request: Request) -> Response:
    """GET /login/oauth/authorize."""
    context, query = context_of(request), dict(request.query_params)
    sign_in = context.sign_in
    if _app(request, query.get("client_id", "")) is None:
        raise not_found()
    redirect_uri = query.get("redirect_uri", "")
    error = None
    if redirect_uri not in sign_in.callback_urls:
        # GitHub sends the person to the first address that it knows, with the reason.
        error, redirect_uri = "redirect_uri_mismatch", next(iter(sign_in.callback_urls), "/")
    elif sign_in.user is None:
        error = "access_denied"
    if error is not None or sign_in.user is None:
        fields = {"error": error or "access_denied", "state": query.get("state", "")}
        return RedirectResponse(f"{redirect_uri}?{urlencode(fields)}", status_code=302)
    if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
        raise ApiError(422, "code_challenge_method must be S256")
    code = secrets.token_hex(10)
    sign_in.grants[code] = UserGrant(
        user=sign_in.user, redirect_uri=redirect_uri, challenge=query["code_challenge"]
    )
    fields = {"code": code, "state": query.get("state", "")}
    return RedirectResponse(f"{redirect_uri}?{urlencode(fields)}", status_code=302)


async def exchange(request: Request) -> Response:
    """POST /login/oauth/access_token: GitHub answers 200 also when it refuses."""
    body: dict[str, Any] = await request.json()
    sign_in = context_of(request).sign_in
    app = _app(request, str(body.get("client_id")))
    if app is None or body.get("client_secret") != app.client_secret:
        return _refuse("incorrect_client_credentials")
    grant = sign_in.grants.pop(str(body.get("code")), None)
    if grant is None:
        return _refuse("bad_verification_code")
    if body.get("redirect_uri") != grant.redirect_uri:
        return _refuse("redirect_uri_mismatch")
    digest = hashlib.sha256(str(body.get("code_verifier", "")).encode()).digest()
    if base64.urlsafe_b64encode(digest).decode().rstrip("=") != grant.challenge:
        return _refuse("bad_verification_code")
    token = f"ghu_{secrets.token_hex(18)}"
    sign_in.tokens[token] = grant.user
    return JSONResponse({"access_token": token, "scope": "", "token_type": "bearer"})


async def get_user(request: Request) -> Response:
    """GET /user."""
    user = _user(request)
    return answer(request, {"login": user.login, "id": 1, "type": "User", "name": user.name})


async def list_installations(request: Request) -> Response:
    """GET /user/installations."""
    _user(request)
    number = context_of(request).credentials.installation_id
    return paged(request, [{"id": number}], "installations")


async def list_repositories(request: Request) -> Response:
    """GET /user/installations/{id}/repositories: those that the person may see too."""
    user, context = _user(request), context_of(request)
    if request.path_params["number"] != context.credentials.installation_id:
        raise not_found()
    repositories = []
    for full_name in sorted(user.permissions):
        repository = context.state.repository(full_name)
        level = _LEVELS.index(user.permissions[full_name])
        repositories.append(
            {
                "full_name": repository.full_name,
                "private": repository.private,
                "permissions": {name: position <= level for position, name in enumerate(_LEVELS)},
            }
        )
    return paged(request, repositories, "repositories")


def _refuse(error: str) -> Response:
    return JSONResponse({"error": error, "error_description": error.replace("_", " ")})


def _app(request: Request, client_id: str) -> RegisteredApp | None:
    context = context_of(request)
    apps = [context.credentials.app, *context.state.apps]
    return next((app for app in apps if app.client_id == client_id), None)


def _user(request: Request) -> GitHubUser:
    caller: GitHubCaller = request.state.caller
    if caller.kind is not CallerKind.USER or caller.token is None:
        raise ApiError(401, "Requires authentication")
    return context_of(request).sign_in.tokens[caller.token]


ROUTES = [
    Route("/login/oauth/authorize", authorize),
    Route("/login/oauth/access_token", exchange, methods=["POST"]),
    Route("/user", get_user),
    Route("/user/installations", list_installations),
    Route("/user/installations/{number:int}/repositories", list_repositories),
]
