"""Google Sheets: a new spreadsheet in somebody's own Drive, with their consent to that alone.

https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/create and
.../spreadsheets.values/batchUpdate. Values are written RAW: what begins with `=` stays a text.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx

from kova.access.identity import ProviderUnavailableError
from kova.adapters.bounded_body import read_bounded
from kova.adapters.google_oauth import GoogleOAuth, error_code
from kova.adapters.sheet_bodies import creation_body, value_batches
from kova.reports.exceptions import (
    ExportRefusedError,
    ScopeNotGrantedError,
    SheetIncompleteError,
    SheetsBusyError,
    SheetsRefusedError,
    SheetsUnavailableError,
)
from kova.reports.ports import ConsentAttempt
from kova.reports.table import Table
from kova.shared.exceptions import KovaError
from kova.shared.json_text import parse_json

SCOPE: Final = "https://www.googleapis.com/auth/drive.file"
"""Files that Kova itself makes, and no other: the smallest scope that Google has for this."""
_SECONDS: Final = 17.0
"""For all calls of an export: the function has 25 seconds (template.yaml)."""
_ANSWER_BYTES: Final = 256_000
_BUSY_SECONDS: Final = 60
"""Google's quotas are by the minute."""
_SERVER: Final = 500
_ID: Final = re.compile(r"[A-Za-z0-9_-]{10,100}")
_DISABLED: Final = (
    "The Google Sheets API is not switched on in the project of GOOGLE_CLIENT_ID. Whoever runs this"
    " Kova switches it on: docs/google-sheets.md says where."
)
_REASONS: Final[dict[str, tuple[type[KovaError], str | None]]] = {
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": (ScopeNotGrantedError, None),
    "SERVICE_DISABLED": (SheetsRefusedError, _DISABLED),
    "RATE_LIMIT_EXCEEDED": (SheetsBusyError, None),
}
_REFUSED: Final = (
    "Google does not let Kova make a sheet for this account: your organisation may forbid it, or"
    " your Drive may be full. Ask the administrator of your Google Workspace, or take the CSV."
)
_LOG = logging.getLogger("kova.sheets")


class GoogleSheets:
    """Implements reports.ports.Spreadsheets. The token of a consent is dropped with its call."""

    def __init__(
        self,
        oauth: GoogleOAuth,
        *,
        api_url: str,
        hosted_domain: str | None,
        http: httpx.AsyncClient,
        seconds: float = _SECONDS,
    ) -> None:
        """`hosted_domain` is the Google Workspace that people are asked to use an account of."""
        self._oauth = oauth
        self._api_url = api_url
        self._hosted_domain = hosted_domain
        self._http = http
        self._seconds = seconds

    async def consent_address(self, attempt: ConsentAttempt, address: str | None) -> str:
        """Return Google's page; without an address somebody chooses the account there."""
        parameters = {"scope": SCOPE, "access_type": "online"}
        parameters |= {"login_hint": address} if address else {"prompt": "select_account"}
        if self._hosted_domain is not None:
            parameters["hd"] = self._hosted_domain
        try:
            return await self._oauth.authorization_address(
                redirect_uri=attempt.redirect_uri,
                state=attempt.state,
                verifier=attempt.verifier,
                parameters=parameters,
            )
        except ProviderUnavailableError as exc:
            raise SheetsUnavailableError from exc

    async def create(
        self, code: str, attempt: ConsentAttempt, title: str, tables: Sequence[Table]
    ) -> str:
        """Make the spreadsheet with its headers, then write rows, at most a thousand at a time."""
        deadline = asyncio.get_running_loop().time() + self._seconds
        token = await self._exchange(code, attempt)
        call = _SheetCalls(self._http, self._api_url, token, deadline)
        answer = await call.post("/v4/spreadsheets", creation_body(title, tables))
        spreadsheet_id = answer.get("spreadsheetId")
        if not isinstance(spreadsheet_id, str) or not _ID.fullmatch(spreadsheet_id):
            raise SheetsUnavailableError("Google's answer names no spreadsheet.")
        try:
            for body in value_batches(tables):
                await call.post(f"/v4/spreadsheets/{spreadsheet_id}/values:batchUpdate", body)
        except KovaError as exc:
            raise SheetIncompleteError(spreadsheet_id=spreadsheet_id) from exc
        return spreadsheet_id

    async def _exchange(self, code: str, attempt: ConsentAttempt) -> str:
        try:
            status, answer = await self._oauth.exchange(
                code=code, redirect_uri=attempt.redirect_uri, verifier=attempt.verifier
            )
        except ProviderUnavailableError as exc:
            raise SheetsUnavailableError from exc
        if status != httpx.codes.OK:
            if answer.get("error") == "invalid_grant":
                raise ExportRefusedError
            raise SheetsUnavailableError(f"Google refuses Kova's request: {error_code(answer)}.")
        # People can leave boxes of a consent unticked: the answer says what they granted.
        if SCOPE not in str(answer.get("scope", "")).split():
            raise ScopeNotGrantedError
        token, kind = answer.get("access_token"), str(answer.get("token_type", ""))
        if not isinstance(token, str) or not _is_header(token) or kind.lower() != "bearer":
            raise SheetsUnavailableError("Google's answer has no token.")
        return token


class _SheetCalls:
    """The calls with one token, all of them before one moment of the loop's clock."""

    def __init__(self, http: httpx.AsyncClient, api_url: str, token: str, deadline: float) -> None:
        self._http = http
        self._api_url = api_url
        self._headers = {
            "authorization": f"Bearer {token}",
            "content-type": "application/json; charset=UTF-8",
            "accept": "application/json",
        }
        self._deadline = deadline

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the JSON object of an answer: of a spreadsheet, its id alone."""
        content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        request = self._http.build_request(
            "POST",
            f"{self._api_url}{path}?fields=spreadsheetId",
            content=content,
            headers=self._headers,
        )
        try:
            async with asyncio.timeout_at(self._deadline):
                response = await self._http.send(request, stream=True, follow_redirects=False)
                try:
                    received = await read_bounded(response, _ANSWER_BYTES)
                finally:
                    await response.aclose()
            answer = parse_json(received) if received is not None else None
        except (httpx.HTTPError, TimeoutError) as exc:
            raise SheetsUnavailableError from exc
        except ValueError:
            answer = None  # A proxy's page: the status says what it is.
        fields = answer if isinstance(answer, dict) else {}
        if response.status_code != httpx.codes.OK:
            raise _refusal(response.status_code, fields.get("error"))
        return fields


def _refusal(status: int, error: object) -> KovaError:
    """Return what an error of Google's means for whoever waits for the sheet."""
    details = error if isinstance(error, dict) else {}
    reasons = [reason for reason in _reasons_in(details) if reason in _REASONS]
    _LOG.warning(
        "Google Sheets refuses a request",
        extra={"status": status, "word": error_code({"error": details.get("status")})},
    )
    if status >= _SERVER or status in {httpx.codes.UNAUTHORIZED, httpx.codes.REQUEST_TIMEOUT}:
        return SheetsUnavailableError()
    if status == httpx.codes.TOO_MANY_REQUESTS or "RATE_LIMIT_EXCEEDED" in reasons:
        return SheetsBusyError(retry_after=_BUSY_SECONDS)
    if reasons:
        kind, message = _REASONS[reasons[0]]
        return kind(message)
    if status == httpx.codes.FORBIDDEN:
        return SheetsRefusedError(_REFUSED)
    return SheetsRefusedError(
        f"Google does not take this sheet (status {status}). Take the CSV, and tell whoever runs"
        " this Kova."
    )


def _reasons_in(error: dict[str, Any]) -> Iterator[str]:
    """Yield the reasons of google.rpc.ErrorInfo in an error's details."""
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        reason = detail.get("reason") if isinstance(detail, dict) else None
        if isinstance(reason, str):
            yield reason


def _is_header(token: str) -> bool:
    return token.isascii() and token.isprintable() and " " not in token and token != ""
