"""What people take with them, put together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Final

from kova.access.admit import admit_attempt
from kova.access.rate_limit import Policy, Verdict
from kova.adapters.postgres.errors import PostgresErrorStore
from kova.adapters.postgres.reports import PostgresReportStore
from kova.bootstrap.access import AccessRoot
from kova.bootstrap.core import Core, now
from kova.reports.gather_tables import GatherTables
from kova.reports.record_export import RecordExport

if TYPE_CHECKING:
    from kova.reports.export_to_sheets import ExportToSheets

_EXPORTS: Final = Policy(name="export", quota=20)
"""By person: an export reads thousands of rows."""


class ReportRoot:
    """Implements web.services.ReportServices."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._access = AccessRoot(core)

    @cached_property
    def tables(self) -> GatherTables:
        """The figures and rows."""
        database = self._core.database
        return GatherTables(
            errors=PostgresErrorStore(database), reports=PostgresReportStore(database), now=now
        )

    @cached_property
    def record_export(self) -> RecordExport:
        """The audit log of exports."""
        return RecordExport(audit=self._access.audit)

    @cached_property
    def sheets(self) -> ExportToSheets | None:
        """The way to Google Sheets; None without Google's client, or without Redis."""
        settings, redis = self._core.settings.sign_in, self._core.redis
        if not settings.google_client_id or not settings.google_client_secret or redis is None:
            return None
        # Only who goes to Google pays for it.
        from kova.adapters.google_oauth import GoogleOAuth
        from kova.adapters.google_sheets import GoogleSheets
        from kova.adapters.redis.people import RedisOneTimeValues
        from kova.reports.export_to_sheets import ExportToSheets

        oauth = GoogleOAuth(
            issuer=settings.google_issuer,
            client_id=settings.google_client_id,
            client_secret=settings.google_client_secret,
            http=self._core.http,
        )
        return ExportToSheets(
            attempts=RedisOneTimeValues(redis),
            spreadsheets=GoogleSheets(
                oauth,
                api_url=settings.google_sheets_url,
                hosted_domain=settings.google_hosted_domain,
                http=self._core.http,
            ),
            tables=self.tables,
            record=self.record_export,
        )

    @property
    def public_url(self) -> str | None:
        """The address of Kova for people, where it is set."""
        return self._core.settings.public_url

    async def admit_export(self, actor: str, on_verdict: Callable[[Verdict], None]) -> None:
        """Count an export.

        Raises:
            RateLimitedError: there are too many of this person.
        """
        await admit_attempt(self._access.admissions, _EXPORTS, actor, on_verdict)

    @staticmethod
    def now() -> datetime:
        """Return the present moment."""
        return now()
