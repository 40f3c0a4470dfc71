"""What the routes ask for, by capability; the composition roots (kova.bootstrap) have it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.access.admit import Admit
    from kova.access.answer_once import AnswerOnce
    from kova.access.manage_keys import ManageKeys
    from kova.access.rate_limit import Verdict
    from kova.access.sign_in import SignIn
    from kova.access.sign_in_elsewhere import SignInElsewhere
    from kova.analysis.rule import Rule
    from kova.commands.ports import CommandStore
    from kova.commands.request_command import RequestCommand
    from kova.commands.run_command import RunCommand
    from kova.errors.change_error import ChangeError
    from kova.errors.ports import ErrorStore, SavedViewStore
    from kova.fixes.ports import FixStore
    from kova.fixes.request_publish import RequestPublish
    from kova.intake.accept_delivery import AcceptDelivery
    from kova.intake.accept_slack import AcceptSlack
    from kova.models.ports import UsageStore
    from kova.notifications.ports import NoticeStore
    from kova.reports.export_to_sheets import ExportToSheets
    from kova.reports.gather_tables import GatherTables
    from kova.reports.record_export import RecordExport
    from kova.scans.import_sarif import ImportSarif
    from kova.scans.ports import Stores, SummaryStore
    from kova.scans.request_scan import RequestScan
    from kova.setup.check_app import AppState
    from kova.setup.create_app import CreateApp
    from kova.shared.check_health import CheckHealth
    from kova.shared.meter import Meter
    from kova.shared.ports import AuditStore
    from kova.web.pages.provider import SignInProvider


class Process(Protocol):
    """What an application needs of the process that it runs in."""

    @property
    def meter(self) -> Meter:
        """Where counts go."""

    @property
    def cors_origins(self) -> Sequence[str]:
        """Origins whose pages may call; `*` for all, then without credentials."""

    @property
    def origin_secrets(self) -> Sequence[str]:
        """What the CDN in front sends with each request; nothing where there is none."""

    @property
    def client_address_header(self) -> str | None:
        """The header, in lower case, in which that CDN tells its client's address."""

    @property
    def body_seconds(self) -> float:
        """How long a body may take to arrive."""

    def background(self) -> AbstractAsyncContextManager[None]:
        """What runs beside the requests for as long as the server does."""

    async def close(self) -> None:
        """Close what was opened."""


class AccessServices(Protocol):
    """Keys, limits, idempotency, the audit log."""

    @property
    def admit(self) -> Admit:
        """The check of API keys and rate limits."""

    @property
    def answer_once(self) -> AnswerOnce:
        """Idempotency keys."""

    @property
    def manage_keys(self) -> ManageKeys:
        """The life of API keys."""

    @property
    def audit(self) -> AuditStore:
        """The audit log."""


class PeopleServices(Protocol):
    """People in browsers, and how they sign in."""

    @property
    def sign_in(self) -> SignIn:
        """The sessions of people; NotConfiguredError without Redis."""

    @property
    def elsewhere(self) -> SignInElsewhere:
        """Signing in with an account elsewhere; NotConfiguredError without Redis."""

    @property
    def public_url(self) -> str | None:
        """The address of Kova for people, where it is set."""

    @property
    def providers(self) -> Sequence[SignInProvider]:
        """Where people can prove who they are."""

    async def admit_attempt(self, address: str, on_verdict: Callable[[Verdict], None]) -> None:
        """Count an attempt to sign in; RateLimitedError when there are too many."""


class ErrorServices(Protocol):
    """Errors and their life."""

    @property
    def errors(self) -> ErrorStore:
        """Errors."""

    @property
    def change_error(self) -> ChangeError:
        """Ignoring errors and opening them again."""


class FixServices(Protocol):
    """Fixes and their publication."""

    @property
    def fixes(self) -> FixStore:
        """Fixes and their proofs."""

    @property
    def request_publish(self) -> RequestPublish:
        """POST /api/fixes/{id}/publish."""


class ScanServices(Protocol):
    """Scans and watched repositories."""

    @property
    def stores(self) -> Stores:
        """What scans remember."""

    @property
    def request_scan(self) -> RequestScan:
        """POST /api/scan."""

    @property
    def import_sarif(self) -> ImportSarif:
        """POST /api/scans/{id}/sarif."""


class CommandServices(Protocol):
    """The use cases behind /ai."""

    @property
    def run(self) -> RunCommand:
        """Runs a command at once."""

    @property
    def request(self) -> RequestCommand:
        """Queues a command; NotConfiguredError without the command queue."""

    @property
    def commands(self) -> CommandStore:
        """Commands and their outcomes."""


class UsageServices(Protocol):
    """What AI commands cost."""

    @property
    def usage(self) -> UsageStore:
        """Sums by month."""

    @property
    def monthly_budget_usd(self) -> Decimal | None:
        """The cap on all AI commands of a month."""


class IntakeServices(Protocol):
    """The intake of webhooks in the server form."""

    @property
    def accept_delivery(self) -> AcceptDelivery:
        """POST /webhooks/github."""


class NoticeServices(Protocol):
    """What people were told."""

    @property
    def notices(self) -> NoticeStore:
        """Messages to chats."""


class SlackServices(Protocol):
    """The intake of Slack's requests."""

    @property
    def accept_slack(self) -> AcceptSlack:
        """POST /webhooks/slack."""


class HealthServices(Protocol):
    """GET /health."""

    @property
    def check_health(self) -> CheckHealth:
        """The question whether every dependency is there."""

    def app_state(self) -> AppState | None:
        """Return what is known of the GitHub App, at once; None where there is none."""


class PageServices(Protocol):
    """What only the pages ask for."""

    @property
    def summaries(self) -> SummaryStore:
        """Figures about errors, fixes and money."""

    @property
    def saved_views(self) -> SavedViewStore:
        """The filters that people have named."""

    @property
    def catalogue(self) -> Mapping[str, Mapping[str, Rule]]:
        """The rules of each analyser, by the names of both."""

    @property
    def github_web(self) -> str:
        """The address of GitHub's pages."""

    @property
    def can_ask(self) -> bool:
        """True where a model's key is set."""

    def now(self) -> datetime:
        """Return the present moment."""


class ReportServices(Protocol):
    """What people take with them: errors, and the report of a month."""

    @property
    def tables(self) -> GatherTables:
        """The figures and rows."""

    @property
    def record_export(self) -> RecordExport:
        """The audit log of exports."""

    @property
    def sheets(self) -> ExportToSheets | None:
        """The way to Google Sheets, where Google's client and Redis are configured."""

    @property
    def public_url(self) -> str | None:
        """The address of Kova for people, where it is set."""

    async def admit_export(self, actor: str, on_verdict: Callable[[Verdict], None]) -> None:
        """Count an export of somebody; RateLimitedError when there are too many."""

    def now(self) -> datetime:
        """Return the present moment."""


class SetupServices(Protocol):
    """The pages that make Kova's GitHub App."""

    @property
    def is_open(self) -> bool:
        """False where there is no one-time token."""

    @property
    def create_app(self) -> CreateApp:
        """The steps."""

    @property
    def web_address(self) -> str:
        """The address of GitHub's pages."""

    @property
    def public_url(self) -> str | None:
        """The address of Kova for people and GitHub, where it is set."""

    @property
    def defaults(self) -> Mapping[str, str]:
        """What stands in the form at first: `name`, `organization`, `public_address`."""

    async def admit_attempt(self, address: str, on_verdict: Callable[[Verdict], None]) -> None:
        """Count an attempt to open the setup; RateLimitedError when there are too many."""


class MetricsServices(Protocol):
    """GET /metrics."""

    @property
    def metrics_token(self) -> str | None:
        """The bearer token of Prometheus."""

    async def metrics_page(self) -> bytes:
        """Return the page that Prometheus reads."""
