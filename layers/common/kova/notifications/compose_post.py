"""Write the message about notices, from what is stored when it is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from kova.errors.error import ErrorRecord, ErrorStatus
from kova.errors.ports import ErrorStore
from kova.fixes.fix import Fix, FixStatus
from kova.fixes.ports import FixStore
from kova.notifications.notice import Notice, NoticeKind
from kova.notifications.post import Act, Button, ChatPost, PostRow, Tone, WebLink
from kova.scans.ports import ScanStore
from kova.scans.scan import ScanStatus
from kova.shared.markdown import plural
from kova.shared.reach import EVERYTHING
from kova.shared.severity import Severity
from kova.shared.text import shorten

LISTED: Final = 5
_TEXT_LIMIT: Final = 1_500
_EXCERPT_LINES: Final = 24
_EXCERPT_LIMIT: Final = 2_400
_TONES: Final = {Severity.CRITICAL: Tone.CRITICAL, Severity.HIGH: Tone.HIGH}


class ComposePost:
    """Writes messages; None where there is nothing to tell any more."""

    def __init__(
        self,
        *,
        errors: ErrorStore,
        fixes: FixStore,
        scans: ScanStore,
        public_url: str | None,
    ) -> None:
        """Without `public_url` no message has a link to Kova's pages."""
        self._errors = errors
        self._fixes = fixes
        self._scans = scans
        self._public_url = public_url.rstrip("/") if public_url else None

    async def compose(self, notices: Sequence[Notice]) -> ChatPost | None:
        """Return the message about one notice, or about several of one kind and repository."""
        if not notices:
            return None
        notice = notices[0]
        match notice.kind:
            case NoticeKind.ERROR_OPENED:
                return await self._errors_opened(notices)
            case NoticeKind.FIX_READY:
                return await self._fixes_ready(notices)
            case NoticeKind.CHECKS_FAILED:
                return await self._checks_failed(notice)
            case NoticeKind.SCAN_FAILED:
                return await self._scan_failed(notice)
            case NoticeKind.BUDGET_LOW:
                return self._budget_low(notice)
            case NoticeKind.DIGEST:
                return self._digest(notice)

    async def _errors_opened(self, notices: Sequence[Notice]) -> ChatPost | None:
        if len(notices) == 1:
            error = await self._errors.get(notices[0].subject, EVERYTHING)
            return None if error is None else await self.error_post(error)
        listed = [await self._errors.get(notice.subject, EVERYTHING) for notice in notices[:LISTED]]
        rows = tuple(
            PostRow(
                text=f"{error.finding.severity}: {error.finding.message}", place=place_of(error)
            )
            for error in listed
            if error is not None and error.status is ErrorStatus.OPEN
        )
        if not rows:
            return None
        return ChatPost(
            title=f"{plural(len(notices), 'new severe error')} in {_name(notices[0])}",
            tone=_worst_tone(notices),
            repository=notices[0].repository,
            rows=rows,
            more=len(notices) - len(rows),
            facts=_count_severities(notices),
            links=self._links(("Open the errors", self._errors_path(notices[0].repository))),
        )

    async def error_post(self, error: ErrorRecord, done: str = "") -> ChatPost | None:
        """Return the message about one error; None where it is fixed, or ignored by others."""
        if not done and error.status is not ErrorStatus.OPEN:
            return None
        finding = error.finding
        fix = await self._fixes.get(error.fix.id, EVERYTHING) if error.fix is not None else None
        return ChatPost(
            title=f"New {finding.severity} error in {error.repository}",
            tone=_TONES.get(finding.severity, Tone.CALM),
            repository=error.repository,
            text=shorten(finding.message, _TEXT_LIMIT),
            place=place_of(error),
            excerpt=excerpt_of(finding.snippet),
            facts=(("Rule", f"{finding.analyzer} {finding.rule_id}"),),
            links=self._links(
                ("Open", f"/ui/errors/{error.id}"),
                ("Pull request", fix.pull_request_url if fix is not None else None),
            ),
            buttons=() if done else _buttons(error, fix),
            done=done,
        )

    async def _fixes_ready(self, notices: Sequence[Notice]) -> ChatPost | None:
        if len(notices) == 1:
            fix = await self._fixes.get(notices[0].subject, EVERYTHING)
            return None if fix is None else await self.fix_post(fix)
        listed = [await self._fixes.get(notice.subject, EVERYTHING) for notice in notices[:LISTED]]
        rows = tuple(
            PostRow(text=fix.rule_id, place=fix.path)
            for fix in listed
            if fix is not None and fix.status in {FixStatus.VERIFIED, FixStatus.PUBLISHED}
        )
        if not rows:
            return None
        return ChatPost(
            title=f"{plural(len(notices), 'proved fix')} for {_name(notices[0])}",
            tone=Tone.GOOD,
            repository=notices[0].repository,
            rows=rows,
            more=len(notices) - len(rows),
            links=self._links(("Open the fixes", "/ui/fixes")),
        )

    async def fix_post(self, fix: Fix, done: str = "") -> ChatPost | None:
        """Return the message about one fix; None where it is neither proved nor published."""
        if not done and fix.status not in {FixStatus.VERIFIED, FixStatus.PUBLISHED}:
            return None
        error = await self._errors.get(fix.error_id, EVERYTHING)
        if error is None or (not done and error.status is not ErrorStatus.OPEN):
            return None
        passed = sum(check.passed for check in fix.verification)
        return ChatPost(
            title=f"A proved fix for {fix.repository}",
            tone=Tone.GOOD,
            repository=fix.repository,
            text=shorten(error.finding.message, _TEXT_LIMIT),
            place=place_of(error),
            excerpt=excerpt_of(fix.patch),
            facts=(
                ("Rule", f"{error.finding.analyzer} {fix.rule_id}"),
                ("Proof", f"{passed} of {len(fix.verification)} steps passed"),
            ),
            links=self._links(
                ("Open", f"/ui/fixes/{fix.id}"), ("Pull request", fix.pull_request_url)
            ),
            buttons=() if done else _buttons(error, fix),
            done=done,
        )

    async def _checks_failed(self, notice: Notice) -> ChatPost | None:
        scan = await self._scans.get(notice.subject, EVERYTHING)
        if scan is None:
            return None
        commit = (scan.commit_sha or "")[:12]
        return ChatPost(
            title=f"Checks failed in {scan.repository}",
            tone=Tone.HIGH,
            repository=scan.repository,
            text=f"The check run of {_describe_ref(scan.ref)} says failure.",
            facts=(
                ("Commit", commit or "unknown"),
                ("Errors", str(scan.stats.errors)),
                ("New", str(scan.stats.new_errors)),
            ),
            links=self._links(("Open", f"/ui/scans/{scan.id}"), ("Check run", scan.check_run_url)),
        )

    async def _scan_failed(self, notice: Notice) -> ChatPost | None:
        scan = await self._scans.get(notice.subject, EVERYTHING)
        if scan is None or scan.status is not ScanStatus.FAILED:
            return None
        return ChatPost(
            title=f"A scan of {scan.repository} failed",
            tone=Tone.HIGH,
            repository=scan.repository,
            text=f"It was given up. A push or a new scan tries again. The reason: {scan.failure}",
            facts=(("Commit", (scan.commit_sha or "unknown")[:12]),),
            links=self._links(("Open", f"/ui/scans/{scan.id}")),
        )

    def _budget_low(self, notice: Notice) -> ChatPost:
        facts = notice.facts
        is_spent = facts.get("level") == "100"
        about = _describe_scope(notice)
        return ChatPost(
            title="The month's budget is spent"
            if is_spent
            else "The month's budget is nearly spent",
            tone=Tone.HIGH if is_spent else Tone.CALM,
            repository=notice.repository,
            text=f"This is the budget of {about}. "
            + (
                "Further commands are refused until the month ends or the budget is raised."
                if is_spent
                else f"{facts.get('level')} % of it is spent."
            ),
            facts=(
                ("Month", facts.get("month", "")),
                ("Spent", f"{facts.get('spent_usd')} USD"),
                ("Budget", f"{facts.get('cap_usd')} USD"),
            ),
            links=self._links(("Open", "/ui/usage")),
        )

    def _digest(self, notice: Notice) -> ChatPost:
        facts = notice.facts
        return ChatPost(
            title=f"The last 24 hours in {_name(notice)}",
            repository=notice.repository,
            facts=(
                ("New errors", facts.get("new", "0")),
                ("Fixed", facts.get("fixed", "0")),
                ("Open", facts.get("open", "0")),
                ("Open, critical or high", facts.get("severe", "0")),
                ("Proved fixes that wait", facts.get("fixes", "0")),
            ),
            links=self._links(("Open the errors", self._errors_path(notice.repository))),
        )

    def _errors_path(self, repository: str | None) -> str:
        return f"/ui/errors?repository={quote(repository or '', safe='')}&status=open"

    def _links(self, *links: tuple[str, str | None]) -> tuple[WebLink, ...]:
        return tuple(
            WebLink(label=label, url=url)
            for label, address in links
            if (url := self._address(address)) is not None
        )

    def _address(self, address: str | None) -> str | None:
        """Return an address of Kova's own pages, or one of GitHub's as GitHub gave it."""
        if address is None or any(character <= " " or character in "<>|" for character in address):
            return None
        if address.startswith("/"):
            return self._public_url + address if self._public_url else None
        return address if address.startswith(("https://", "http://")) else None


def place_of(error: ErrorRecord) -> str:
    """Return the file and the line of an error."""
    return f"{error.finding.path}:{error.finding.span.start_line}"


def excerpt_of(text: str) -> str:
    """Return the first lines of code or of a diff, within what a message holds."""
    lines = text.rstrip().splitlines()
    kept = [shorten(line, 300) for line in lines[:_EXCERPT_LINES]]
    if len(lines) > len(kept):
        kept.append(f"({len(lines) - len(kept)} lines more)")
    return shorten("\n".join(kept), _EXCERPT_LIMIT)


def _buttons(error: ErrorRecord, fix: Fix | None) -> tuple[Button, ...]:
    buttons: list[Button] = []
    if fix is not None and fix.status is FixStatus.VERIFIED:
        buttons.append(Button(label="Publish the fix", act=Act.PUBLISH, target=fix.id))
    buttons.append(Button(label="Ignore", act=Act.IGNORE, target=error.id))
    return tuple(buttons)


def _name(notice: Notice) -> str:
    return notice.repository or "all repositories"


def _worst_tone(notices: Sequence[Notice]) -> Tone:
    severe = [notice.severity for notice in notices if notice.severity is not None]
    worst = min(severe, key=lambda severity: severity.rank, default=Severity.HIGH)
    return _TONES.get(worst, Tone.CALM)


def _count_severities(notices: Sequence[Notice]) -> tuple[tuple[str, str], ...]:
    counts = Counter(notice.severity for notice in notices if notice.severity is not None)
    return tuple(
        (severity.value.capitalize(), str(counts[severity]))
        for severity in Severity
        if counts[severity]
    )


def _describe_ref(ref: str | None) -> str:
    """Return what a ref is in words; a branch's name may hold anything."""
    parts = (ref or "").split("/")
    if parts[:2] == ["refs", "pull"]:
        return f"pull request {parts[2]}" if parts[2:] and parts[2].isdigit() else "a pull request"
    return f"the branch {'/'.join(parts[2:])}" if parts[:2] == ["refs", "heads"] else "a commit"


def _describe_scope(notice: Notice) -> str:
    if notice.subject == "all":
        return "all commands together"
    if notice.subject.startswith("key:"):
        return f"the key {notice.facts.get('name', '')}"
    return f"the repository {_name(notice)}"
