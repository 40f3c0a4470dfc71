"""The addresses of all pages, with something to see on each."""

from __future__ import annotations

from typing import Final

import psycopg

from tests.server.conftest import Kova

NAMES: Final = (
    "overview", "errors", "errors-none", "errors-saved", "error", "error-ignored", "fixes", "fix-rejected",
    "scans", "scan", "repositories", "repository", "ask", "answer", "usage", "rules", "keys",
    "audit", "sessions", "nowhere",
)  # fmt: skip


def places(kova: Kova) -> dict[str, str]:
    """Return a path of each kind of page by its name."""
    with psycopg.connect(kova.environment["KOVA_DATABASE_URL"]) as connection:

        def first(query: str) -> str:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return str(row[0])

        fixed_error = first(
            "SELECT error_id FROM auto_fixes JOIN errors ON errors.id = error_id"
            " WHERE auto_fixes.status = 'verified' AND errors.status = 'open' AND rule_id = 'F632'"
            " ORDER BY last_seen_at DESC LIMIT 1"
        )
        ignored = first("SELECT id FROM errors WHERE status = 'ignored' LIMIT 1")
        rejected = first("SELECT id FROM auto_fixes WHERE status = 'rejected' LIMIT 1")
        scan = first("SELECT id FROM scans WHERE status = 'succeeded' LIMIT 1")
        command = first("SELECT id FROM ai_commands LIMIT 1")
    return {
        "overview": "/",
        "errors": "/ui/errors",
        "errors-none": "/ui/errors?repository=acme/none",
        "errors-saved": "/ui/errors?severity=critical",
        "error": f"/ui/errors/{fixed_error}",
        "error-ignored": f"/ui/errors/{ignored}",
        "fixes": "/ui/fixes",
        "fix-rejected": f"/ui/fixes/{rejected}",
        "scans": "/ui/scans",
        "scan": f"/ui/scans/{scan}",
        "repositories": "/ui/repositories",
        "repository": "/ui/repositories/acme/shop",
        "ask": "/ui/ask",
        "answer": f"/ui/ask/{command}",
        "usage": "/ui/usage",
        "rules": "/ui/rules?analyzer=zizmor",
        "keys": "/ui/keys",
        "audit": "/ui/audit",
        "sessions": "/auth/sessions",
        "nowhere": "/ui/nowhere",
    }
