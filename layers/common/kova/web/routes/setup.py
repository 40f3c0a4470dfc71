"""/setup: the pages that make Kova's GitHub App by GitHub's manifest flow.

1. GET /setup asks for the one-time token; POST /setup/session takes it once and sets a cookie.
2. GET /setup, with the cookie, asks for name, owner and address.
3. POST /setup/app shows what will be asked for, with a form that posts the manifest to GitHub.
4. GET /setup/callback is where GitHub sends the person back, with a code.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response

from kova.setup.exceptions import SetupOriginError, SetupSessionError
from kova.setup.manifest import (
    CALLBACK_PATH,
    build_manifest,
    read_request,
    registration_address,
)
from kova.setup.session import LIFETIME
from kova.shared.exceptions import InvalidInputError, KovaError, NotFoundError, RateLimitedError
from kova.web import setup_pages
from kova.web.client import address_of, note_verdict
from kova.web.dependencies import Setup
from kova.web.own_host import is_foreign_form, is_own_origin
from kova.web.problem_table import describe, problem_headers, retry_header
from kova.web.services import SetupServices
from kova.web.static_pages import StaticPage

router = APIRouter(include_in_schema=False)
_COOKIE: Final = "kova_setup"
_MOST_FIELDS: Final = 16
_TOP: Final = "setup/"
"""The files of the pages, as seen from /setup; from deeper pages they are beside them."""


@router.get("/setup")
async def begin(request: Request, setup: Setup) -> Response:
    """Ask for the token, or with a session for what the App shall be called."""
    await _require_open(setup)
    try:
        await setup.create_app.state(request.cookies.get(_COOKIE))
    except SetupSessionError:
        return _answer(setup_pages.token_page(root=_TOP))
    fields = {"name": "Kova", "public_address": _origin(request, setup), **setup.defaults}
    return _answer(setup_pages.form_page(fields, github=setup.web_address, root=_TOP))


@router.post("/setup/session")
async def open_session(request: Request, setup: Setup) -> Response:
    """Take the one-time token."""
    await _require_open(setup)
    try:
        _refuse_foreign(request, setup)
        await setup.admit_attempt(address_of(request), note_verdict(request))
        fields = await _form(request)
        session = await setup.create_app.open_session(fields.get("token", ""))
    except NotFoundError:
        raise
    except KovaError as exc:
        return _refusal(exc, setup_pages.token_page, root="")
    response = Response(status_code=303, headers={"location": "../setup"})
    response.set_cookie(
        _COOKIE,
        session,
        max_age=int(LIFETIME.total_seconds()),
        path="/setup",
        secure=_origin(request, setup).startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    return response


@router.post("/setup/app")
async def review(request: Request, setup: Setup) -> Response:
    """Show what GitHub will be asked for."""
    await _require_open(setup)
    fields: dict[str, str] = {}
    try:
        _refuse_foreign(request, setup)
        state = await setup.create_app.state(request.cookies.get(_COOKIE))
        fields = await _form(request)
        app_request = read_request(
            fields.get("name", ""),
            fields.get("organization", ""),
            fields.get("public_address", ""),
            web_address=setup.web_address,
        )
    except InvalidInputError as exc:
        page = setup_pages.form_page(
            fields,
            github=setup.web_address,
            root="",
            problem=exc.message,
            invalid=exc.data.get("field"),
        )
        return _answer(page)
    except NotFoundError:
        raise
    except KovaError as exc:
        return _refusal(exc, setup_pages.problem_page, root="")
    manifest = build_manifest(app_request, redirect_url=_origin(request, setup) + CALLBACK_PATH)
    target = registration_address(setup.web_address, app_request.organization, state)
    return _answer(setup_pages.review_page(app_request, manifest, target))


@router.get(CALLBACK_PATH)
async def callback(request: Request, setup: Setup) -> Response:
    """Exchange GitHub's code and store the credentials."""
    await _require_open(setup)
    query = request.query_params
    try:
        credentials = await setup.create_app.create(
            request.cookies.get(_COOKIE), query.get("code", ""), query.get("state", "")
        )
    except NotFoundError:
        raise
    except KovaError as exc:
        return _refusal(exc, setup_pages.problem_page, root="")
    response = _answer(setup_pages.done_page(credentials, setup.web_address))
    response.delete_cookie(_COOKIE, path="/setup")
    return response


@router.get("/setup/{name}")
async def asset(name: str) -> Response:
    """Return a file of the pages. The last page loads them too, when the setup is over."""
    page = setup_pages.setup_asset(name)
    if page is None:
        raise NotFoundError
    return _answer(page)


async def _require_open(setup: SetupServices) -> None:
    if not setup.is_open:
        raise NotFoundError
    await setup.create_app.require_open()


def _origin(request: Request, setup: SetupServices) -> str:
    """Return the scheme and host by which the browser reaches this page, as it says itself."""
    origin, host = request.headers.get("origin", ""), request.headers.get("host", "")
    if is_own_origin(origin, host=host, public_url=setup.public_url):
        return origin
    return f"{request.url.scheme}://{request.url.netloc}"


def _refuse_foreign(request: Request, setup: SetupServices) -> None:
    """Refuse a form of another site.

    Raises:
        SetupOriginError: a browser says that the form stands on another site.
    """
    if is_foreign_form(request.headers, public_url=setup.public_url):
        raise SetupOriginError


async def _form(request: Request) -> dict[str, str]:
    try:
        fields = parse_qs(
            (await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS
        )
    except ValueError as exc:
        raise InvalidInputError("The form is malformed.") from exc
    return {name: values[0] for name, values in fields.items()}


def _refusal(error: KovaError, page: object, *, root: str) -> Response:
    status, _ = describe(error)
    assert callable(page)
    response = _answer(page(problem=error.message, status=status, root=root))
    response.headers.update(problem_headers(status) | retry_header(error))
    if isinstance(error, RateLimitedError):
        response.headers.setdefault("Retry-After", "60")
    return response


def _answer(page: StaticPage) -> Response:
    return Response(page.body, status_code=page.status, headers=dict(page.headers))
