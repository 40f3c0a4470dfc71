"""Findings as bytes, cached by content so that equal files are analysed once.

The text of an edit is not cached: a file whose fix is to be proved is fetched anyway.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from kova.analysis.finding import Category, Confidence, Finding, ProposedEdit, Span, Tier, Traits
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped

VERSION: Final = "2"
UNPACKED_LIMIT: Final = 50_000_000


def cache_key(kind: str, path: str, blob_sha: str, analyzers: str) -> bytes:
    """Return the key of what some analysers say of a blob at a path."""
    text = f"{VERSION}\x1f{kind}\x1f{path}\x1f{blob_sha}\x1f{analyzers}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def encode_file(
    findings: Iterable[Finding], skipped: Iterable[Skipped], unread: Iterable[str]
) -> bytes | None:
    """Return the result of one file as bytes; None when all analysers read it and found nothing.

    Args:
        findings: all findings of the file, suppressed ones too.
        skipped: why an analyser left the file out.
        unread: names of the analysers that did not read it.
    """
    values = [
        [encode_finding(finding) for finding in findings],
        [skip.reason for skip in skipped],
        sorted(unread),
    ]
    return pack(values) if any(values) else None


def decode_file(
    payload: bytes | None, path: str
) -> tuple[list[Finding], list[Skipped], frozenset[str]]:
    """Return the arguments of `encode_file`; None stands for a file without findings.

    Raises:
        ValueError: the bytes were not made by `encode_file`.
    """
    if payload is None:
        return [], [], frozenset()
    try:
        findings, reasons, unread = unpack(payload)
        return (
            [decode_finding(values) for values in findings],
            [Skipped(path=path, reason=str(reason)) for reason in reasons],
            frozenset(map(str, unread)),
        )
    except TypeError as exc:
        raise ValueError("not a file's findings") from exc


def encode_findings(findings: Sequence[Finding]) -> bytes | None:
    """Return findings as bytes; None when there are none."""
    return pack([encode_finding(finding) for finding in findings]) if findings else None


def decode_findings(payload: bytes | None) -> tuple[Finding, ...]:
    """Return the findings that `encode_findings` was called with; None stands for none.

    Raises:
        ValueError: the bytes were not made by `encode_findings`.
    """
    return tuple(decode_finding(values) for values in unpack(payload)) if payload else ()


def holds_secret(findings: Iterable[Finding]) -> bool:
    """Tell whether an analyser saw a secret: such a file's text is not kept."""
    return any(finding.match is not None for finding in findings)


def pack(value: list[Any]) -> bytes:
    """Return a list of plain values as compressed JSON."""
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode("utf-8"), 1)


def unpack(payload: bytes) -> list[Any]:
    """Return the list that `pack` was called with.

    Raises:
        ValueError: the bytes are not compressed JSON of a list.
    """
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(payload, UNPACKED_LIMIT)
        value = json.loads(text)
    except (zlib.error, RecursionError) as exc:
        raise ValueError("not a cached value") from exc
    if not isinstance(value, list):
        raise ValueError("not a cached value")  # noqa: TRY004 (one kind of error for callers)
    return value


def encode_finding(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values; the text of its edit is left out."""
    values = asdict(replace(finding, edit=None))
    span = finding.span
    values["span"] = [span.start_line, span.start_column, span.end_line, span.end_column]
    values["edit"] = finding.edit.safe if finding.edit else None
    return values


def decode_finding(values: Any) -> Finding:
    """Return the finding that `encode_finding` was called with.

    Raises:
        ValueError: the values are not those of a finding.
    """
    try:
        first_line, first_column, last_line, last_column = values["span"]
        fields = {
            **values,
            "severity": Severity(values["severity"]),
            "tier": Tier(values["tier"]),
            "confidence": Confidence(values["confidence"]),
            "category": Category(values["category"]),
            "span": Span(
                start_line=first_line,
                start_column=first_column,
                end_line=last_line,
                end_column=last_column,
            ),
            "former_matches": tuple(values.get("former_matches", ())),
            "traits": Traits(**values["traits"]) if values["traits"] else None,
            "edit": _edit_mark(values["edit"]),
        }
        return Finding(**fields)
    except (KeyError, TypeError) as exc:
        raise ValueError("not a finding") from exc


def _edit_mark(safe: bool | None) -> ProposedEdit | None:
    """Return an edit without its text: it says that there is one."""
    return None if safe is None else ProposedEdit(edits=(), safe=safe, description="")
