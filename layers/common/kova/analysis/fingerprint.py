"""The identity of a finding: what stays the same when lines move or code is reformatted.

A fingerprint is made from the analyser, the rule, the path, the qualified name around the finding,
the flagged text without its white space, and an ordinal that keeps equal findings apart. Line
numbers take no part. It names an error that is new; one that is known is recognised by its traits
(analysis/matching.py) and keeps its first fingerprint.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from kova.analysis.finding import Finding, Span, Traits
from kova.analysis.languages import WORKFLOW, language_of
from kova.analysis.scope import Scopes

HIDDEN: Final = "\0"
"""Stands for each character that takes no part in an identity."""
# What formatters change: white space, the kind of quotes, a comma before a closing bracket.
_FORMAT: Final = re.compile(rf"[\s{HIDDEN}]+|,\s*(?=[)\]}}])")
_SEPARATOR: Final = "\x1f"
_MATCH_LIMIT: Final = 2_000
_READ_LIMIT: Final = 8_000
"""So many characters of a flagged text are looked at: thousands of findings may share a line."""
_LINE_LIMIT: Final = 2_000
SNIPPET_LINES: Final = 5
_SNIPPET_LIMIT: Final = 500
_FAR: Final = 20
_BLOCK_LINES: Final = 20
_BLOCKS: Final = frozenset({"YAML", WORKFLOW})


def identify(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """Fill in snippet, scope, traits and fingerprint of one file's findings.

    Args:
        findings: findings of one file.
        lines: the file's lines without their ends, what is secret in them hidden.

    Returns:
        The findings in order of place, each with a fingerprint of its own.
    """
    ordered = sorted(findings, key=lambda finding: (finding.span, finding.rule_id, finding.message))
    ordinals: Counter[tuple[str, ...]] = Counter()
    scopes, surroundings = Scopes(lines), _Surroundings(lines)
    identified = []
    for finding in ordered:
        scope = scopes.around(finding.span.start_line)
        text = _flagged_text(finding, lines) if finding.match is None else finding.match
        match = "".join(text.split())[:_MATCH_LIMIT]
        base = (finding.analyzer, finding.rule_id, finding.path, scope, match)
        fingerprint = fingerprint_of(base, ordinals[base])
        ordinals[base] += 1
        identified.append(
            replace(
                finding,
                scope=scope,
                snippet=finding.snippet or snippet_of(lines, finding.span),
                fingerprint=fingerprint,
                traits=_traits_of(finding, scope, lines, surroundings),
            )
        )
    return identified


class _Surroundings:
    """The lines of a file without their format, each made once however many findings are near."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._bare: dict[int, str | None] = {}

    def line(self, index: int) -> str:
        """Return a line, counted from 0; empty where there is none."""
        return self._strip(index) or "" if 0 <= index < len(self._lines) else ""

    def nearest(self, number: int, step: int) -> str:
        """Return the nearest line that is not blank, above (-1) or below (+1)."""
        for distance in range(1, _FAR):
            index = number + step * distance
            if not 0 <= index < len(self._lines):
                break
            line = self._strip(index)
            if line is not None:
                return line
        return ""

    def _strip(self, index: int) -> str | None:
        """Return a line without its format, None for one that is blank."""
        if index not in self._bare:
            text = self._lines[index]
            self._bare[index] = strip_format(text[:_LINE_LIMIT]) if text.strip() else None
        return self._bare[index]


def _traits_of(
    finding: Finding, scope: str, lines: Sequence[str], surroundings: _Surroundings
) -> Traits:
    """Return the traits of a finding.

    The text of a line with a secret takes no part: whoever has the hash could guess.
    """
    number = finding.span.start_line - 1
    if finding.match is not None:
        match = finding.match
        line = around = ""
    else:
        match = strip_format(_flagged_text(finding, lines)[:_MATCH_LIMIT])
        line = surroundings.line(number)
        around = _SEPARATOR.join(
            (surroundings.nearest(number, -1), line, surroundings.nearest(number, +1))
        )
    return make_traits(match=match, scope=scope, line=line, around=around)


def former_traits(finding: Finding) -> Iterator[Traits]:
    """Yield the traits that a secret had under each former key."""
    for match in finding.former_matches:
        yield make_traits(match=match, scope=finding.scope, line="", around="")


def _flagged_text(finding: Finding, lines: Sequence[str]) -> str:
    """Return the flagged text. A block is known by how it begins: what stands in it may change.

    In YAML, which is not re-wrapped, that is any text of several lines; elsewhere a long one.
    """
    span = finding.span
    height = span.end_line - span.start_line
    block = height > 0 if language_of(finding.path) in _BLOCKS else height >= _BLOCK_LINES
    if block:
        span = replace(span, end_line=span.start_line, end_column=sys.maxsize)
    return text_of(lines, span, most=_READ_LIMIT)


def make_traits(*, match: str, scope: str, line: str, around: str) -> Traits:
    """Hash the parts of an identity. A finding without any text has no weak traits to share."""
    return Traits(
        line=_trait("line", scope, match, line),
        scope=_trait("scope", scope, match),
        window=_trait("window", match, around),
        match=_trait("match", match),
    )


def fingerprint_of(parts: tuple[str, ...], ordinal: int) -> str:
    """Return the fingerprint of one of the findings that have these parts, counted from 0."""
    return _digest(_SEPARATOR.join(parts), ordinal)


def next_fingerprint(fingerprint: str, attempt: int) -> str:
    """Return another fingerprint, for a new finding whose own one belongs to an older error."""
    return _digest(fingerprint, attempt)


def _trait(*parts: str) -> str:
    text = _SEPARATOR.join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=12).hexdigest()


def strip_format(text: str) -> str:
    """Return a text without what is hidden and without what formatters change."""
    return _FORMAT.sub("", text).replace("'", '"')


def _digest(base: str, ordinal: int) -> str:
    text = f"{base}{_SEPARATOR}{ordinal}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()


def text_of(lines: Sequence[str], span: Span, *, most: int = sys.maxsize) -> str:
    """Return the text of a span, empty when it lies outside of the file.

    Args:
        lines: the file's lines without their ends.
        span: the place of the text.
        most: so many characters of the text are returned.
    """
    first, last = span.start_line - 1, span.end_line - 1
    if first < 0 or first >= len(lines):
        return ""
    pieces: list[str] = []
    for number in range(first, max(min(last, len(lines) - 1), first) + 1):
        start = span.start_column - 1 if number == first else 0
        end = span.end_column - 1 if number == last else sys.maxsize
        piece = lines[number][start : min(end, start + most)]
        pieces.append(piece)
        most -= len(piece) + 1
        if most <= 0:
            break
    return "\n".join(pieces)


def snippet_of(lines: Sequence[str], span: Span) -> str:
    """Return the lines of a span as a person would quote them: a few, and not too long."""
    first = max(span.start_line - 1, 0)
    last = min(span.end_line, first + SNIPPET_LINES)
    return "\n".join(lines[first:last])[:_SNIPPET_LIMIT]
