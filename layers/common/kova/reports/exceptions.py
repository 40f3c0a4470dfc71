"""What goes wrong when people take tables out of Kova."""

from __future__ import annotations

from kova.shared.exceptions import (
    ForbiddenError,
    RateLimitedError,
    UnavailableError,
)


class ExportRefusedError(ForbiddenError):
    """This export is done, or it was not begun in this session, or too long ago: begin anew."""

    reason = "export_refused"


class ConsentDeniedError(ForbiddenError):
    """You did not allow Kova to make a sheet, so nothing was exported."""

    reason = "consent_denied"


class ScopeNotGrantedError(ForbiddenError):
    """Google's box for the files that Kova makes was not ticked: begin anew and tick it."""

    reason = "scope_not_granted"


class SheetsRefusedError(ForbiddenError):
    """Google does not let Kova make a sheet for this account."""

    reason = "sheets_refused"


class SheetsBusyError(RateLimitedError):
    """Google takes no more sheets this minute: wait a minute, then begin anew."""

    reason = "sheets_busy"


class SheetsUnavailableError(UnavailableError):
    """Google Sheets does not answer: try again in a minute."""

    reason = "sheets_unavailable"


class SheetIncompleteError(SheetsUnavailableError):
    """Google took the sheet and not all of its rows: delete it, and begin anew.

    `spreadsheet_id` of its data names the sheet.
    """

    reason = "sheet_incomplete"
