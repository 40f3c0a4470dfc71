"""Who is signed in: what the pages ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from kova.access.api_key import Scope
from kova.access.person import ActiveSession, csrf_matches, csrf_token
from kova.access.subject import Subject
from kova.shared.exceptions import ForbiddenError
from kova.web.dependencies import capability
from kova.web.own_host import is_foreign_form
from kova.web.pages.cookie import read_cookie
from kova.web.pages.form import read_form
from kova.web.services import PeopleServices

SIGN_IN_PATH: Final = "/auth/sign-in"
CSRF_FIELD: Final = "csrf_token"
CSRF_HEADER: Final = "X-CSRF-Token"
_SAFE: Final = frozenset({"GET", "HEAD"})

People = Annotated[PeopleServices, Depends(capability("people"))]


class ForeignFormError(ForbiddenError):
    """The form is not one of this session: go back, reload the page and send it again."""

    reason = "foreign_form"


class RoleError(ForbiddenError):
    """Your role does not allow this; whoever runs this Kova can give you another one."""

    reason = "role"


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """Somebody who is signed in; every form of their pages carries `csrf_token`."""

    subject: Subject
    session_id: str
    csrf_token: str


def needs_session(scope: Scope) -> Callable[..., Awaitable[SignedIn]]:
    """Return a dependency that lets people with a scope pass.

    Others are sent to sign in. A request that is neither GET nor HEAD must carry the session's
    token, in the field CSRF_FIELD of a form or in the header CSRF_HEADER.
    """

    async def signed_in(request: Request, people: People) -> SignedIn:
        token, session = await current_session(request, people)
        if session is None:
            raise sign_in_first(request)
        if request.method not in _SAFE:
            await require_own_form(request, people, token)
        subject = session.subject
        if scope not in subject.scopes:
            raise RoleError(scope=scope.value)
        return SignedIn(subject=subject, session_id=session.id, csrf_token=csrf_token(token))

    return signed_in


async def current_session(
    request: Request, people: PeopleServices
) -> tuple[str, ActiveSession | None]:
    """Return the token of the browser's cookie, and its session where there is one."""
    token = read_cookie(request) or ""
    return token, await people.sign_in.resume(token) if token else None


def require_own_site(request: Request, people: PeopleServices) -> None:
    """Check that no page of another site sent the request.

    Raises:
        ForeignFormError: a browser says that it did.
    """
    if is_foreign_form(request.headers, public_url=people.public_url):
        raise ForeignFormError


async def require_own_form(request: Request, people: PeopleServices, token: str) -> None:
    """Check that a page of this session sent the request.

    Raises:
        ForeignFormError: it did not.
    """
    require_own_site(request, people)
    presented = request.headers.get(CSRF_HEADER)
    if presented is None:
        presented = (await read_form(request)).get(CSRF_FIELD, [""])[0]
    if not csrf_matches(presented, token):
        raise ForeignFormError


def sign_in_first(request: Request) -> HTTPException:
    """Return what sends a browser to the sign-in, and from there back to this page."""
    location = SIGN_IN_PATH
    if request.method in _SAFE:
        query = request.url.query
        path = f"{request.url.path}?{query}" if query else request.url.path
        location = f"{SIGN_IN_PATH}?next={quote(path, safe='/')}"
    if request.headers.get("hx-request") == "true":
        # A script would follow the redirect and show the sign-in inside of the page.
        return HTTPException(status_code=401, headers={"HX-Redirect": SIGN_IN_PATH})
    return HTTPException(status_code=303, headers={"Location": location})
