"""What people and administrators changed or took out, and who."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final


class Action(enum.StrEnum):
    """The actions that are recorded."""

    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    ERROR_IGNORED = "error.ignored"
    ERROR_OPENED = "error.opened"
    REPOSITORY_CHANGED = "repository.changed"
    FIX_PUBLISHED = "fix.published"
    ERRORS_EXPORTED = "errors.exported"
    REPORT_EXPORTED = "report.exported"
    REPOSITORY_DELETED = "repository.deleted"


HOUSEKEEPING: Final = "housekeeping"
"""The actor of what Kova does by itself when its time has come."""


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One action: `target` is its object.

    `actor` is `key:<prefix>`, `github:<login>`, `cli` or `housekeeping`.
    """

    actor: str
    action: Action
    target: str
    detail: Mapping[str, str | int | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AuditRecord(AuditEvent):
    """An event as it was recorded."""

    id: str
    created_at: datetime
