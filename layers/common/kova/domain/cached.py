"""Findings and proofs as bytes, kept by content so that equal files are analysed once.

Never kept: the text of an edit (a file whose fix is to be proved is fetched anyway), and anything
of a file's proof where an analyser saw a secret in the file.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, Final

from kova.domain.finding import Category, Confidence, Finding, ProposedEdit, Span, Tier, Traits
from kova.domain.fix import FileFix, FixStatus, ProvedFix, Step, Strategy, Verification
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped

VERSION: Final = "2"
UNPACKED_LIMIT: Final = 50_000_000


def cache_key(kind: str, path: str, blob_sha: str, analyzers: str) -> bytes:
    """Return the key of what some analysers say of a blob at a path."""
    text = f"{VERSION}\x1f{kind}\x1f{path}\x1f{blob_sha}\x1f{analyzers}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True, kw_only=True)
class KnownFile:
    """What is known of a file: findings, what was left out and why, and who did not read it."""

    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    unread: frozenset[str] = frozenset()


def encode_file(known: KnownFile) -> bytes | None:
    """Return what is known of a file as bytes; None when all read it and found nothing."""
    if known == KnownFile():
        return None
    findings = [_finding_out(one) for one in known.findings]
    return _pack([findings, [one.reason for one in known.skipped], sorted(known.unread)])


def decode_file(data: bytes | None, path: str) -> KnownFile:
    """Read what is known of a file; None stands for nothing found.

    Raises:
        ValueError: the bytes are not ours.
    """
    if data is None:
        return KnownFile()
    try:
        findings, reasons, unread = _unpack(data)
        return KnownFile(
            findings=tuple(_finding_in(one) for one in findings),
            skipped=tuple(Skipped(path=path, reason=str(reason)) for reason in reasons),
            unread=frozenset(map(str, unread)),
        )
    except TypeError as exc:
        raise ValueError("not a file's findings") from exc


def encode_findings(findings: Sequence[Finding]) -> bytes | None:
    """Return findings as bytes; None when there are none."""
    return _pack([_finding_out(one) for one in findings]) if findings else None


def decode_findings(data: bytes | None) -> tuple[Finding, ...]:
    """Read findings; None stands for none.

    Raises:
        ValueError: the bytes are not ours.
    """
    return tuple(_finding_in(one) for one in _unpack(data)) if data else ()


def encode_outcome(fixes: Sequence[ProvedFix], combined: FileFix | None) -> bytes:
    """Return the proofs of one file as bytes."""
    taken = [fix.finding.fingerprint for fix in combined.fixes] if combined else []
    content = combined.content.decode() if combined else None
    return _pack([{"fixes": [_fix_out(one) for one in fixes], "taken": taken, "content": content}])


def decode_outcome(data: bytes, path: str) -> tuple[tuple[ProvedFix, ...], FileFix | None]:
    """Read the proofs of one file.

    Raises:
        ValueError: the bytes are not ours.
    """
    (value,) = _unpack(data)
    try:
        fixes = tuple(_fix_in(one) for one in value["fixes"])
        if value["content"] is None:
            return fixes, None
        taken = set(value["taken"])
        chosen = tuple(fix for fix in fixes if fix.finding.fingerprint in taken)
        return fixes, FileFix(path=path, content=value["content"].encode(), fixes=chosen)
    except (KeyError, TypeError) as exc:
        raise ValueError("not a proof") from exc


def holds_secret(findings: Iterable[Finding]) -> bool:
    """Tell whether an analyser saw a secret: such a file's text is not kept."""
    return any(one.match is not None for one in findings)


def _pack(value: list[Any]) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode("utf-8"), 1)


def _unpack(data: bytes) -> list[Any]:
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, UNPACKED_LIMIT)
        value = json.loads(text)
    except (zlib.error, RecursionError) as exc:
        raise ValueError("not a cached value") from exc
    if not isinstance(value, list):
        raise ValueError("not a cached value")  # noqa: TRY004 (one kind of error for callers)
    return value


def _finding_out(finding: Finding) -> dict[str, Any]:
    values = asdict(replace(finding, edit=None))
    span = finding.span
    values["span"] = [span.start_line, span.start_column, span.end_line, span.end_column]
    values["edit"] = finding.edit.safe if finding.edit else None
    return values


def _finding_in(values: Any) -> Finding:
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


def _fix_out(fix: ProvedFix) -> dict[str, Any]:
    return {
        "finding": _finding_out(fix.finding),
        "strategy": fix.strategy,
        "status": fix.status,
        "safe": fix.safe,
        "patch": fix.patch,
        "verification": [[one.step, one.passed, one.detail] for one in fix.verification],
        "rejection": fix.rejection,
        "provider": fix.provider,
        "model": fix.model,
        "cost_usd": str(fix.cost_usd),
    }


def _fix_in(values: dict[str, Any]) -> ProvedFix:
    return ProvedFix(
        finding=_finding_in(values["finding"]),
        strategy=Strategy(values["strategy"]),
        status=FixStatus(values["status"]),
        safe=values["safe"],
        patch=values["patch"],
        verification=tuple(
            Verification(step=Step(step), passed=passed, detail=detail)
            for step, passed, detail in values["verification"]
        ),
        rejection=values["rejection"],
        provider=values["provider"],
        model=values["model"],
        cost_usd=Decimal(values["cost_usd"]),
    )
