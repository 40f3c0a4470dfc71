"""The words of the pages for what the core names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kova.fixes.fix import Step

NOTICES: Final[Mapping[str, str]] = {
    "ignored": "Ignored. The reason is in the history and in the audit log.",
    "opened": "Open again.",
    "publishing": "The pull request is on its way: a worker opens it within seconds.",
    "queued": "The scan is queued.",
    "saved": "The settings are saved.",
    "view-saved": "The view is saved: it is above the list.",
    "view-deleted": "The view is deleted.",
    "ended": "Signed out there.",
    "revoked": "The key is revoked: it stops working within seconds.",
}
"""What a page says after a form, by the word in its address."""

STEPS: Final[Mapping[str, str]] = {
    Step.APPLIES: "The patch applies to the scanned file",
    Step.PARSES: "The file parses",
    Step.FINDING_GONE: "The error is gone",
    Step.NO_NEW_FINDINGS: "No new error appears",
    Step.NO_NEW_NAMES: "No unknown name or import",
    Step.PUBLIC_INTERFACE_KEPT: "The public interface is the same",
    Step.CI: "The repository's own checks pass",
}
FAILED_STEPS: Final[Mapping[str, str]] = {
    Step.APPLIES: "the patch does not apply",
    Step.PARSES: "the file no longer parses",
    Step.FINDING_GONE: "the error is still there",
    Step.NO_NEW_FINDINGS: "a new error appears",
    Step.NO_NEW_NAMES: "an unknown name appears",
    Step.PUBLIC_INTERFACE_KEPT: "the public interface changes",
    Step.CI: "the repository's own checks fail",
}
"""Why a proof ended, by its last step."""

STATUSES: Final[Mapping[str, str]] = {
    "verified": "proved",
    "ok": "answered",
    "not_json": "unreadable answer",
    "wrong_shape": "unreadable answer",
    "nul": "unreadable answer",
    "cut": "broke off",
    "timeout": "took too long",
    "budget_exhausted": "budget used up",
    "not_configured": "no model key",
    "no_context": "nothing to go by",
}
ACTIONS: Final[Mapping[str, str]] = {
    "key.created": "made a key",
    "key.revoked": "revoked a key",
    "error.ignored": "ignored an error",
    "error.opened": "opened an error again",
    "repository.changed": "changed settings",
    "fix.published": "published a fix",
    "repository.deleted": "deleted what was left of a deleted repository",
    "errors.exported": "exported errors",
    "report.exported": "exported a report",
}
REASONS: Final[Mapping[str, str]] = {
    "binary": "binary file",
    "too_large": "larger than the limit",
    "too_many_files": "beyond the limit of files",
    "not_utf8": "not UTF-8 text",
    "symlink": "a link, not a file",
    "submodule": "another repository",
    "base_unread": "its earlier state was not read, so what is new is not known",
    "comparison_incomplete": "more files changed than could be listed",
    "tree_incomplete": "more files than GitHub lists",
}
"""Why a file was not scanned; other reasons are shown as they are."""
