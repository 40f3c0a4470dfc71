"""What Kova's GitHub App asks for: one table of permissions and one of events, each with why.

The manifest, the page /setup, docs/github-app.md and the check of an App that exists are made from
these tables. `tests/setup/test_app_needs.py` holds them against what the adapters call.
See https://docs.github.com/rest/authentication/permissions-required-for-github-apps
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LEVELS: Final[Mapping[str, int]] = {"read": 1, "write": 2, "admin": 3}
"""How much an access allows; a higher one includes the lower ones."""


@dataclass(frozen=True, kw_only=True)
class Permission:
    """A permission on repositories.

    Attributes:
        name: as GitHub's API writes it.
        access: `read` or `write`.
        reason: why Kova needs it, for people.
        calls: what needs it, as `METHOD path` below `/repos/{owner}/{repo}`.
    """

    name: str
    access: str
    reason: str
    calls: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """An event that GitHub delivers; it wants a permission, and the reason is for people."""

    name: str
    permission: str
    reason: str


PERMISSIONS: Final = (
    Permission(
        name="metadata",
        access="read",
        reason="GitHub gives it to every App: the repository's name and default branch, and whether"
        " the author of a command in a comment may write to the repository.",
        calls=("GET ", "GET /collaborators/{username}/permission"),
    ),
    Permission(
        name="contents",
        access="write",
        reason="Reads the files of a commit to analyse them, and commits proved fixes to a branch"
        " of Kova's own, never to yours.",
        calls=(
            "GET /commits/{ref}",
            "GET /compare/{basehead}",
            "GET /git/blobs/{file_sha}",
            "GET /git/commits/{commit_sha}",
            "GET /git/ref/{ref}",
            "GET /git/trees/{tree_sha}",
            "GET /tarball/{ref}",
            "POST /git/blobs",
            "POST /git/commits",
            "POST /git/refs",
            "POST /git/trees",
        ),
    ),
    Permission(
        name="checks",
        access="write",
        reason="Publishes the result of a scan as a check run with annotations.",
        calls=(
            "GET /commits/{ref}/check-runs",
            "PATCH /check-runs/{check_run_id}",
            "POST /check-runs",
        ),
    ),
    Permission(
        name="pull_requests",
        access="write",
        reason="Reads the pull requests that it scans, and opens one with the fixes that were"
        " proved.",
        calls=(
            "GET /pulls",
            "GET /pulls/{pull_number}",
            "GET /pulls/{pull_number}/files",
            "PATCH /pulls/{pull_number}",
            "POST /pulls",
        ),
    ),
    Permission(
        name="merge_queues",
        access="read",
        reason="GitHub tells of a merge queue's commits only whoever may read the queue.",
        calls=(),
    ),
    Permission(
        name="issues",
        access="write",
        reason="Answers `/kova` commands in comments on issues and pull requests, with one reply"
        " that it edits.",
        calls=(
            "GET /issues/{issue_number}/comments",
            "PATCH /issues/comments/{comment_id}",
            "POST /issues/{issue_number}/comments",
        ),
    ),
)

EVENTS: Final = (
    WebhookEvent(
        name="push",
        permission="contents",
        reason="Scans what was pushed to the default branch.",
    ),
    WebhookEvent(
        name="pull_request",
        permission="pull_requests",
        reason="Scans what a pull request brings, and follows those with Kova's fixes.",
    ),
    WebhookEvent(
        name="repository",
        permission="metadata",
        reason="Follows a repository that is renamed, transferred, deleted, archived, or made"
        " private, and another default branch.",
    ),
    WebhookEvent(
        name="check_run",
        permission="checks",
        reason="Scans again when somebody re-runs a check of Kova's, and does what its buttons"
        " say.",
    ),
    WebhookEvent(
        name="check_suite",
        permission="checks",
        reason="Scans again when somebody re-runs all checks.",
    ),
    WebhookEvent(
        name="merge_group",
        permission="merge_queues",
        reason="Scans what a merge queue is about to merge: a queue that requires Kova's check"
        " waits for it.",
    ),
    WebhookEvent(
        name="issue_comment",
        permission="issues",
        reason="Hears `/kova` commands in comments.",
    ),
)

ALWAYS_DELIVERED: Final = frozenset({"ping", "installation", "installation_repositories"})
"""GitHub sends these to every App and refuses a manifest that asks for them."""

OF_INSTALLATION: Final = ("GET /installation/repositories",)
"""What is asked of a whole installation; `metadata: read` is enough."""

WITHOUT_APP: Final = ("GET /commits/{ref}/statuses", "POST /statuses/{sha}")
"""What only a personal token is used for: an App writes check runs instead."""


def missing_permissions(granted: Mapping[str, str]) -> tuple[str, ...]:
    """Return what an App with these permissions lacks, as `checks: write`."""
    return tuple(
        f"{permission.name}: {permission.access}"
        for permission in PERMISSIONS
        if LEVELS.get(granted.get(permission.name, ""), 0) < LEVELS[permission.access]
    )


def missing_events(subscribed: frozenset[str]) -> tuple[str, ...]:
    """Return the events that an App with these subscriptions does not get."""
    return tuple(event.name for event in EVENTS if event.name not in subscribed)
