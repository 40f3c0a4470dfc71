"""/auth: signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from kova.access.api_key import Scope
from kova.access.person import OpenedSession
from kova.shared.exceptions import KovaError
from kova.web.dependencies import address_of, limited
from kova.web.own_path import HOME, own_path
from kova.web.pages.cookie import delete_cookie, set_cookie
from kova.web.pages.session import (
    SIGN_IN_PATH,
    People,
    SignedIn,
    current_session,
    needs_session,
)
from kova.web.pages.sign_in import sign_in_page
from kova.web.problem_table import describe, problem_headers, retry_header
from kova.web.services import PeopleServices
from kova.web.static_pages import StaticPage

router = APIRouter(include_in_schema=False)
NextPath = Annotated[str | None, Query(alias="next")]


@router.get(SIGN_IN_PATH)
async def show_sign_in(request: Request, people: People, next_path: NextPath = None) -> Response:
    """Say how to sign in; who is signed in goes on."""
    path = own_path(next_path)
    _, session = await current_session(request, people)
    if session is not None:
        return _redirect(path)
    return _answer(sign_in_page(people.providers, next_path=path))


@router.get("/auth/link")
async def open_link(
    request: Request, people: People, token: str = "", next_path: NextPath = None
) -> Response:
    """Sign in by a link that works once."""
    try:
        await people.admit_attempt(address_of(request), limited(request))
        opened = await people.sign_in.open_link(token, request.headers.get("user-agent", ""))
    except KovaError as exc:
        return refusal(exc, people, path=HOME)
    return signed_in(request, opened, own_path(next_path))


@router.post("/auth/logout")
async def sign_out(
    request: Request,
    people: People,
    person: Annotated[SignedIn, Depends(needs_session(Scope.READ))],
) -> Response:
    """End the session of this browser."""
    await people.sign_in.end(person.session_id, person.subject.actor)
    response = _redirect(SIGN_IN_PATH)
    delete_cookie(request, response)
    return response


def signed_in(request: Request, opened: OpenedSession, path: str) -> Response:
    """Return the answer that gives a browser its new session."""
    response = _redirect(path)
    session = opened.session
    set_cookie(request, response, opened.token, lifetime=session.expires_at - session.created_at)
    return response


def refusal(error: KovaError, people: PeopleServices, *, path: str) -> Response:
    """Return the page that says what went wrong and what to do."""
    status, _ = describe(error)
    page = sign_in_page(people.providers, next_path=path, problem=error.message, status=status)
    response = _answer(page)
    response.headers.update(problem_headers(status) | retry_header(error))
    return response


def _redirect(path: str) -> Response:
    return Response(status_code=303, headers={"location": path})


def _answer(page: StaticPage) -> Response:
    return Response(page.body, status_code=page.status, headers=dict(page.headers))
