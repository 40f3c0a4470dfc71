"""What GitHub lets an App ask for, and what each call of an installation needs: tables.

https://docs.github.com/rest/authentication/permissions-required-for-github-apps
https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

LEVELS: Final = {"read": 1, "write": 2, "admin": 3}

# Names of permissions, of repositories and of organisations.
NAMES: Final = frozenset(
    """actions administration artifact_metadata attestations checks code_quality codespaces contents
    dependabot_secrets deployments discussions environments issues merge_queues metadata packages
    pages pull_requests repository_custom_properties repository_hooks repository_projects
    secret_scanning_alerts secrets security_events single_file statuses vulnerability_alerts
    workflows members organization_administration organization_custom_roles organization_hooks
    organization_personal_access_tokens organization_plan organization_projects
    organization_packages organization_secrets organization_self_hosted_runners
    organization_user_blocking email_addresses followers""".split()
)

# An event, and the permissions of which one is enough to get it.
EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "branch_protection_rule": ("administration",),
    "check_run": ("checks",),
    "check_suite": ("checks",),
    "code_scanning_alert": ("security_events",),
    "commit_comment": ("contents",),
    "create": ("contents",),
    "delete": ("contents",),
    "deployment": ("deployments",),
    "deployment_status": ("deployments",),
    "discussion": ("discussions",),
    "fork": ("contents",),
    "issue_comment": ("issues", "pull_requests"),
    "issues": ("issues",),
    "label": ("issues", "pull_requests"),
    "member": ("members",),
    "merge_group": ("merge_queues",),
    "milestone": ("issues", "pull_requests"),
    "organization": ("members", "organization_administration"),
    "public": ("metadata",),
    "pull_request": ("pull_requests",),
    "pull_request_review": ("pull_requests",),
    "pull_request_review_comment": ("pull_requests",),
    "pull_request_review_thread": ("pull_requests",),
    "push": ("contents",),
    "release": ("contents",),
    "repository": ("metadata",),
    "repository_dispatch": ("contents",),
    "star": ("metadata",),
    "status": ("statuses",),
    "workflow_dispatch": ("actions", "contents"),
    "workflow_job": ("actions",),
    "workflow_run": ("actions",),
}

_METADATA: Final = (("metadata", "read"),)
_TALK: Final = (("issues", "{level}"), ("pull_requests", "{level}"))
# Below /repos/OWNER/NAME: a call's path, and the permissions of which one is enough. `{level}` is
# `read` for GET and `write` for all other methods. The first row that fits decides.
_CALLS: Final = tuple(
    (re.compile(pattern), permissions)
    for pattern, permissions in (
        (r"", _METADATA),
        (r"/collaborators/[^/]+/permission", _METADATA),
        (r"/branches.*", (("contents", "read"),)),
        (r"/(commits/.+/)?check-runs.*", (("checks", "{level}"),)),
        (r"/commits/.+/statuses|/statuses/.+", (("statuses", "{level}"),)),
        (r"/(commits|compare|tarball|zipball|git|contents)/.+", (("contents", "{level}"),)),
        (r"/pulls.*", (("pull_requests", "{level}"),)),
        (r"/issues/(comments/)?\d+.*", _TALK),
    )
)
_REPOSITORY: Final = re.compile(r"/repos/[^/]+/[^/]+(/.*)?")


def allows(permissions: Mapping[str, str], method: str, path: str) -> bool:
    """True if an installation with these permissions may make the call."""
    match = _REPOSITORY.fullmatch(path)
    if match is None:
        return True
    level = "read" if method in {"GET", "HEAD"} else "write"
    for pattern, accepted in _CALLS:
        if pattern.fullmatch(match[1] or ""):
            return any(
                LEVELS.get(permissions.get(name, ""), 0) >= LEVELS[access.format(level=level)]
                for name, access in accepted
            )
    return False
