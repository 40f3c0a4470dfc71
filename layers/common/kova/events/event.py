"""What changed on GitHub, as small as it is queued; what is true now is asked of GitHub."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from kova.scans.scan import FIX_BUTTON, IGNORE_BUTTON

DELETED: Final = "deleted"
# After these the default branch is another one, or has another head, and is scanned.
DEFAULT_BRANCH_ACTIONS: Final = frozenset({"edited", "branch_deleted"})
BUTTONS: Final = frozenset({FIX_BUTTON, IGNORE_BUTTON})


class EventKind(enum.StrEnum):
    """What an event is about."""

    REPOSITORY = "repository"
    INSTALLATION = "installation"
    PULL_REQUEST = "pull_request"
    BUTTON = "button"


@dataclass(frozen=True, kw_only=True)
class EventJob:
    """What to look at, since GitHub says that it changed.

    Attributes:
        kind: what it is about.
        action: the event's own word, such as `renamed`; of a button its identifier.
        repository: `owner/name` by the event; for an installation `account/-`.
        delivery: GitHub's delivery id.
        github_id: GitHub's number of the repository.
        installation_id: the App's installation.
        number: of the pull request.
        commit_sha: of the check run with the button.
        sender: the login of who pressed it.
    """

    kind: EventKind
    action: str
    repository: str
    delivery: str
    github_id: int | None = None
    installation_id: int | None = None
    number: int | None = None
    commit_sha: str | None = None
    sender: str | None = None
