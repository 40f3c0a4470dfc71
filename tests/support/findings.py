"""Findings for tests, made of a file's lines: whatever stands after `BAD` on a line is flagged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kova.analysis.analysis import Analysis, AnalyzerCoverage
from kova.analysis.finding import Category, Confidence, Finding, Span, Tier
from kova.analysis.fingerprint import identify
from kova.shared.severity import Severity

_FLAG = re.compile(r"BAD(?:\[(\w+)\])?\s*\(?\w*\)?(?P<quiet>\s*# quiet)?")


def finding(**fields: object) -> Finding:
    values: dict[str, object] = {
        "analyzer": "tool",
        "rule_id": "R1",
        "severity": Severity.HIGH,
        "tier": Tier.ERROR,
        "confidence": Confidence.HIGH,
        "category": Category.CORRECTNESS,
        "message": "Bad.",
        "path": "a.py",
        "span": Span(start_line=1, start_column=1, end_line=1, end_column=4),
    }
    return Finding(**{**values, **fields})  # type: ignore[arg-type]


def findings_of(path: str, text: str, rules: Sequence[str] = ("R1",)) -> list[Finding]:
    """Return the findings of a file: `BAD(x)` is R1, `BAD[R2](x)` is R2; other rules are off."""
    lines = text.split("\n")
    findings = []
    for number, line in enumerate(lines, start=1):
        for match in _FLAG.finditer(line):
            rule = match[1] or "R1"
            end = match.start("quiet") if match["quiet"] else match.end()
            span = Span(
                start_line=number,
                start_column=match.start() + 1,
                end_line=number,
                end_column=end + 1,
            )
            if rule in rules:
                quiet = "# quiet" if match["quiet"] else None
                findings.append(finding(path=path, rule_id=rule, span=span, suppressed=quiet))
    return identify(findings, lines)


def analysis_of(
    files: Mapping[str, str],
    *,
    rules: Sequence[str] = ("R1",),
    version: str = "1",
    unread: Sequence[str] = (),
    complete: bool = True,
) -> Analysis:
    """Return what one analyser says of a tree, as a scan would put it together."""
    read = {path: text for path, text in files.items() if path not in unread}
    findings = [
        finding for path, text in sorted(read.items()) for finding in findings_of(path, text, rules)
    ]
    return Analysis(
        findings=tuple(finding for finding in findings if finding.suppressed is None),
        suppressed=tuple(finding for finding in findings if finding.suppressed is not None),
        skipped=(),
        files=len(files),
        analyzed=frozenset(read),
        coverage=(
            AnalyzerCoverage(name="tool", identity=f"tool {version}", paths=frozenset(read)),
        ),
        blobs={path: f"{hash(text) & (2**64 - 1):040x}" for path, text in files.items()},
        listed=frozenset(files) if complete else None,
    )


def move_findings(findings: Sequence[Finding], path: str) -> list[Finding]:
    return [replace(finding, path=path) for finding in findings]
