"""Payloads of what changes about repositories, installations, pull requests, and of buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kova_fakes.github.context import GitHubContext
from kova_fakes.github.errors import ApiError
from kova_fakes.github.state import RepositoryState, timestamp
from kova_fakes.github.views import account
from kova_fakes.github.webhooks import common_members, pull_request_event


def pull_changed_event(
    context: GitHubContext,
    repository: RepositoryState,
    number: int,
    action: str,
    changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the payload of a pull request that was closed, reopened or edited."""
    payload = pull_request_event(context, repository, number, action)
    return payload if changes is None else {**payload, "changes": changes}


def repository_event(
    context: GitHubContext,
    repository: RepositoryState,
    action: str,
    changes: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the payload of what happened to a repository, as it is now."""
    payload = {"action": action, **common_members(context, repository)}
    return payload if changes is None else {**payload, "changes": changes}


def installation_event(
    context: GitHubContext, action: str, repositories: Sequence[RepositoryState], owner: str
) -> dict[str, Any]:
    """Return the payload of `installation`, or by its action of `installation_repositories`."""
    app = context.credentials.app
    listed = [
        {
            "id": repository.id,
            "node_id": f"R_{repository.id}",
            "name": repository.full_name.partition("/")[2],
            "full_name": repository.full_name,
            "private": repository.private,
        }
        for repository in repositories
    ]
    payload: dict[str, Any] = {
        "action": action,
        "installation": {
            "id": context.credentials.installation_id,
            "account": account(owner),
            "repository_selection": "selected",
            "app_id": app.id,
            "app_slug": app.slug,
            "target_type": "Organization",
            "permissions": app.permissions,
            "events": app.events,
            "suspended_at": timestamp() if app.suspended else None,
        },
        "sender": account("octocat"),
        "requester": None,
    }
    if action in {"added", "removed"}:
        both: dict[str, Any] = {"repositories_added": [], "repositories_removed": []}
        return {
            **payload,
            "repository_selection": "selected",
            **both,
            f"repositories_{action}": listed,
        }
    return {**payload, "repositories": listed}


def button_event(
    context: GitHubContext,
    repository: RepositoryState,
    check_run_id: int,
    identifier: str,
    *,
    user: str,
) -> dict[str, Any]:
    """Press a button of a check run as a person, and return the payload of the event."""
    run = next(run for run in repository.check_runs if run["id"] == check_run_id)
    if identifier not in {button["identifier"] for button in run.get("actions") or []}:
        raise ApiError(422, "The check run has no such button.")
    return {
        "action": "requested_action",
        "requested_action": {"identifier": identifier},
        "check_run": {key: value for key, value in run.items() if key != "actions"},
        **common_members(context, repository),
        "sender": {**account(user), "type": "User"},
    }


def branch_deleted_event(
    context: GitHubContext, repository: RepositoryState, branch: str
) -> dict[str, Any]:
    """Delete a branch as a person, and return the payload of the push that says so."""
    before = repository.git.refs.pop(f"heads/{branch}")
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": "0" * 40,
        "created": False,
        "deleted": True,
        "forced": False,
        "base_ref": None,
        "commits": [],
        "head_commit": None,
        "pusher": {"name": "octocat", "email": "octo@example.com"},
        **common_members(context, repository),
    }


class FakeGitHubEvents:
    """The handle's methods that make payloads, some after doing what a person does."""

    context: GitHubContext

    def pull_changed_event(
        self, full_name: str, number: int, action: str, changes: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the payload of a pull request that was closed, reopened or edited."""
        repository = self.context.state.repository(full_name)
        return pull_changed_event(self.context, repository, number, action, changes)

    def repository_event(
        self, full_name: str, action: str, changes: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the payload of what happened to a repository, as it is now."""
        repository = self.context.state.repository(full_name)
        return repository_event(self.context, repository, action, changes)

    def delete_repository(self, full_name: str) -> dict[str, Any]:
        """Delete a repository as a person, and return the payload of the event."""
        repository = self.context.state.delete(full_name)
        return repository_event(self.context, repository, "deleted")

    def installation_event(
        self, action: str, *full_names: str, owner: str = "octo"
    ) -> dict[str, Any]:
        """Return the payload of `installation`, or by its action of `installation_repositories`."""
        repositories = [self.context.state.repository(name) for name in full_names]
        return installation_event(self.context, action, repositories, owner)

    def button_event(
        self, full_name: str, check_run_id: int, identifier: str, *, user: str = "writer"
    ) -> dict[str, Any]:
        """Press a button of a check run as a person, and return the payload of the event."""
        repository = self.context.state.repository(full_name)
        return button_event(self.context, repository, check_run_id, identifier, user=user)

    def branch_deleted_event(self, full_name: str, branch: str) -> dict[str, Any]:
        """Delete a branch as a person, and return the payload of the push that says so."""
        repository = self.context.state.repository(full_name)
        return branch_deleted_event(self.context, repository, branch)
