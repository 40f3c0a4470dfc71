"""Export to Google Sheets: to Google for somebody's consent, and back with a new spreadsheet.

https://developers.google.com/identity/protocols/oauth2/web-server, with PKCE (RFC 7636). It is no
sign-in: no session begins or changes, and no token outlives the call that makes the spreadsheet.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from kova.access.identity import GOOGLE
from kova.access.person import new_token
from kova.reports.exceptions import (
    ConsentDeniedError,
    ExportRefusedError,
    SheetIncompleteError,
)
from kova.reports.export_request import ExportRequest, request_of
from kova.reports.ports import ConsentAttempt
from kova.reports.record_export import RecordExport

if TYPE_CHECKING:
    from kova.access.ports import OneTimeValues
    from kova.access.subject import Subject
    from kova.reports.gather_tables import GatherTables
    from kova.reports.ports import Spreadsheets

CONSENT_LIFETIME: Final = timedelta(minutes=10)
_KIND: Final = "sheets"
_MOST_CHARACTERS: Final = 2_048


@dataclass(frozen=True, kw_only=True)
class BegunExport:
    """An export that came back from Google."""

    request: ExportRequest
    attempt: ConsentAttempt


@dataclass(frozen=True, kw_only=True)
class ExportedSheet:
    """A new spreadsheet. `is_cut` says that there was more than fits into an export."""

    spreadsheet_id: str
    rows: int
    is_cut: bool


class ExportToSheets:
    """Sends people to Google, and makes their spreadsheet when they come back."""

    def __init__(
        self,
        *,
        attempts: OneTimeValues,
        spreadsheets: Spreadsheets,
        tables: GatherTables,
        record: RecordExport,
    ) -> None:
        self._attempts = attempts
        self._spreadsheets = spreadsheets
        self._tables = tables
        self._record = record

    async def begin(
        self, request: ExportRequest, *, subject: Subject, session_id: str, redirect_uri: str
    ) -> str:
        """Return Google's page for the consent; it counts for CONSENT_LIFETIME, in this session.

        Raises:
            SheetsUnavailableError: Google does not answer.
        """
        attempt = ConsentAttempt(state=new_token(), verifier=new_token(), redirect_uri=redirect_uri)
        kind, _, name = subject.actor.partition(":")
        address = await self._spreadsheets.consent_address(
            attempt, name if kind == GOOGLE else None
        )
        values = {
            "session": session_id,
            "verifier": attempt.verifier,
            "redirect_uri": redirect_uri,
            "request": json.dumps(request.to_texts()),
        }
        await self._attempts.keep(_KIND, attempt.state, values, CONSENT_LIFETIME)
        return address

    async def resume(self, state: str, session_id: str) -> BegunExport:
        """Return the export that this session began with a state, once.

        Raises:
            ExportRefusedError: it did not, or too long ago, or the state was there before.
        """
        values = None
        if state and len(state) <= _MOST_CHARACTERS:
            # Taken, whatever comes next: an attempt has one answer.
            values = await self._attempts.take(_KIND, state)
        if values is None or not hmac.compare_digest(values["session"], session_id):
            raise ExportRefusedError
        return BegunExport(
            request=request_of(json.loads(values["request"])),
            attempt=ConsentAttempt(
                state=state, verifier=values["verifier"], redirect_uri=values["redirect_uri"]
            ),
        )

    async def finish(
        self, begun: BegunExport, query: Mapping[str, str], subject: Subject
    ) -> ExportedSheet:
        """Make the spreadsheet that somebody consented to; `query` is what Google sent back.

        Raises:
            ConsentDeniedError, ExportRefusedError: there is no consent.
            KovaError: as Spreadsheets.create() says; nothing was made, but by SheetIncompleteError.
        """
        if query.get("error"):
            raise ConsentDeniedError
        code = query.get("code", "")
        if not code or len(code) > _MOST_CHARACTERS:
            raise ExportRefusedError
        export = await self._tables.gather(begun.request, subject.reach)
        try:
            spreadsheet_id = await self._spreadsheets.create(
                code, begun.attempt, export.title, export.tables
            )
        except SheetIncompleteError as exc:
            target = str(exc.data["spreadsheet_id"])
            await self._record.record(begun.request, export, subject, target, is_complete=False)
            raise
        await self._record.record(begun.request, export, subject, spreadsheet_id)
        return ExportedSheet(spreadsheet_id=spreadsheet_id, rows=export.rows, is_cut=export.is_cut)
