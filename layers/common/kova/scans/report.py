"""What people read: the check run's summary and annotations, the pull request's text.

Everything from a repository is untrusted: it is put into code spans, where Markdown and mentions
mean nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.analysis.languages import count_languages
from kova.analysis.repository_settings import KovaTomlSettings
from kova.errors.error import FindingStatus
from kova.fixes.fix import FixStatus, ProvedFix
from kova.shared.markdown import code, plural
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped

_SKIPPED_SHOWN = 20
_FAILURE_LIMIT = 1_000


@dataclass(frozen=True, kw_only=True)
class ScanReport:
    """What the check run is written from.

    Attributes:
        analysis: of the scan.
        status: which findings are new and which are ignored.
        fixes: the outcome of every fix.
        settings: of the repository, by which it was made.
        is_branch: it is about a whole branch, and not about what a pull request changed.
        refusal: why GitHub takes no pull request of the fixes.
        publishable: how many proved fixes are in no pull request, and may be.
        error_ids: of the findings that are errors of the repository, by fingerprint.
    """

    analysis: Analysis
    status: FindingStatus
    fixes: Sequence[ProvedFix]
    settings: KovaTomlSettings
    is_branch: bool
    refusal: str | None = None
    publishable: int = 0
    error_ids: Collection[str] = ()

    @cached_property
    def introduced(self) -> list[Finding]:
        """The findings that the commit brought, the worst first."""
        introduced = [
            finding
            for finding in self.analysis.findings
            if finding.fingerprint in self.status.introduced
        ]
        return sorted(
            introduced, key=lambda finding: (finding.severity.rank, finding.path, finding.span)
        )

    @cached_property
    def ignorable(self) -> int:
        """How many of the new errors may be ignored: those of a pull request are none yet."""
        return sum(finding.fingerprint in self.error_ids for finding in self.introduced)

    @cached_property
    def is_partial(self) -> bool:
        """Whether the commit may have brought errors that nobody looked for.

        Of a whole branch a file that is always left out says nothing about this commit.
        """
        if self.analysis.incomplete:
            return True
        return any(
            skip.unread for skip in self.analysis.skipped if not (self.is_branch and skip.path)
        )

    @cached_property
    def open_findings(self) -> list[Finding]:
        """The findings that nobody ignores."""
        ignored = self.status.ignored
        return [finding for finding in self.analysis.findings if finding.fingerprint not in ignored]


def conclusion(report: ScanReport, failing: Sequence[Finding]) -> str:
    """Return the check run's conclusion: failure, neutral or success.

    It is never success while a part of what it is about was not read.
    """
    if failing:
        return "failure"
    return "neutral" if report.introduced or report.is_partial else "success"


def title(report: ScanReport) -> str:
    """Return the check run's title."""
    introduced = report.introduced
    if not introduced:
        return "No new errors in what was read" if report.is_partial else "No new errors"
    return f"{plural(len(introduced), 'new error')}: {by_severity(introduced)}"


def by_severity(findings: Sequence[Finding]) -> str:
    """Return `1 critical, 3 medium`."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counts[severity]} {severity}" for severity in Severity if counts[severity])


def summary(report: ScanReport) -> str:
    """Return the check run's summary: what was analysed, what was not, and what can be fixed."""
    analysis, introduced = report.analysis, report.introduced
    lines = [*_settings_problems(report.settings), *_file_counts(analysis), *_open_errors(report)]
    if report.fixes:
        verified = sum(fix.status is FixStatus.VERIFIED for fix in report.fixes)
        lines.append(f"{plural(len(report.fixes), 'fix')} tried, {verified} proved.")
    if report.publishable:
        proved = plural(report.publishable, "proved fix")
        lines.append(f"**Fix this** opens pull requests of {proved}, the worst errors first.")
    if report.refusal:
        refusal = code(report.refusal, _FAILURE_LIMIT)
        lines.append(f"The proved fixes are in no pull request: {refusal}")
    if analysis.incomplete:
        lines.append(f"Did not finish: {', '.join(sorted(analysis.incomplete))}.")
    if introduced:
        counts = Counter(finding.rule_id for finding in introduced)
        lines += ["", "| rule | new errors |", "| --- | --- |"]
        lines += [f"| {code(rule)} | {number} |" for rule, number in counts.most_common(50)]
    lines += _language_table(analysis)
    if analysis.suppressed:
        lines += ["", "| suppressed | place | by |", "| --- | --- | --- |"]
        lines += [_suppressed_row(finding) for finding in analysis.suppressed[:_SKIPPED_SHOWN]]
        lines += _hidden_row(len(analysis.suppressed), " | |")
    if analysis.skipped:
        lines += ["", "| skipped | reason |", "| --- | --- |"]
        lines += [_skipped_row(skip) for skip in analysis.skipped[:_SKIPPED_SHOWN]]
        lines += _hidden_row(len(analysis.skipped), " |")
    return "\n".join(lines)


def failure_summary(failure: str) -> str:
    """Return the summary of a check run whose commit could not be scanned."""
    reason, _, text = failure.partition(": ")
    return "\n".join(
        [
            code(text or reason, _FAILURE_LIMIT),
            "",
            (
                "Kova has looked at nothing here, so nothing can be said about this commit."
                " A re-run of this check, another push, or a redelivery tries it again."
            ),
            "",
            f"Reason: {code(reason)}",
        ]
    )


def skip_summary(reason: str) -> str:
    """Return the summary of a check run whose commit was skipped."""
    _, _, text = reason.partition(": ")
    return "\n".join(
        [
            code(text, _FAILURE_LIMIT),
            "",
            "Kova scans the newer commit instead. A re-run of this check scans this one.",
        ]
    )


def _open_errors(report: ScanReport) -> list[str]:
    """Count a branch's errors; of a pull request only what it introduces is known."""
    if not report.is_branch:
        return []
    findings, ignored = (
        report.open_findings,
        len(report.analysis.findings) - len(report.open_findings),
    )
    lines: list[str] = []
    if findings:
        lines.append(f"{_errors_are(len(findings))} open on this branch: {by_severity(findings)}.")
    if ignored:
        lines.append(f"{_errors_are(ignored)} ignored.")
    return lines


def _errors_are(number: int) -> str:
    return f"{plural(number, 'error')} {'is' if number == 1 else 'are'}"


def _settings_problems(settings: KovaTomlSettings) -> list[str]:
    if not settings.problems:
        return []
    problems = [f"- {code(problem)}" for problem in settings.problems]
    return ["**`.kova.toml` is not valid; the defaults apply.**", "", *problems, ""]


def _file_counts(analysis: Analysis) -> list[str]:
    cached = len(analysis.cached & analysis.analyzed)
    skipped = len({skip.path for skip in analysis.skipped})
    parts = [f"{plural(len(analysis.analyzed), 'file')} analysed"]
    parts += [f"{cached} of them known from earlier scans"] if cached else []
    parts += [f"{plural(skipped, 'file')} skipped"]
    parts += [f"{len(analysis.excluded)} left out by `.kova.toml`"] if analysis.excluded else []
    return [", ".join(parts) + "."]


def _language_table(analysis: Analysis) -> list[str]:
    files, analyzed = count_languages(analysis.blobs), count_languages(analysis.understood)
    if not files:
        return []
    rows = [f"| {name} | {number} | {analyzed[name]} |" for name, number in files.most_common(15)]
    return ["", "| language | files | analysed |", "| --- | --- | --- |", *rows]


def _suppressed_row(finding: Finding) -> str:
    place = code(f"{finding.path}:{finding.span.start_line}")
    return f"| {code(finding.rule_id)} | {place} | {code(finding.suppressed or '')} |"


def _hidden_row(number: int, ending: str) -> list[str]:
    hidden = number - _SKIPPED_SHOWN
    return [f"| and {hidden} more |{ending}"] if hidden > 0 else []


def _skipped_row(skip: Skipped) -> str:
    return f"| {code(skip.path)} | {skip.reason} |"
