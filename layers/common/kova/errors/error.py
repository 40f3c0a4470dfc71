"""An error: a finding with a life, from first seen to fixed."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kova.analysis.finding import Finding

REASON_LIMIT: Final = 1_000
MOST_AT_ONCE: Final = 100
"""So many errors are ignored together at most."""


class ErrorStatus(enum.StrEnum):
    """The status of an error."""

    OPEN = "open"
    FIXED = "fixed"
    IGNORED = "ignored"


@dataclass(frozen=True, kw_only=True)
class ErrorRecord:
    """An error as the API shows it.

    `introduced_in` is the commit whose scan saw it first; None where the error is older than that
    and only a newer analyser saw it.
    """

    id: str
    repository: str
    finding: Finding
    status: ErrorStatus
    first_seen_at: datetime
    last_seen_at: datetime
    fixed_at: datetime | None
    introduced_in: str | None
    fix: FixReference | None
    ignored: IgnoreDecision | None = None


@dataclass(frozen=True, kw_only=True)
class IgnoreDecision:
    """Why an error is ignored, by whom, and until when (None: for good)."""

    reason: str
    by: str
    until: datetime | None


@dataclass(frozen=True, kw_only=True)
class RuleCount:
    """A rule that has live errors in a repository, and how many of them are open."""

    analyzer: str
    rule_id: str
    open: int


@dataclass(frozen=True, kw_only=True)
class FixReference:
    """The latest fix of an error, in short."""

    id: str
    status: str
    pull_request_url: str | None


@dataclass(frozen=True, kw_only=True)
class RefusedIgnore:
    """An error that cannot be ignored: it is fixed, or, with `error` None, not there."""

    error_id: str
    error: ErrorRecord | None


@dataclass(frozen=True, kw_only=True)
class IgnoredTogether:
    """The result of ignoring errors together: all of them, or, with `refused`, none."""

    errors: tuple[ErrorRecord, ...] = ()
    refused: tuple[RefusedIgnore, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FindingStatus:
    """Which findings of a scan are new and which are ignored, by their fingerprints.

    Attributes:
        introduced: the scan's commit brought them, or brought them back.
        ignored: people ignore them.
    """

    introduced: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class LifecycleChange:
    """What one scan changed: how many errors it opened, closed and opened again."""

    new: int
    fixed: int
    reopened: int
    error_ids: dict[str, str]
    """Error id by the finding's fingerprint, for all findings of the scan."""
    finding_status: FindingStatus
    generation: int | None = field(default=None, compare=False)
    """The state of the errors that it made; None where it changed none."""
