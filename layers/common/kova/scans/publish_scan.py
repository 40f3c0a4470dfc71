"""Publish a scan: the check run on its commit, the pull request with its proved fixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kova.analysis.finding import Finding
from kova.analysis.repository_settings import KovaTomlSettings
from kova.errors.error import MOST_AT_ONCE
from kova.fixes.fix import FileFixes
from kova.fixes.ports import Publisher
from kova.fixes.protected import is_protected
from kova.fixes.publish_fix import MOST_FIXES_AT_ONCE
from kova.fixes.publisher import (
    CheckAnnotation,
    CheckButton,
    CheckRun,
    FixPullRequest,
    fix_branch,
)
from kova.fixes.pull_request_text import pull_request_body, pull_request_title
from kova.scans import report as texts
from kova.scans.report import ScanReport
from kova.scans.scan import FIX_BUTTON, IGNORE_BUTTON, ScanTarget
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.markdown import plural
from kova.shared.repository import AutoFix, Repository
from kova.shared.severity import Severity

_LEVELS = {
    Severity.CRITICAL: "failure",
    Severity.HIGH: "failure",
    Severity.MEDIUM: "warning",
    Severity.LOW: "notice",
}


_FAILURE: Final = "failure"


@dataclass(frozen=True, kw_only=True)
class ScanPublication:
    """What GitHub took of a scan.

    Attributes:
        url: the check run's address, if it has one.
        failed: the check run says failure.
        refusals: what GitHub refused, `check_run` or `pull_request`, and in which words.
    """

    url: str | None
    failed: bool
    refusals: Mapping[str, str]


class PublishScan:
    """Shows people what a scan found."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish_check_run(
        self,
        repository: Repository,
        target: ScanTarget,
        report: ScanReport,
        *,
        is_vital: bool = True,
    ) -> ScanPublication:
        """Publish the check run and return what became of it.

        Its external id says what it is about and not which scan made it, so that scanning a
        commit again updates the one check run. If GitHub refuses one that is not vital, the
        publication says so.
        """
        assert target.commit_sha is not None
        introduced = report.introduced
        conclusion = _conclusion(report, repository)
        check_run = CheckRun(
            commit_sha=target.commit_sha,
            external_id=target.external_id,
            conclusion=conclusion,
            title=texts.title(report),
            summary=texts.summary(report),
            annotations=tuple(_annotation(finding) for finding in introduced),
            buttons=_buttons(report),
        )
        refusals = {"pull_request": report.refusal} if report.refusal else {}
        url = None
        try:
            url = await self._publisher.check_run(repository.ref, check_run)
        except (GitHubRefusedError, RepositoryNotFoundError) as exc:
            if is_vital and not repository.archived:
                raise
            refusals["check_run"] = exc.message
        return ScanPublication(url=url, failed=conclusion == _FAILURE, refusals=refusals)

    async def publish_failure(
        self, repository: Repository, target: ScanTarget, failure: str
    ) -> str | None:
        """Publish a check run that says why the commit was not scanned; return its address.

        It says failure: a check that is required must not let through what nobody looked at.
        """
        assert target.commit_sha is not None
        return await self._publisher.check_run(
            repository.ref,
            CheckRun(
                commit_sha=target.commit_sha,
                external_id=target.external_id,
                conclusion=_FAILURE,
                title="Kova could not scan this commit",
                summary=texts.failure_summary(failure),
                annotations=(),
            ),
        )

    async def publish_skip(
        self, repository: Repository, target: ScanTarget, reason: str
    ) -> str | None:
        """Publish a check run that says for what the commit was skipped; return its address."""
        assert target.commit_sha is not None
        return await self._publisher.check_run(
            repository.ref,
            CheckRun(
                commit_sha=target.commit_sha,
                external_id=target.external_id,
                conclusion="neutral",
                title="A newer push came before the scan",
                summary=texts.skip_summary(reason),
                annotations=(),
            ),
        )

    def select_offerable(
        self, repository: Repository, files: Iterable[FileFixes], settings: KovaTomlSettings
    ) -> list[FileFixes]:
        """Return the files whose combined fixes may go into a pull request: no protected ones."""
        return [
            file
            for file in files
            if file.content is not None
            and not is_protected(file.path)
            and settings.auto_fix(file.path, repository.auto_fix) is AutoFix.PULL_REQUEST
        ]

    async def publish_pull_request(
        self,
        repository: Repository,
        commit_sha: str,
        files: Sequence[FileFixes],
        *,
        number: int = 1,
        followed: frozenset[int] = frozenset(),
        withdrawn: frozenset[int] = frozenset(),
    ) -> str | None:
        """Offer the combined fixes of these files in one pull request; return its address.

        None when there are no files, or the branch is no longer at this commit. `number` is that
        of the branch, where people have committed to those before; `followed` and `withdrawn` are
        those of FixPullRequest.
        """
        if not files:
            return None
        title = pull_request_title(files)
        return await self._publisher.pull_request(
            repository.ref,
            FixPullRequest(
                base_branch=repository.default_branch,
                base_sha=commit_sha,
                branch=fix_branch(repository.default_branch, number),
                title=title,
                body=pull_request_body(files, commit_sha),
                message=title,
                files={file.path: file.content for file in files if file.content is not None},
                followed=followed,
                withdrawn=withdrawn,
            ),
        )


def _conclusion(report: ScanReport, repository: Repository) -> str:
    failing = [
        finding
        for finding in report.introduced
        if finding.severity.at_least(report.settings.fail_on(finding.path, repository.fail_on))
    ]
    return texts.conclusion(report, failing)


def _buttons(report: ScanReport) -> tuple[CheckButton, ...]:
    """Return the buttons that would do something if they were pressed now."""
    buttons: list[CheckButton] = []
    if report.publishable:
        number = min(report.publishable, MOST_FIXES_AT_ONCE)
        text = f"Open pull requests of {plural(number, 'proved fix')}"
        button = CheckButton(label="Fix this", description=text, identifier=FIX_BUTTON)
        buttons.append(button)
    if 0 < report.ignorable <= MOST_AT_ONCE:
        text = f"Ignore {plural(report.ignorable, 'new error')} for good"
        button = CheckButton(label="Ignore", description=text, identifier=IGNORE_BUTTON)
        buttons.append(button)
    return tuple(buttons)


def _annotation(finding: Finding) -> CheckAnnotation:
    one_line = finding.span.start_line == finding.span.end_line
    return CheckAnnotation(
        path=finding.path,
        start_line=finding.span.start_line,
        end_line=max(finding.span.end_line, finding.span.start_line),
        start_column=finding.span.start_column if one_line else None,
        end_column=finding.span.end_column if one_line else None,
        level=_LEVELS[finding.severity],
        title=f"{finding.analyzer} {finding.rule_id}",
        message=finding.message,
    )
