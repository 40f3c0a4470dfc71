"""A fix and its proof."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from kova.analysis.finding import Finding


class FixStatus(enum.StrEnum):
    """The status of a fix."""

    PROPOSED = "proposed"
    VERIFIED = "verified"
    REJECTED = "rejected"
    PUBLISHED = "published"
    MERGED = "merged"
    CLOSED = "closed"


class Strategy(enum.StrEnum):
    """Who wrote the fix."""

    DETERMINISTIC = "deterministic"
    LLM = "llm"


class Step(enum.StrEnum):
    """The steps of the proof, in order."""

    APPLIES = "applies"
    PARSES = "parses"
    FINDING_GONE = "finding_gone"
    NO_NEW_FINDINGS = "no_new_findings"
    NO_NEW_NAMES = "no_new_names"
    PUBLIC_INTERFACE_KEPT = "public_interface_kept"
    CI = "ci"


@dataclass(frozen=True, kw_only=True)
class Verification:
    """One step of the proof and how it ended."""

    step: Step
    passed: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class ProvedFix:
    """The outcome of proposing a fix for one finding of one file.

    `safe`: the rewriting rule states that the meaning is preserved; only safe fixes are put into
    pull requests without waiting for the repository's own checks.
    """

    finding: Finding
    strategy: Strategy
    status: FixStatus
    safe: bool
    patch: str
    verification: tuple[Verification, ...]
    rejection: str | None = None
    provider: str | None = None
    model: str | None = None
    cost_usd: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class FileFixes:
    """All fixes that were tried in one file.

    Attributes:
        path: the file.
        fixes: the outcome of each fix.
        combined: the safe ones that hold together.
        content: the file with the combined ones, proved as a whole; None where there are none.
    """

    path: str
    fixes: tuple[ProvedFix, ...]
    combined: tuple[ProvedFix, ...] = ()
    content: bytes | None = None


@dataclass(frozen=True, kw_only=True)
class Fix:
    """A fix as the API shows it."""

    id: str
    error_id: str
    repository: str
    path: str
    rule_id: str
    message: str
    """Of the error that it mends."""
    strategy: Strategy
    provider: str | None
    model: str | None
    status: FixStatus
    safe: bool
    patch: str
    verification: tuple[Verification, ...]
    rejection: str | None
    pull_request_url: str | None
    cost_usd: Decimal
    created_at: datetime
    blob_sha: str | None = None
    """Of the file as the fix was proved on it, where it is known."""
