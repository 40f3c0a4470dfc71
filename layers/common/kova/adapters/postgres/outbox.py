"""The outbox: notices, written in the transaction of what they are about.

Each statement is the same when it is done twice: a thing has one dedupe_key for ever.
"""

from __future__ import annotations

from typing import Any, Final, LiteralString

from kova.adapters.postgres.pool import Connection

_INSERT: Final[LiteralString] = """
INSERT INTO notices (repository_id, kind, severity, subject, dedupe_key, thread_key, group_key)
"""
_ONCE: Final[LiteralString] = " ON CONFLICT (dedupe_key) DO NOTHING"

# An error that came back is told again, once each time.
_ERRORS: Final[LiteralString] = (
    _INSERT
    + """SELECT repository_id, 'error_opened', severity, id::text,
    'error_opened:' || id || CASE WHEN reopened_scan = %(scan_id)s
        THEN ':' || reopened_count ELSE '' END,
    'error:' || id, 'scan:' || %(scan_id)s::text
FROM errors
WHERE (opened_scan = %(scan_id)s OR reopened_scan = %(scan_id)s) AND status = 'open'
    AND severity IN ('critical', 'high')
ORDER BY array_position(ARRAY['critical', 'high'], severity), path, start_line, id"""
    + _ONCE
)

_FIXES: Final[LiteralString] = (
    _INSERT
    + """SELECT errors.repository_id, 'fix_ready', errors.severity, auto_fixes.id::text,
    'fix_ready:' || auto_fixes.id, 'error:' || errors.id, 'scan:' || auto_fixes.scan_id::text
FROM auto_fixes JOIN errors ON errors.id = auto_fixes.error_id
WHERE auto_fixes.scan_id = %(scan_id)s AND auto_fixes.status = 'verified'
    AND errors.status = 'open' AND errors.severity IN ('critical', 'high')
ORDER BY array_position(ARRAY['critical', 'high'], errors.severity), errors.path,
    errors.start_line, errors.id"""
    + _ONCE
)

# A pull request's failing checks are told once, not after each push; a branch's by its commit, and
# not where the errors that made them fail are told themselves.
_CHECKS: Final[LiteralString] = (
    _INSERT  # noqa: S608 (literals only, and the type says so)
    + """SELECT repository_id, 'checks_failed', NULL, id::text,
    CASE WHEN trigger = 'pull_request' THEN 'checks_failed:' || repository_id || ':' || ref
        ELSE 'checks_failed:' || repository_id || ':' || commit_sha END,
    CASE WHEN trigger = 'pull_request' THEN 'pull:' || repository_id || ':' || ref
        ELSE 'scan:' || id END,
    'scan:' || id
FROM scans
WHERE id = %(scan_id)s AND NOT EXISTS (
    SELECT FROM notices
    WHERE group_key = 'scan:' || %(scan_id)s::text AND kind = 'error_opened')"""
    + _ONCE
)

# A scan that was taken up again and fails again is told again.
_FAILED: Final[LiteralString] = (
    _INSERT  # noqa: S608 (as above)
    + """SELECT repository_id, 'scan_failed', NULL, id::text,
    'scan_failed:' || id || ':' || extract(epoch FROM finished_at), 'scan:' || id, 'scan:' || id
FROM scans WHERE id = %(scan_id)s AND status = 'failed'"""
    + _ONCE
)


async def record_opened_errors(connection: Connection, scan_id: object) -> None:
    """Record the severe errors that a scan opened, or opened again."""
    await connection.execute(_ERRORS, {"scan_id": scan_id})


async def record_ready_fixes(connection: Connection, scan_id: object) -> None:
    """Record the severe errors' fixes that a scan proved."""
    await connection.execute(_FIXES, {"scan_id": scan_id})


async def record_ended_scan(connection: Connection, scan_id: object, *, checks: bool) -> None:
    """Record that a scan failed, and where `checks` that its check run says failure."""
    values: dict[str, Any] = {"scan_id": scan_id}
    await connection.execute(_FAILED, values)
    if checks:
        await connection.execute(_CHECKS, values)
