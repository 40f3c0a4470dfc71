"""The identity of a finding: what stays the same when lines move or code is reformatted.

A fingerprint is made from the analyser, the rule, the path, the qualified name around the finding,
the flagged text without its white space, and an ordinal that keeps equal findings apart. Line
numbers take no part.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from kova.domain.finding import Finding, Span

_SPACE: Final = re.compile(r"\s+")
_DEFINITION: Final = re.compile(r"^(\s*)(?:async\s+def|def|class)\s+(\w+)")
_SEPARATOR: Final = "\x1f"
_MATCH_LIMIT: Final = 2_000
_SNIPPET_LINES: Final = 5
_SNIPPET_LIMIT: Final = 500


def identify(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """Fill in snippet, scope and fingerprint of one file's findings.

    Args:
        findings: findings of one file.
        lines: the file's lines without their ends.

    Returns:
        The findings in order of place, each with a fingerprint of its own.
    """
    seen: Counter[str] = Counter()
    scopes = _Scopes(lines)
    identified = []
    for finding in sorted(findings, key=lambda one: (one.span, one.rule_id, one.message)):
        scope = scopes.around(finding.span.start_line)
        match = finding.match
        if match is None:
            match = _SPACE.sub("", text_of(lines, finding.span))[:_MATCH_LIMIT]
        parts = (finding.analyzer, finding.rule_id, finding.path, scope, match)
        base = _SEPARATOR.join(parts)
        fingerprint = _digest(base, seen[base])
        seen[base] += 1
        identified.append(
            replace(
                finding,
                scope=scope,
                snippet=finding.snippet or snippet_of(lines, finding.span),
                fingerprint=fingerprint,
            )
        )
    return identified


def _digest(base: str, ordinal: int) -> str:
    data = f"{base}{_SEPARATOR}{ordinal}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


def text_of(lines: Sequence[str], span: Span) -> str:
    """Return the text of a span, empty when it lies outside of the file."""
    first, last = span.start_line - 1, span.end_line - 1
    if first < 0 or first >= len(lines):
        return ""
    chosen = list(lines[first : last + 1])
    if last < len(lines):
        chosen[-1] = chosen[-1][: span.end_column - 1]
    chosen[0] = chosen[0][span.start_column - 1 :]
    return "\n".join(chosen)


def snippet_of(lines: Sequence[str], span: Span) -> str:
    """Return the lines of a span as a person would quote them: a few, and not too long."""
    first = max(span.start_line - 1, 0)
    last = min(span.end_line, first + _SNIPPET_LINES)
    return "\n".join(lines[first:last])[:_SNIPPET_LIMIT]


class _Scopes:
    """Qualified names by indentation: it works on files that do not parse, in linear time."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._definitions: list[tuple[int, int, str]] = []
        for number, line in enumerate(lines, start=1):
            if match := _DEFINITION.match(line):
                self._definitions.append((number, len(match[1].expandtabs()), match[2]))
        self._lines = lines

    def around(self, line: int) -> str:
        """Return the dotted name of the definitions around a line, empty at module level."""
        names: list[str] = []
        indent = self._indent(line)
        for number, depth, name in reversed(self._definitions):
            if (number == line and not names) or (number < line and depth < indent):
                names.append(name)
                indent = depth
            if indent == 0 and names:
                break
        return ".".join(reversed(names))

    def _indent(self, line: int) -> int:
        if not 0 < line <= len(self._lines):
            return 0
        text = self._lines[line - 1].expandtabs()
        return len(text) - len(text.lstrip())
