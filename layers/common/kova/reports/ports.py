"""What exports need from outside: the figures of a month, and Google Sheets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.reports.month_report import MonthReport
    from kova.reports.table import Table
    from kova.shared.reach import Reach


@dataclass(frozen=True, kw_only=True)
class ConsentAttempt:
    """One way to Google and back, begun in one session.

    Attributes:
        state: goes to Google and comes back; names the attempt.
        verifier: the secret of PKCE (RFC 7636), of which Google first sees a hash.
        redirect_uri: where Google sends the browser back.
    """

    state: str
    verifier: str
    redirect_uri: str


class ReportStore(Protocol):
    """The figures of a month."""

    async def month(self, first_day: date, reach: Reach) -> MonthReport:
        """Return the report of the repositories in the reach.

        What is about no repository is for a reach of everything.
        """


class Spreadsheets(Protocol):
    """Spreadsheets in somebody's own Google Drive, with their consent to that and no more."""

    async def consent_address(self, attempt: ConsentAttempt, address: str | None) -> str:
        """Return Google's page where somebody consents; `address` is theirs where it is known.

        Raises:
            SheetsUnavailableError: Google does not answer.
        """

    async def create(
        self, code: str, attempt: ConsentAttempt, title: str, tables: Sequence[Table]
    ) -> str:
        """Exchange the code, make a spreadsheet with a sheet for each table, and return its id.

        Raises:
            ExportRefusedError: Google does not accept the code.
            ScopeNotGrantedError: the consent is for something else.
            SheetsRefusedError, SheetsBusyError, SheetsUnavailableError: Google made no spreadsheet.
            SheetIncompleteError: Google made it, and did not take all rows.
        """
