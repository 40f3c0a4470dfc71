"""The result of a local scan as a table, JSON or SARIF."""

from __future__ import annotations

import json
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kova.analysis.finding import Finding
from kova.fixes.fix import FixStatus, ProvedFix
from kova.scans.sarif import to_sarif
from kova.shared.markdown import plural
from kova.shared.severity import Severity
from kova.web.schemas.errors import FindingView, finding_fields
from kova_server.local.files import Listing
from kova_server.local.scan import LocalScan
from kova_server.local.show_fixes import print_fixes

_MOST_SKIPPED: Final = 20
_COLOURS = {
    Severity.CRITICAL: "bold red",
    Severity.HIGH: "red",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
}


def as_json(scan: LocalScan) -> str:
    """Return the JSON document of `kova scan --format json`."""
    analysis = scan.analysis
    document = {
        "findings": [_finding_view(finding) for finding in analysis.findings],
        "suppressed": [
            {**_finding_view(finding), "suppressed": finding.suppressed}
            for finding in analysis.suppressed
        ],
        "fixes": [_fix_view(fix, applied=scan.applied) for fix in scan.fixes],
        "skipped": [
            {"path": skipped.path, "reason": skipped.reason}
            for skipped in sorted((*analysis.skipped, *scan.listing.left_out))
        ],
        "unwritten": [
            {"path": skipped.path, "reason": skipped.reason} for skipped in scan.unwritten
        ],
        "analyzers": {"incomplete": sorted(analysis.incomplete), "absent": list(scan.absent)},
        "stats": {
            "files": analysis.files,
            "files_analyzed": len(analysis.analyzed),
            "files_skipped": len({skipped.path for skipped in analysis.skipped}),
            "files_excluded": len(analysis.excluded),
            "files_ignored": scan.listing.ignored_files,
            "folders_ignored": scan.listing.ignored_folders,
            "errors": len(analysis.findings),
            "suppressed": len(analysis.suppressed),
            "fixes_verified": sum(fix.status is FixStatus.VERIFIED for fix in scan.fixes),
            "fixes_applied": len(scan.applied),
            "duration_ms": scan.duration_ms,
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=True)


def as_sarif(scan: LocalScan) -> str:
    """Return the SARIF document of the findings that remain after `--apply`."""
    return json.dumps(
        to_sarif(
            scan.remaining,
            scan.analysis.suppressed,
            fixes=[fix for fix in scan.fixes if fix.status is FixStatus.VERIFIED],
            most_bytes=100_000_000,
        ),
        indent=2,
        ensure_ascii=True,
    )


def print_table(scan: LocalScan, console: Console) -> None:
    """Print the findings, the fixes, and what was not read."""
    analysis = scan.analysis
    findings = sorted(
        analysis.findings, key=lambda finding: (finding.severity.rank, finding.path, finding.span)
    )
    fixes = {fix.finding.fingerprint: fix for fix in scan.fixes}
    if findings:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("severity", "rule", "place", "message", "fix"):
            table.add_column(heading, overflow="fold")
        for finding in findings:
            table.add_row(*_row(finding, fixes.get(finding.fingerprint), scan))
        console.print(table)
        console.print()
    print_fixes(scan.fixes, scan.applied, console)
    counts = {
        severity: sum(finding.severity is severity for finding in findings) for severity in Severity
    }
    by_severity = ", ".join(f"{number} {severity}" for severity, number in counts.items() if number)
    console.print(
        f"{plural(len(findings), 'error')}{f' ({by_severity})' if by_severity else ''} in "
        f"{plural(len(analysis.analyzed), 'file')}, {scan.duration_ms / 1000:.1f} s."
    )
    if scan.fixes:
        verified = sum(fix.status is FixStatus.VERIFIED for fix in scan.fixes)
        console.print(
            f"{plural(len(scan.fixes), 'fix')} tried, {verified} proved, "
            f"{len(scan.applied)} written."
        )
    _print_unread(scan, console)


def _print_unread(scan: LocalScan, console: Console) -> None:
    """Print which files and findings were left out, and why."""
    analysis, listing = scan.analysis, scan.listing
    if analysis.suppressed:
        console.print(f"{len(analysis.suppressed)} more suppressed by the code or the settings.")
    if analysis.excluded:
        console.print(f"{plural(len(analysis.excluded), 'file')} left out by the settings.")
    if listing.left_out:
        console.print(_left_out_line(listing))
    for name in scan.absent:
        console.print(f"{name} is not installed: its languages were not analysed.", style="dim")
    for skipped in analysis.skipped[:_MOST_SKIPPED]:
        console.print(f"skipped {skipped.path}: {skipped.reason}", style="dim")
    if len(analysis.skipped) > _MOST_SKIPPED:
        console.print(f"... and {len(analysis.skipped) - _MOST_SKIPPED} more skipped", style="dim")


def _left_out_line(listing: Listing) -> str:
    counts = {"folder": listing.ignored_folders, "file": listing.ignored_files}
    parts = [plural(number, noun) for noun, number in counts.items() if number]
    reasons = {skipped.reason for skipped in listing.left_out}
    by_whom = {"ignored": ".gitignore (--no-ignore scans them)", "excluded": "--exclude"}
    causes = [text for reason, text in by_whom.items() if reason in reasons]
    return f"{' and '.join(parts)} left out by {' and '.join(causes)}."


def _row(finding: Finding, fix: ProvedFix | None, scan: LocalScan) -> tuple[str | Text, ...]:
    state = "fixable" if finding.edit and finding.edit.safe else ""
    if fix is not None:
        state = "written" if finding.fingerprint in scan.applied else fix.status.value
    colour = _COLOURS[finding.severity]
    place = f"{finding.path}:{finding.span.start_line}:{finding.span.start_column}"
    return (
        Text(finding.severity, style=colour),
        finding.rule_id,
        place,
        finding.message,
        state,
    )


def _finding_view(finding: Finding) -> dict[str, Any]:
    view = FindingView.model_validate(finding_fields(finding)).model_dump(mode="json")
    return {"id": finding.fingerprint, **view, "status": "open", "fixable": _is_fixable(finding)}


def _is_fixable(finding: Finding) -> bool:
    return finding.edit is not None and finding.edit.safe


def _fix_view(fix: ProvedFix, *, applied: frozenset[str]) -> dict[str, Any]:
    fingerprint = fix.finding.fingerprint
    return {
        "id": fingerprint,
        "error_id": fingerprint,
        "path": fix.finding.path,
        "rule_id": fix.finding.rule_id,
        "strategy": fix.strategy,
        "provider": fix.provider,
        "model": fix.model,
        "status": fix.status,
        "safe": fix.safe,
        "applied": fingerprint in applied,
        "patch": fix.patch,
        "verification": [
            {"step": step.step, "passed": step.passed, "detail": step.detail}
            for step in fix.verification
        ],
        "rejection": fix.rejection,
        "pull_request_url": None,
        "cost_usd": float(fix.cost_usd),
    }
