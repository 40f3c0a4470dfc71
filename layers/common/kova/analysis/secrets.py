"""Secrets in findings: a keyed hash in place of the secret, a mask in place of its text."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from kova.analysis.finding import Finding, Span
from kova.analysis.fingerprint import HIDDEN, snippet_of, text_of

MASK: Final = "***"
# For `kova scan`, which stores nothing: the same secret has the same hash on every machine.
DEFAULT_KEY: Final = hashlib.sha256(b"kova: hashes of secrets, no key configured").digest()
_SHORTEST: Final = 4  # Shorter text is not looked for in messages: it is everywhere.


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
    spans = [finding.span for finding in group if finding.match is not None]
    if not spans:
        return group
    hidden = {text_of(lines, span).strip() for span in spans}
    hidden |= {line.strip() for text in hidden for line in text.split("\n")}
    words = sorted((word for word in hidden if len(word) >= _SHORTEST), key=len, reverse=True)
    covered = _cover(lines, spans, lambda _: MASK)
    return [_mask(finding, covered, words, spans) for finding in group]


def hide_secrets(findings: Iterable[Finding], lines: Sequence[str]) -> Sequence[str]:
    """Return the lines of a file as identities may see them: what is secret takes no part.

    Whoever has the hash of a line could guess the secret in it. Everything stays at its column.
    """
    spans = [finding.span for finding in findings if finding.match is not None]
    return _cover(lines, spans, lambda text: HIDDEN * len(text)) if spans else lines


def _mask(
    finding: Finding,
    covered: Sequence[str],
    words: Sequence[str],
    spans: Sequence[Span],
) -> Finding:
    message, snippet = finding.message, finding.snippet or snippet_of(covered, finding.span)
    for word in words:
        message, snippet = message.replace(word, MASK), snippet.replace(word, MASK)
    match = finding.match
    if match is None and any(_overlaps(finding.span, span) for span in spans):
        match = "".join(text_of(covered, finding.span).split()) or MASK
    # An edit repeats the line; one that could be proved without it does not exist.
    edit = None if match is not None else finding.edit
    return replace(finding, message=message, snippet=snippet, match=match, edit=edit)


def _cover(lines: Sequence[str], spans: Iterable[Span], cover: Callable[[str], str]) -> list[str]:
    """Return the lines with each span covered."""
    covered = list(lines)
    for span in sorted(spans, reverse=True):
        for number in range(span.start_line, min(span.end_line, len(covered)) + 1):
            line = covered[number - 1]
            start = span.start_column - 1 if number == span.start_line else 0
            end = span.end_column - 1 if number == span.end_line else len(line)
            covered[number - 1] = line[:start] + cover(line[start:end]) + line[end:]
    return covered


def _overlaps(first: Span, second: Span) -> bool:
    return (first.start_line, first.start_column) < (second.end_line, second.end_column) and (
        second.start_line,
        second.start_column,
    ) < (first.end_line, first.end_column)
