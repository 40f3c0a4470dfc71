"""The proofs of a file as bytes, cached by content.

Nothing is cached of a file in which an analyser saw a secret (`holds_secret`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from kova.analysis.finding_codec import decode_finding, encode_finding, pack, unpack
from kova.fixes.fix import FileFixes, FixStatus, ProvedFix, Step, Strategy, Verification


def encode_fixes(file: FileFixes) -> bytes:
    """Return the fixes of one file as bytes."""
    values = {
        "fixes": [_encode_fix(fix) for fix in file.fixes],
        "taken": [fix.finding.fingerprint for fix in file.combined],
        "content": file.content.decode() if file.content is not None else None,
    }
    return pack([values])


def decode_fixes(payload: bytes, path: str) -> FileFixes:
    """Return the fixes that `encode_fixes` was called with.

    Raises:
        ValueError: the bytes were not made by `encode_fixes`.
    """
    (values,) = unpack(payload)
    try:
        fixes = tuple(_decode_fix(fix) for fix in values["fixes"])
        if values["content"] is None:
            return FileFixes(path=path, fixes=fixes)
        fingerprints = set(values["taken"])
        combined = tuple(fix for fix in fixes if fix.finding.fingerprint in fingerprints)
        content = values["content"].encode()
        return FileFixes(path=path, fixes=fixes, combined=combined, content=content)
    except (KeyError, TypeError) as exc:
        raise ValueError("not a proof") from exc


def _encode_fix(fix: ProvedFix) -> dict[str, Any]:
    return {
        "finding": encode_finding(fix.finding),
        "strategy": fix.strategy,
        "status": fix.status,
        "safe": fix.safe,
        "patch": fix.patch,
        "verification": [[step.step, step.passed, step.detail] for step in fix.verification],
        "rejection": fix.rejection,
        "provider": fix.provider,
        "model": fix.model,
        "cost_usd": str(fix.cost_usd),
    }


def _decode_fix(values: dict[str, Any]) -> ProvedFix:
    return ProvedFix(
        finding=decode_finding(values["finding"]),
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
