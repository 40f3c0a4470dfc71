"""Webhooks as GitHub sends them."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from typing import Any
from urllib.parse import urlencode

import httpx

from kova_fakes.github.apps import RegisteredApp
from kova_fakes.github.context import GitHubContext
from kova_fakes.github.errors import ApiError
from kova_fakes.github.state import RepositoryState, timestamp
from kova_fakes.github.views import account, pull_view, repository_view
from kova_fakes.loopback import is_loopback_url


def push_event(context: GitHubContext, repository: RepositoryState, branch: str) -> dict[str, Any]:
    """Return the payload of the last push to a branch."""
    before, after = repository.pushes[f"heads/{branch}"]
    git = repository.git
    commit, common = git.commits[after], common_members(context, repository)
    # Here it is a number, and a text wherever else a repository is described.
    common["repository"] |= {"pushed_at": repository.pushed_at}
    return {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": not before.strip("0"),
        "deleted": False,
        "forced": bool(before.strip("0")) and before not in git.ancestors(after),
        "base_ref": None,
        "compare": f"{context.url}/{repository.full_name}/compare",
        "commits": [],
        "head_commit": {"id": after, "tree_id": commit.tree, "message": commit.message},
        "pusher": {"name": "octocat", "email": "octo@example.com"},
        **common,
    }


def pull_request_event(
    context: GitHubContext, repository: RepositoryState, number: int, action: str
) -> dict[str, Any]:
    """Return the payload of a pull request's event."""
    pull = repository.pulls[number - 1]
    view, moved = pull_view(context.url, repository, pull), {}
    if action == "synchronize":
        before, after = repository.pushes[f"heads/{pull['head_ref']}"]
        moved = {"before": before, "after": after}
        view["updated_at"] = timestamp(repository.pushed_at)
    return {
        "action": action,
        "number": number,
        "pull_request": view,
        **moved,
        **common_members(context, repository),
    }


def merge_group_event(
    context: GitHubContext, repository: RepositoryState, head_ref: str, base_ref: str
) -> dict[str, Any]:
    """Return the payload of a merge queue that asks for checks on a branch of its own."""
    refs = repository.git.refs
    return {
        "action": "checks_requested",
        "merge_group": {
            "head_sha": refs[f"heads/{head_ref}"],
            "head_ref": f"refs/heads/{head_ref}",
            "base_sha": refs[f"heads/{base_ref}"],
            "base_ref": f"refs/heads/{base_ref}",
            "head_commit": {"id": refs[f"heads/{head_ref}"], "message": "Merge"},
        },
        **common_members(context, repository),
    }


def comment_event(
    context: GitHubContext,
    repository: RepositoryState,
    number: int,
    body: str,
    *,
    user: str,
    pull_request: bool,
) -> dict[str, Any]:
    """Write a comment as a person and return the payload of its event."""
    comment = {
        "id": context.state.number(),
        "issue": str(number),
        "body": body,
        "created_at": timestamp(),
        "user": account(user),
    }
    repository.comments.append(comment)
    issue: dict[str, Any] = {"number": number, "title": "An issue", "user": account(user)}
    if pull_request:
        issue["pull_request"] = {"url": f"{context.url}/pulls/{number}"}
    shown = {key: value for key, value in comment.items() if key != "issue"}
    return {
        "action": "created",
        "issue": issue,
        "comment": shown,
        **common_members(context, repository),
    }


def rerequest_event(
    context: GitHubContext, repository: RepositoryState, check_run_id: int, *, suite: bool
) -> dict[str, Any]:
    """Return the payload of "Re-run" at a check run, or of "Re-run all checks" at its suite.

    The suite is queued again and has no conclusion; the check run stays as its App left it. Pull
    requests are named where their head is in this repository.
    """
    run = next(run for run in repository.check_runs if run["id"] == check_run_id)
    heads = {
        sha: name.removeprefix("heads/")
        for name, sha in repository.git.refs.items()
        if name.startswith("heads/")
    }
    pulls = [
        {
            "number": pull["number"],
            "head": {"ref": pull["head_ref"], "sha": run["head_sha"]},
            "base": {
                "ref": pull["base_ref"],
                "sha": repository.git.refs[f"heads/{pull['base_ref']}"],
            },
        }
        for pull in repository.pulls
        if pull["state"] == "open" and heads.get(run["head_sha"]) == pull["head_ref"]
    ]
    checks = {
        "id": repository.id,
        "head_branch": heads.get(run["head_sha"]),
        "head_sha": run["head_sha"],
        "status": "queued",
        "conclusion": None,
        "pull_requests": pulls,
        "app": run["app"],
    }
    about = {"check_suite": checks}
    if not suite:
        about = {"check_run": {**run, "check_suite": checks, "pull_requests": pulls}}
    return {"action": "rerequested", **about, **common_members(context, repository)}


def ping_event(context: GitHubContext, repository: RepositoryState) -> dict[str, Any]:
    """Return the payload of a ping."""
    return {
        "zen": "Keep it logically awesome.",
        "hook_id": 1,
        "hook": {},
        **common_members(context, repository),
    }


def common_members(context: GitHubContext, repository: RepositoryState) -> dict[str, Any]:
    """Return what every payload about a repository has."""
    return {
        "repository": repository_view(context.url, repository),
        "sender": account("octocat"),
        "installation": {"id": context.credentials.installation_id, "node_id": "I_1"},
    }


def signed_request(
    secret: str, event: str, payload: dict[str, Any], guid: str | None, content_type: str
) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a delivery."""
    text = json.dumps(payload)
    form = content_type == "application/x-www-form-urlencoded"
    body = urlencode({"payload": text}).encode() if form else text.encode()
    headers = {
        "content-type": content_type,
        "user-agent": "GitHub-Hookshot/fa4e000",
        "x-github-event": event,
        "x-github-delivery": guid or str(uuid.uuid4()),
        "x-github-hook-id": "1",
        "x-github-hook-installation-target-type": "integration",
        "x-hub-signature": "sha1=" + hmac.new(secret.encode(), body, "sha1").hexdigest(),
        "x-hub-signature-256": "sha256="
        + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return headers, body


def deliver(
    context: GitHubContext,
    target_url: str,
    event: str,
    payload: dict[str, Any],
    *,
    guid: str | None = None,
    content_type: str = "application/json",
    app: RegisteredApp | None = None,
) -> httpx.Response:
    """Deliver a webhook, record the outcome, and return the answer.

    Without `app` it is the App's that is there from the start.

    Raises:
        ApiError: 422: the address is not this machine's. Whoever makes an App names its address.
    """
    if not is_loopback_url(target_url):
        raise ApiError(422, "The practice GitHub delivers to its own machine alone.")
    secret, installation_id = context.webhook_secret, context.credentials.installation_id
    if app is not None and app.installation_id is not None:
        secret, installation_id = app.webhook_secret, app.installation_id
        payload = {**payload, "installation": {**payload["installation"], "id": installation_id}}
    headers, body = signed_request(secret, event, payload, guid, content_type)
    delivery = {
        "id": context.state.number(),
        "guid": headers["x-github-delivery"],
        "delivered_at": timestamp(),
        "redelivery": guid is not None,
        "event": event,
        "action": payload.get("action"),
        "status": "no response",
        "status_code": 0,
        "duration": 0.0,
        "app_id": app.id if app else context.credentials.app.id,
        "installation_id": installation_id,
        "repository_id": payload.get("repository", {}).get("id"),
        "target": target_url,
        "payload": payload,
    }
    context.state.add_delivery(delivery)
    response = httpx.post(target_url, content=body, headers=headers, timeout=10)
    context.state.end_delivery(delivery, response.status_code, response.elapsed.total_seconds())
    return response
