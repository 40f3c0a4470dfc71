"""Google's OpenID Connect and OAuth: discovery, consent, tokens and keys, with its own refusals.

https://developers.google.com/identity/openid-connect/openid-connect and
https://developers.google.com/identity/protocols/oauth2/web-server#handlingresponse; PKCE is
required here, which Google recommends and does not require. The Sheets API is beside it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from kova_fakes.google.sheets import DRIVE_FILE, AccessToken, FakeSheets
from kova_fakes.google.tokens import GoogleAccount, Tampering, key_set, mint
from kova_fakes.serving import serving

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_SCOPES: Final = frozenset({"openid", "email", "profile", DRIVE_FILE})
_PROMPTS: Final = frozenset({"none", "consent", "select_account"})
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


@dataclass(frozen=True, kw_only=True)
class _Grant:
    """What a code stands for."""

    redirect_uri: str
    challenge: str
    nonce: str
    account: GoogleAccount
    scopes: tuple[str, ...]
    access_type: str


@dataclass(kw_only=True)
class FakeGoogle:
    """The handle of a running fake: its client, whoever is signed in there, and what it saw.

    Attributes:
        redirect_uris: where the client may be sent back; anything else gets a page of an error.
        account: who consents; None cancels.
        unticked: scopes that they do not grant, although they go on.
        consents: what the page of the consent was asked with, the latest last.
        document: replaces members of the discovery document.
        refusals: the errors that it answered with.
    """

    url: str = ""
    client_id: str = "1234-abc.apps.googleusercontent.com"
    client_secret: str = field(default="GOCSPX-fake", repr=False)
    redirect_uris: list[str] = field(default_factory=list)
    account: GoogleAccount | None = None
    unticked: frozenset[str] = frozenset()
    consents: list[dict[str, str]] = field(default_factory=list)
    sheets: FakeSheets = field(default_factory=FakeSheets)
    tampering: Tampering = field(default_factory=Tampering)
    document: dict[str, object] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)
    key_reads: int = 0
    grants: dict[str, _Grant] = field(default_factory=dict)

    def refuse(self, status: int, error: str, description: str) -> Response:
        """Answer as the token endpoint does."""
        self.refusals.append(f"{error}: {description}")
        body = {"error": error, "error_description": description}
        return JSONResponse(body, status_code=status)

    def show_error(self, error: str, description: str) -> Response:
        """Show a page: a client that is not known is sent nothing."""
        self.refusals.append(f"{error}: {description}")
        return HTMLResponse(f"<h1>Access blocked</h1><p>Error 400: {error}</p>", status_code=400)


class _Routes:
    """The routes of one fake."""

    def __init__(self, google: FakeGoogle) -> None:
        self._google = google

    async def discover(self, _request: Request) -> Response:
        """GET /.well-known/openid-configuration."""
        url = self._google.url
        document = {
            "issuer": url,
            "authorization_endpoint": f"{url}/o/oauth2/v2/auth",
            "token_endpoint": f"{url}/token",
            "jwks_uri": f"{url}/oauth2/v3/certs",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["plain", "S256"],
        }
        return JSONResponse({**document, **self._google.document})

    async def authorize(self, request: Request) -> Response:
        """GET /o/oauth2/v2/auth: whoever is signed in consents at once."""
        google, query = self._google, dict(request.query_params)
        if query.get("client_id") != google.client_id:
            return google.show_error("invalid_client", "The OAuth client was not found.")
        if query.get("redirect_uri") not in google.redirect_uris:
            return google.show_error("redirect_uri_mismatch", query.get("redirect_uri", ""))
        problem = _problem_of(query)
        if problem is not None:
            return google.show_error(*problem)
        google.consents.append(query)
        answer = {"state": query["state"]}
        if google.account is None:
            answer["error"] = "access_denied"
        else:
            code = f"4/{secrets.token_urlsafe(24)}"
            scopes = tuple(
                scope for scope in query["scope"].split() if scope not in google.unticked
            )
            google.grants[code] = _Grant(
                redirect_uri=query["redirect_uri"],
                challenge=query["code_challenge"],
                nonce=query.get("nonce", ""),
                account=google.account,
                scopes=scopes,
                access_type=query.get("access_type", "online"),
            )
            answer |= {"code": code, "scope": " ".join(scopes), "authuser": "0", "prompt": "none"}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(answer)}", status_code=302)

    async def exchange(self, request: Request) -> Response:
        """POST /token."""
        google = self._google
        kind = request.headers.get("content-type", "")
        if not kind.startswith("application/x-www-form-urlencoded"):
            return google.refuse(400, "invalid_request", "A form is wanted.")
        fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
        form = {name: values[0] for name, values in fields.items()}
        client = (form.get("client_id"), form.get("client_secret"))
        if client != (google.client_id, google.client_secret):
            return google.refuse(401, "invalid_client", "Unauthorized")
        if form.get("grant_type") != "authorization_code":
            return google.refuse(400, "unsupported_grant_type", "Invalid grant_type")
        # A code is gone with its first use, whatever else is wrong.
        grant = google.grants.pop(form.get("code", ""), None)
        if grant is None:
            return google.refuse(400, "invalid_grant", "Malformed auth code.")
        if form.get("redirect_uri") != grant.redirect_uri:
            return google.refuse(400, "redirect_uri_mismatch", "Bad Request")
        verifier = form.get("code_verifier", "")
        if not _VERIFIER.fullmatch(verifier) or _challenge_of(verifier) != grant.challenge:
            return google.refuse(400, "invalid_grant", "Missing or invalid code verifier.")
        return JSONResponse(self._tokens_of(grant))

    def _tokens_of(self, grant: _Grant) -> dict[str, object]:
        google = self._google
        token = f"ya29.{secrets.token_urlsafe(24)}"
        google.sheets.tokens[token] = AccessToken(
            owner=grant.account.address, scopes=frozenset(grant.scopes)
        )
        answer: dict[str, object] = {
            "access_token": token,
            "expires_in": 3_599,
            "scope": " ".join(grant.scopes),
            "token_type": "Bearer",
        }
        if grant.access_type == "offline":
            answer["refresh_token"] = f"1//{secrets.token_urlsafe(24)}"
        if "openid" in grant.scopes:
            answer["id_token"] = mint(
                issuer=google.url,
                client_id=google.client_id,
                account=grant.account,
                nonce=grant.nonce,
                tampering=google.tampering,
            )
        return answer

    async def keys(self, _request: Request) -> Response:
        """GET /oauth2/v3/certs."""
        self._google.key_reads += 1
        return JSONResponse(key_set("k1"))


def application(google: FakeGoogle) -> Starlette:
    """Return the application of one fake."""
    routes = _Routes(google)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", routes.discover),
            Route("/o/oauth2/v2/auth", routes.authorize),
            Route("/token", routes.exchange, methods=["POST"]),
            Route("/oauth2/v3/certs", routes.keys),
            *google.sheets.routes(),
        ]
    )


def _problem_of(query: dict[str, str]) -> tuple[str, str] | None:
    """Return the error and its description where Google would not ask for consent, or None."""
    scopes = query.get("scope", "").split()
    if query.get("response_type") != "code":
        return "invalid_request", "Invalid response_type"
    if not scopes:
        return "invalid_request", "Missing required parameter: scope"
    if not set(scopes) <= _SCOPES:
        return "invalid_scope", "Some requested scopes were invalid."
    needed = ("state", "nonce") if "openid" in scopes else ("state",)
    for name in needed:
        if len(query.get(name, "")) < 16:  # noqa: PLR2004 (fewer characters can be guessed)
            return "invalid_request", f"Missing required parameter: {name}"
    if not set(query.get("prompt", "").split()) <= _PROMPTS:
        return "invalid_request", "Invalid parameter value for prompt"
    if query.get("access_type", "online") not in {"online", "offline"}:
        return "invalid_request", "Invalid parameter value for access_type"
    if query.get("code_challenge_method") != "S256":
        return "invalid_request", "PKCE: code_challenge_method must be S256"
    if not _CHALLENGE.fullmatch(query.get("code_challenge", "")):
        return "invalid_request", "PKCE: invalid code_challenge"
    return None


def _challenge_of(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


@contextmanager
def serve_google() -> Iterator[FakeGoogle]:
    """Serve a fake on the loopback."""
    google = FakeGoogle()
    with serving(application(google)) as address:
        google.url = address
        yield google
