"""The proofs of a file as bytes, cached by content.

Nothing is cached of a file in which an analyser saw a secret (`holds_secret`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from kova.analysis.finding_codec import decode_finding, encode_finding, pack, unpack
from kova.fixes.fix import FileFix, FixStatus, ProvedFix, Step, Strategy, Verification


def encode_outcome(fixes: Sequence[ProvedFix], combined: FileFix | None) -> bytes:
    """Return the proofs of one file as bytes."""
    taken = [fix.finding.fingerprint for fix in combined.fixes] if combined else []
    content = combined.content.decode() if combined else None
    return pack([{"fixes": [_fix_out(one) for one in fixes], "taken": taken, "content": content}])


def decode_outcome(data: bytes, path: str) -> tuple[tuple[ProvedFix, ...], FileFix | None]:
    """Read the proofs of one file.

    Raises:
        ValueError: the bytes are not ours.
    """
    (value,) = unpack(data)
    try:
        fixes = tuple(_fix_in(one) for one in value["fixes"])
        if value["content"] is None:
            return fixes, None
        taken = set(value["taken"])
        chosen = tuple(fix for fix in fixes if fix.finding.fingerprint in taken)
        return fixes, FileFix(path=path, content=value["content"].encode(), fixes=chosen)
    except (KeyError, TypeError) as exc:
        raise ValueError("not a proof") from exc


def _fix_out(fix: ProvedFix) -> dict[str, Any]:
    return {
        "finding": encode_finding(fix.finding),
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
