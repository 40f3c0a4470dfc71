"""What people do on GitHub besides pushing, and the events that GitHub sends of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kova_fakes.github.context import GitHubContext
from kova_fakes.github.errors import ApiError
from kova_fakes.github.state import RepositoryState, timestamp
from kova_fakes.github.views import account, repository_view
from kova_fakes.github.webhooks import push_event

NOWHERE = "0" * 40


def force_push(repository: RepositoryState, branch: str, sha: str) -> str:
    """Let a branch end at a commit that is there, and return where it ended before.

    Raises:
        ApiError: 422: nobody knows the commit.
    """
    git, name = repository.git, f"heads/{branch}"
    if sha not in git.commits:
        raise ApiError(422, "Object does not exist")
    return repository.move(name, sha)


def delete_branch(repository: RepositoryState, branch: str) -> str:
    """Delete a branch and return where it ended; its open pull requests are closed."""
    for pull in repository.pulls:
        if pull["head_ref"] == branch and pull["state"] == "open":
            close_pull(repository, pull["number"])
    repository.pushes.pop(f"heads/{branch}", None)
    return repository.git.refs.pop(f"heads/{branch}")


def close_pull(repository: RepositoryState, number: int, *, merged: bool = False) -> None:
    """Close a pull request; it stays at the commits where it is now."""
    pull, refs = repository.pulls[number - 1], repository.git.refs
    pull["state"], pull["updated_at"] = "closed", timestamp()
    if merged:
        pull["merged_at"] = timestamp()
    for side in ("head", "base"):
        pull[f"{side}_sha"] = refs[f"heads/{pull[f'{side}_ref']}"]


def reopen_pull(repository: RepositoryState, number: int) -> None:
    """Open a closed pull request again, with its branches as they are now.

    Raises:
        ApiError: 422: it is merged, or its branch is deleted.
    """
    pull = repository.pulls[number - 1]
    if pull["merged_at"] is not None or f"heads/{pull['head_ref']}" not in repository.git.refs:
        raise ApiError(422, "Validation Failed")
    pull["state"], pull["updated_at"] = "open", timestamp()
    for side in ("head", "base"):
        pull.pop(f"{side}_sha", None)


def deleted_event(
    context: GitHubContext, repository: RepositoryState, branch: str, before: str
) -> dict[str, Any]:
    """Return the payload of the push that deleted a branch."""
    repository.pushes[f"heads/{branch}"] = (before, before)
    event = push_event(context, repository, branch)
    del repository.pushes[f"heads/{branch}"]
    return {**event, "after": NOWHERE, "created": False, "deleted": True, "head_commit": None}


def repository_event(
    context: GitHubContext,
    repository: RepositoryState,
    action: str,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the payload of an event about the repository itself, such as `renamed`."""
    return {
        "action": action,
        "repository": repository_view(context.url, repository),
        "sender": account("octocat"),
        "installation": {"id": context.credentials.installation_id, "node_id": "I_1"},
        **({"changes": dict(changes)} if changes else {}),
    }
