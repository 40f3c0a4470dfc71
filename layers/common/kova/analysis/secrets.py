"""Secrets in findings: a keyed hash in place of the secret, a mask in place of its text."""

from __future__ import annotations

import hashlib
import hmac
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from kova.analysis.finding import Finding, Span
from kova.analysis.fingerprint import HIDDEN, SNIPPET_LINES, snippet_of, text_of

MASK: Final = "***"
# For `kova scan`, which stores nothing: the same secret has the same hash on every machine.
DEFAULT_KEY: Final = hashlib.sha256(b"kova: hashes of secrets, no key configured").digest()
_SHORTEST: Final = 4  # Shorter text is not looked for in messages: it is everywhere.
_LONGEST: Final = 1_000  # No message and no snippet has a longer one.
_MOST_WORDS: Final = 300
_READ_LIMIT: Final = 8_000
_CROWDED: Final = "The message is hidden: the file has too many secrets to look for them in it."


def derive_key(text: str | None) -> bytes:
    """Return the key of the secrets' hashes for a KOVA_SECRETS_KEY, DEFAULT_KEY without one."""
    if not text:
        return DEFAULT_KEY
    return hmac.new(text.encode(), b"kova: hashes of secrets", hashlib.sha256).digest()


def mask_secrets(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """Mask every secret of one file wherever a finding of that file would repeat it.

    A finding with a `match` is one of a secret: its span is masked in the snippets of all
    findings and its text in all messages.
    """
    group = list(findings)
    spans = sorted(finding.span for finding in group if finding.match is not None)
    if not spans:
        return group
    hidden = _hidden_texts(spans, lines)
    words = sorted((word for word in hidden if len(word) >= _SHORTEST), key=len, reverse=True)
    places = _join_overlapping(spans)
    covered = _cover(lines, places, lambda _: MASK)
    return [_mask(finding, covered, words, places) for finding in group]


def hide_secrets(findings: Iterable[Finding], lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a file as identities may see them: what is secret takes no part.

    Whoever has the hash of a line could guess the secret in it. Everything stays at its column.
    """
    spans = sorted(finding.span for finding in findings if finding.match is not None)
    if not spans:
        return lines
    return _cover(lines, _join_overlapping(spans), lambda text: HIDDEN * len(text))


def _hidden_texts(spans: Sequence[Span], lines: Sequence[str]) -> set[str]:
    """Return the texts of spans, and each of their lines, that a message or snippet may hold."""
    hidden = set[str]()
    reached = 0
    for span in spans:
        ends = {span.start_line: span.end_line == span.start_line, span.end_line: True}
        for number, is_end in ends.items():
            start = span.start_column if number == span.start_line else 1
            end = span.end_column if is_end else sys.maxsize
            part = replace(
                span, start_line=number, start_column=start, end_line=number, end_column=end
            )
            hidden.add(text_of(lines, part, most=_READ_LIMIT).strip())
        if span.end_line - span.start_line < SNIPPET_LINES:
            hidden.add(text_of(lines, span, most=_READ_LIMIT).strip())
        # Spans are in order, so that a line which many of them hold is looked at once.
        reached = max(reached, span.start_line)
        hidden.update(map(str.strip, lines[reached : max(span.end_line - 1, reached)]))
        reached = max(reached, span.end_line - 1)
    return {text for text in hidden if len(text) <= _LONGEST}


def _mask(
    finding: Finding, covered: Sequence[str], words: Sequence[str], places: Sequence[Span]
) -> Finding:
    message, snippet = finding.message, finding.snippet or snippet_of(covered, finding.span)
    match = finding.match
    if len(words) > _MOST_WORDS:
        # To look for thousands of words in thousands of texts takes minutes.
        message, snippet = (message if match is not None else _CROWDED), MASK
    else:
        for word in words:
            message, snippet = message.replace(word, MASK), snippet.replace(word, MASK)
    if match is None and _overlaps_any(finding.span, places):
        match = "".join(text_of(covered, finding.span, most=_READ_LIMIT).split()) or MASK
    # An edit repeats the line; one that could be proved without it does not exist.
    edit = None if match is not None else finding.edit
    return replace(finding, message=message, snippet=snippet, match=match, edit=edit)


def _join_overlapping(spans: Sequence[Span]) -> list[Span]:
    """Return spans that do not overlap and cover the same text, in order, given them in order."""
    joined: list[Span] = []
    for span in spans:
        if joined and _start(span) < _end(joined[-1]):
            line, column = max(_end(joined[-1]), _end(span))
            joined[-1] = replace(joined[-1], end_line=line, end_column=column)
        else:
            joined.append(span)
    return joined


def _cover(lines: Sequence[str], spans: Iterable[Span], cover: Callable[[str], str]) -> list[str]:
    """Return the lines with each span covered; the spans are in order and do not overlap."""
    parts: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for span in spans:
        for number in range(span.start_line, min(span.end_line, len(lines)) + 1):
            start = span.start_column - 1 if number == span.start_line else 0
            end = span.end_column - 1 if number == span.end_line else len(lines[number - 1])
            parts[number].append((start, max(end, start)))
    covered = list(lines)
    for number, ranges in parts.items():
        line, pieces, position = lines[number - 1], list[str](), 0
        for start, end in ranges:
            pieces += (line[position:start], cover(line[start:end]))
            position = end
        covered[number - 1] = "".join([*pieces, line[position:]])
    return covered


def _overlaps_any(span: Span, places: Sequence[Span]) -> bool:
    """Tell whether a span overlaps one of those that are in order and do not overlap."""
    index = bisect_left(places, _end(span), key=_start) - 1
    return index >= 0 and _start(span) < _end(places[index])


def _start(span: Span) -> tuple[int, int]:
    return span.start_line, span.start_column


def _end(span: Span) -> tuple[int, int]:
    return span.end_line, span.end_column
