"""What GitHub's events say that changed: repositories, installations, pull requests of fixes.

See https://docs.github.com/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from kova.events.event import BUTTONS, EventJob, EventKind
from kova.scans.scan import CHECK_OF_BRANCH
from kova.shared.json_text import as_id, as_object
from kova.shared.repository import FULL_NAME_PATTERN, is_sha

INSTALLATIONS: Final = frozenset({"installation", "installation_repositories"})
CHANGES: Final = INSTALLATIONS | {"repository"}
_INSTALLATION_ACTIONS: Final = frozenset(
    {"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted", "added", "removed"}
)
_REPOSITORY_ACTIONS: Final = frozenset(
    {
        "renamed",
        "transferred",
        "deleted",
        "privatized",
        "publicized",
        "archived",
        "unarchived",
        "edited",
    }
)
_PULL_ACTIONS: Final = frozenset({"closed", "reopened"})
_FIX_BRANCH: Final = "kova/"
_LOGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_SENDER: Final = re.compile(r"[A-Za-z0-9_\[\]-]{1,100}")


def read_event(event: str, delivery_id: str, payload: Mapping[str, Any]) -> EventJob | None:
    """Return what to look at; None for what does not concern Kova, or is not as GitHub sends it."""
    if event in INSTALLATIONS:
        return _installation(payload, delivery_id)
    repository = as_object(payload.get("repository"))
    full_name, github_id = repository.get("full_name"), as_id(repository.get("id"))
    if not isinstance(full_name, str) or not re.fullmatch(FULL_NAME_PATTERN, full_name):
        return None
    if github_id is None:
        return None
    common: dict[str, Any] = {
        "repository": full_name,
        "github_id": github_id,
        "installation_id": as_id(as_object(payload.get("installation")).get("id")),
        "delivery": delivery_id,
    }
    if event == "repository":
        return _repository(payload, common)
    if event == "push":
        return _branch_deleted(payload, repository, common)
    if event == "pull_request":
        return _pull_request(payload, common)
    if event == "check_run":
        return _button(payload, common)
    return None


def former_owner(payload: Mapping[str, Any]) -> str | None:
    """Return the login that a transferred repository belonged to before."""
    before = as_object(as_object(as_object(payload.get("changes")).get("owner")).get("from"))
    for kind in ("user", "organization"):
        login = as_object(before.get(kind)).get("login")
        if isinstance(login, str) and _LOGIN.fullmatch(login):
            return login
    return None


def changes_base(payload: Mapping[str, Any]) -> bool:
    """True where a pull request was edited and has another base now."""
    return payload.get("action") == "edited" and bool(
        as_object(as_object(payload.get("changes")).get("base"))
    )


def _installation(payload: Mapping[str, Any], delivery_id: str) -> EventJob | None:
    installation, action = as_object(payload.get("installation")), payload.get("action")
    number, login = (
        as_id(installation.get("id")),
        as_object(installation.get("account")).get("login"),
    )
    if not isinstance(action, str) or action not in _INSTALLATION_ACTIONS or number is None:
        return None
    if not isinstance(login, str) or not _LOGIN.fullmatch(login):
        return None
    return EventJob(
        kind=EventKind.INSTALLATION,
        action=action,
        repository=f"{login}/-",
        installation_id=number,
        delivery=delivery_id,
    )


def _repository(payload: Mapping[str, Any], common: Mapping[str, Any]) -> EventJob | None:
    action = payload.get("action")
    if not isinstance(action, str) or action not in _REPOSITORY_ACTIONS:
        return None
    if action == "edited" and not as_object(
        as_object(payload.get("changes")).get("default_branch")
    ):
        return None
    return EventJob(kind=EventKind.REPOSITORY, action=action, **common)


def _branch_deleted(
    payload: Mapping[str, Any], repository: Mapping[str, Any], common: Mapping[str, Any]
) -> EventJob | None:
    """Return a look at a repository whose default branch was deleted, or is another one by now."""
    branch = repository.get("default_branch")
    if payload.get("deleted") is not True or payload.get("ref") != f"refs/heads/{branch}":
        return None
    return EventJob(kind=EventKind.REPOSITORY, action="branch_deleted", **common)


def _pull_request(payload: Mapping[str, Any], common: Mapping[str, Any]) -> EventJob | None:
    """Return a look at a pull request from a branch of Kova's own."""
    pull, action = as_object(payload.get("pull_request")), payload.get("action")
    number = as_id(payload.get("number")) or as_id(pull.get("number"))
    head = as_object(pull.get("head"))
    branch, head_id = head.get("ref"), as_id(as_object(head.get("repo")).get("id"))
    if not isinstance(action, str) or action not in _PULL_ACTIONS or number is None:
        return None
    if not isinstance(branch, str) or not branch.startswith(_FIX_BRANCH):
        return None
    if head_id != common["github_id"]:
        return None
    return EventJob(kind=EventKind.PULL_REQUEST, action=action, number=number, **common)


def _button(payload: Mapping[str, Any], common: Mapping[str, Any]) -> EventJob | None:
    check, sender = (
        as_object(payload.get("check_run")),
        as_object(payload.get("sender")).get("login"),
    )
    identifier = as_object(payload.get("requested_action")).get("identifier")
    sha = check.get("head_sha")
    if payload.get("action") != "requested_action" or check.get("external_id") != CHECK_OF_BRANCH:
        return None
    if not isinstance(identifier, str) or identifier not in BUTTONS:
        return None
    if not isinstance(sha, str) or not is_sha(sha):
        return None
    if not isinstance(sender, str) or not _SENDER.fullmatch(sender):
        return None
    return EventJob(
        kind=EventKind.BUTTON, action=identifier, commit_sha=sha, sender=sender, **common
    )
