"""/auth: signing in and out."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from kova.access.api_key import Scope
from kova.access.identity import GITHUB, GOOGLE, ProviderUnavailableError
from kova.access.person import OpenedSession
from kova.access.sign_in_elsewhere import ATTEMPT_LIFETIME
from kova.shared.exceptions import KovaError, NotFoundError
from kova.web.client import address_of, note_verdict
from kova.web.own_path import HOME, own_path
from kova.web.pages.cookie import delete_cookie, read_cookie, set_cookie
from kova.web.pages.form import read_form
from kova.web.pages.own_address import own_address
from kova.web.pages.session import (
    SIGN_IN_PATH,
    People,
    SignedIn,
    current_session,
    needs_session,
    require_own_form,
    require_own_site,
    sign_in_first,
)
from kova.web.problem_table import describe, problem_headers, retry_header
from kova.web.services import PeopleServices
from kova.web.static_pages import StaticPage

router = APIRouter(include_in_schema=False)
NextPath = Annotated[str | None, Query(alias="next")]
Reader = Annotated[SignedIn, Depends(needs_session(Scope.READ))]
_ATTEMPT: Final = "kova-sign-in"
"""The cookie of a browser that is on its way to a provider and back."""


@router.get(SIGN_IN_PATH)
async def show_sign_in(request: Request, people: People, next_path: NextPath = None) -> Response:
    """Say how to sign in; who is signed in goes on."""
    path = own_path(next_path)
    try:
        _, session = await current_session(request, people)
    except ProviderUnavailableError as exc:
        return refusal(exc, people, path=path)
    if session is not None:
        return _redirect(path)
    return _show_sign_in(people, path)


@router.get("/auth/link")
async def show_link(
    request: Request, people: People, token: str = "", next_path: NextPath = None
) -> Response:
    """Show whom a link signs in, and a button; previews of chats open links, too."""
    from kova.web.pages.sign_in import link_page

    try:
        await people.admit_attempt(address_of(request), note_verdict(request))
        person = await people.sign_in.look_at_link(token)
    except KovaError as exc:
        response = refusal(exc, people, path=HOME)
        # The link may still work: not even our own files are told of it.
        response.headers["referrer-policy"] = "strict-origin"
        return response
    return _answer(link_page(person, token=token, next_path=own_path(next_path)))


@router.post("/auth/link")
async def open_link(request: Request, people: People) -> Response:
    """Sign in by a link that works once."""
    try:
        require_own_site(request, people)
        await people.admit_attempt(address_of(request), note_verdict(request))
        fields = await read_form(request)
        token = fields.get("token", [""])[0]
        opened = await people.sign_in.open_link(token, request.headers.get("user-agent", ""))
    except KovaError as exc:
        return refusal(exc, people, path=HOME)
    await _end_earlier(request, people)
    return signed_in(request, opened, own_path(fields.get("next", [HOME])[0]))


@router.get("/auth/google/login")
async def begin_with_google(
    request: Request, people: People, next_path: NextPath = None
) -> Response:
    """Send the browser to Google."""
    return await _begin(request, people, GOOGLE, next_path)


@router.get("/auth/google/callback")
async def finish_with_google(request: Request, people: People) -> Response:
    """Open a session for somebody whom Google sends back."""
    return await _finish(request, people, GOOGLE)


@router.get("/auth/github/login")
async def begin_with_github(
    request: Request, people: People, next_path: NextPath = None
) -> Response:
    """Send the browser to GitHub."""
    return await _begin(request, people, GITHUB, next_path)


@router.get("/auth/github/callback")
async def finish_with_github(request: Request, people: People) -> Response:
    """Open a session for somebody whom GitHub sends back."""
    return await _finish(request, people, GITHUB)


@router.post("/auth/logout")
async def sign_out(request: Request, people: People) -> Response:
    """End the session of this browser, also while its provider does not answer."""
    token = read_cookie(request) or ""
    session = await people.sign_in.find(token)
    if session is None:
        raise sign_in_first(request)
    await require_own_form(request, people, token)
    await people.sign_in.end(session.id, session.identity.actor)
    response = _redirect(SIGN_IN_PATH)
    delete_cookie(request, response)
    return response


@router.get("/auth/sessions")
async def list_sessions(
    request: Request, people: People, person: Reader, done: str = ""
) -> Response:
    """Show the sessions of whoever is signed in."""
    from kova.web.pages.sign_in import sessions_page

    sessions = await people.sign_in.list_sessions(person.subject.actor)
    return _answer(sessions_page(sessions, person, path=request.url.path, done=done))


@router.post("/auth/sessions/{session_id}/revoke")
async def revoke_session(
    session_id: Annotated[str, Path(max_length=64)], people: People, person: Reader
) -> Response:
    """End one of one's own sessions."""
    if not await people.sign_in.end(session_id, person.subject.actor):
        raise NotFoundError("You have no such session.")
    return _redirect("/auth/sessions?done=ended")


async def _begin(
    request: Request, people: PeopleServices, provider: str, next_path: str | None
) -> Response:
    _require_configured(people, provider)
    path = own_path(next_path)
    try:
        address = own_address(request, people.public_url)
        # What is begun is remembered for a while: strangers are counted before that.
        await people.admit_attempt(address_of(request), note_verdict(request))
        redirect_uri = f"{address}/auth/{provider}/callback"
        begun = await people.elsewhere.begin(provider, redirect_uri, path)
    except KovaError as exc:
        return refusal(exc, people, path=path)
    response = _redirect(begun.address)
    set_cookie(request, response, begun.browser_secret, name=_ATTEMPT, lifetime=ATTEMPT_LIFETIME)
    return response


async def _finish(request: Request, people: PeopleServices, provider: str) -> Response:
    _require_configured(people, provider)
    try:
        await people.admit_attempt(address_of(request), note_verdict(request))
        ended = await people.elsewhere.finish(
            provider,
            request.query_params,
            read_cookie(request, _ATTEMPT) or "",
            request.headers.get("user-agent", ""),
        )
    except KovaError as exc:
        # The cookie stays: it may be that of another tab, whose sign-in is under way.
        return refusal(exc, people, path=HOME)
    await _end_earlier(request, people)
    response = signed_in(request, ended.opened, own_path(ended.next_path))
    delete_cookie(request, response, _ATTEMPT)
    return response


async def _end_earlier(request: Request, people: PeopleServices) -> None:
    """End the session that this browser had: a new sign-in replaces it."""
    session = await people.sign_in.find(read_cookie(request) or "")
    if session is not None:
        await people.sign_in.end(session.id, session.identity.actor)


def _require_configured(people: PeopleServices, provider: str) -> None:
    if all(each.id != provider for each in people.providers):
        raise NotFoundError


def signed_in(request: Request, opened: OpenedSession, path: str) -> Response:
    """Return the answer that gives a browser its new session."""
    response = _redirect(path)
    session = opened.session
    set_cookie(request, response, opened.token, lifetime=session.expires_at - session.created_at)
    return response


def refusal(error: KovaError, people: PeopleServices, *, path: str) -> Response:
    """Return the page that says what went wrong and what to do."""
    status, _ = describe(error)
    response = _show_sign_in(people, path, problem=error.message, status=status)
    response.headers.update(problem_headers(status) | retry_header(error))
    return response


def _show_sign_in(
    people: PeopleServices, path: str, *, problem: str | None = None, status: int = 200
) -> Response:
    # Only here: most answers of /auth are redirects, and need no template.
    from kova.web.pages.sign_in import sign_in_page

    page = sign_in_page(people.providers, next_path=path, problem=problem, status=status)
    return _answer(page)


def _redirect(path: str) -> Response:
    return Response(status_code=303, headers={"location": path})


def _answer(page: StaticPage) -> Response:
    return Response(page.body, status_code=page.status, headers=dict(page.headers))
