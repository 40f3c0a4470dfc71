"""What people read: the check run's summary and annotations, the pull request's text.

Everything from a repository is untrusted: it is put into code spans, where Markdown and mentions
mean nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from kova.analysis.analysis import Analysis
from kova.analysis.finding import Finding
from kova.analysis.languages import count_languages
from kova.analysis.repository_settings import RepositorySettings
from kova.errors.error import FindingStatus
from kova.fixes.fix import FixStatus, ProvedFix
from kova.shared.markdown import code, plural
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped

_SKIPPED_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class ScanReport:
    """What is told of a scan.

    Attributes:
        analysis: what was found.
        status: which findings are new and which are ignored.
        fixes: what came of every fix.
        settings: by which it was made.
        whole: it is of a whole branch, and not of what a pull request changed.
    """

    analysis: Analysis
    status: FindingStatus
    fixes: Sequence[ProvedFix]
    settings: RepositorySettings
    whole: bool

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
    def open(self) -> list[Finding]:
        """The findings that nobody ignores."""
        ignored = self.status.ignored
        return [finding for finding in self.analysis.findings if finding.fingerprint not in ignored]


def conclusion(findings: Sequence[Finding], failing: Sequence[Finding]) -> str:
    """Return the check run's conclusion: failure, neutral or success."""
    if failing:
        return "failure"
    return "neutral" if findings else "success"


def title(introduced: Sequence[Finding]) -> str:
    """Return the check run's title."""
    if not introduced:
        return "No new errors"
    return f"{plural(len(introduced), 'new error')}: {by_severity(introduced)}"


def by_severity(findings: Sequence[Finding]) -> str:
    """Return `1 critical, 3 medium`."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counts[one]} {one}" for one in Severity if counts[one])


def summary(report: ScanReport) -> str:
    """Return the check run's summary: what was seen, what was not, and what can be mended."""
    analysis, introduced = report.analysis, report.introduced
    lines = [*_notice(report.settings), *_seen(analysis), *_standing(report)]
    if report.fixes:
        verified = sum(fix.status is FixStatus.VERIFIED for fix in report.fixes)
        lines.append(f"{plural(len(report.fixes), 'fix')} tried, {verified} proved.")
    if analysis.incomplete:
        lines.append(f"Did not finish: {', '.join(sorted(analysis.incomplete))}.")
    if introduced:
        counts = Counter(finding.rule_id for finding in introduced)
        lines += ["", "| rule | new errors |", "| --- | --- |"]
        lines += [f"| {code(rule)} | {number} |" for rule, number in counts.most_common(50)]
    lines += _languages(analysis)
    if analysis.suppressed:
        lines += ["", "| suppressed | place | by |", "| --- | --- | --- |"]
        lines += [_suppressed(one) for one in analysis.suppressed[:_SKIPPED_SHOWN]]
        lines += _more(len(analysis.suppressed), " | |")
    if analysis.skipped:
        lines += ["", "| skipped | reason |", "| --- | --- |"]
        lines += [_skipped(one) for one in analysis.skipped[:_SKIPPED_SHOWN]]
        lines += _more(len(analysis.skipped), " |")
    return "\n".join(lines)


def _standing(report: ScanReport) -> list[str]:
    """Say how a branch stands; of a pull request only what it introduced is known."""
    if not report.whole:
        return []
    still, ignored = report.open, len(report.analysis.findings) - len(report.open)
    told = [f"{_are(len(still))} open on this branch: {by_severity(still)}."] if still else []
    return [*told, *([f"{_are(ignored)} ignored."] if ignored else [])]


def _are(number: int) -> str:
    return f"{plural(number, 'error')} {'is' if number == 1 else 'are'}"


def _notice(settings: RepositorySettings) -> list[str]:
    if not settings.problems:
        return []
    told = [f"- {code(one)}" for one in settings.problems]
    return ["**`.kova.toml` is not valid; the defaults apply.**", "", *told, ""]


def _seen(analysis: Analysis) -> list[str]:
    cached = len(analysis.cached & analysis.analyzed)
    skipped = len({one.path for one in analysis.skipped})
    parts = [f"{plural(len(analysis.analyzed), 'file')} analysed"]
    parts += [f"{cached} of them known from earlier scans"] if cached else []
    parts += [f"{plural(skipped, 'file')} skipped"]
    parts += [f"{len(analysis.excluded)} left out by `.kova.toml`"] if analysis.excluded else []
    return [", ".join(parts) + "."]


def _languages(analysis: Analysis) -> list[str]:
    seen, read = count_languages(analysis.blobs), count_languages(analysis.understood)
    if not seen:
        return []
    rows = [f"| {name} | {number} | {read[name]} |" for name, number in seen.most_common(15)]
    return ["", "| language | files | analysed |", "| --- | --- | --- |", *rows]


def _suppressed(finding: Finding) -> str:
    place = code(f"{finding.path}:{finding.span.start_line}")
    return f"| {code(finding.rule_id)} | {place} | {code(finding.suppressed or '')} |"


def _more(number: int, ending: str) -> list[str]:
    rest = number - _SKIPPED_SHOWN
    return [f"| and {rest} more |{ending}"] if rest > 0 else []


def _skipped(one: Skipped) -> str:
    return f"| {code(one.path)} | {one.reason} |"
