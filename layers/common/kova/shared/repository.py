"""A GitHub repository as Kova knows it, and what may stand in its names."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from kova.shared.exceptions import InvalidInputError
from kova.shared.severity import Severity

# GitHub: an owner has up to 39 characters, letters, digits and inner hyphens (Enterprise Managed
# Users add `_shortcode`); a repository's name up to 100 of letters, digits, `.`, `-` and `_`.
# Without look-around, so that every tool can read it: three forms keep `.` and `..` out.
FULL_NAME_PATTERN: Final = (
    r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}/(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"
    r"|\.[A-Za-z0-9_-][A-Za-z0-9._-]{0,98}|\.\.[A-Za-z0-9._-]{1,98})$"
)
# As above in one form, for lists of names: `owner/..` is nobody's repository, and harmless there.
REACHED_NAME_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,62}/[A-Za-z0-9._-]{1,100}$"
_REACHED_NAME: Final = re.compile(REACHED_NAME_PATTERN)
_FULL_NAME: Final = re.compile(FULL_NAME_PATTERN)
_SHA: Final = re.compile(r"^[0-9a-f]{40}$|^[0-9a-f]{64}$")
# git-check-ref-format(1), with the control characters and the specials that it forbids.
_REF_FORBIDDEN: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|^/|/$|\.$|^@$"
)
REF_LIMIT: Final = 255
# What callers may name, without look-around: git's rules but for `{`, and for the few names that
# git refuses besides (`@`, `a.lock`), which then are not found.
_REF_CHARACTER: Final = r"[^\x00-\x20\x7f~^:?*\[\\/.{]"
_REF_PART: Final = rf"{_REF_CHARACTER}+(?:\.{_REF_CHARACTER}+)*"
REF_PATTERN: Final = (
    rf"^[^\x00-\x20\x7f~^:?*\[\\/.{{\-]{_REF_CHARACTER}*(?:\.{_REF_CHARACTER}+)*(?:/{_REF_PART})*$"
)
_PATH_CHARACTER: Final = r"[^/\x00-\x1f\x7f]"
_PATH_PART: Final = (
    r"(?:[^/.\x00-\x1f\x7f]" + _PATH_CHARACTER + r"*|\.[^/.\x00-\x1f\x7f]" + _PATH_CHARACTER
    + r"*|\.\." + _PATH_CHARACTER + r"+)"
)  # fmt: skip
# A file's path in a repository: relative, no empty part, no `.` and no `..`.
PATH_PATTERN: Final = rf"^{_PATH_PART}(?:/{_PATH_PART})*$"


# Slack's id of a channel: a public one, a private one, or a conversation.
SLACK_CHANNEL_PATTERN: Final = r"^[CGD][A-Z0-9]{8,20}$"


class AutoFix(enum.StrEnum):
    """How verified fixes are published."""

    OFF = "off"
    SUGGEST = "suggest"
    PULL_REQUEST = "pull_request"


class NotifySeverity(enum.StrEnum):
    """From which severity on people are told of errors and fixes; off: of nothing at all."""

    OFF = "off"
    CRITICAL = "critical"
    HIGH = "high"


class RepositoryProblem(enum.StrEnum):
    """Why a repository is not scanned. `kova/events` records it, and asking GitHub clears it."""

    DELETED = "deleted"
    REMOVED = "removed"
    """The App is installed elsewhere, and no longer on this one."""
    UNINSTALLED = "uninstalled"
    SUSPENDED = "suspended"
    NOT_FOUND = "not_found"
    OWNER_NOT_ALLOWED = "owner_not_allowed"
    DEFAULT_BRANCH_DELETED = "default_branch_deleted"
    """The repository itself can be read."""

    @property
    def sentence(self) -> str:
        """What it is, for people."""
        return _PROBLEMS[self.value]

    @property
    def explanation(self) -> str:
        """The sentence after the machine's word, as failures of scans have it."""
        return f"{self.value}: {self.sentence}"


_PROBLEMS: Final = {
    "deleted": "The repository was deleted on GitHub.",
    "removed": "The GitHub App is no longer installed on this repository.",
    "uninstalled": "The GitHub App was uninstalled.",
    "suspended": "The installation of the GitHub App is suspended.",
    "not_found": "GitHub does not show this repository to Kova.",
    "owner_not_allowed": "It belongs to an owner that KOVA_ALLOWED_OWNERS does not name.",
    "default_branch_deleted": "Its default branch was deleted; a push to it is scanned again.",
}


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One watched repository. `github_id` is GitHub's number, which survives renames.

    `problem` says why it is not scanned, and since when; an archived one takes no branches and no
    check runs.

    `slack_channel`, `notify_severity` and `quiet_hours` say who is told of what, and when; None
    leaves it to the settings of the process.
    """

    id: str
    full_name: str
    github_id: int | None
    installation_id: int | None
    default_branch: str
    private: bool
    auto_fix: AutoFix
    fail_on: Severity
    monthly_budget_usd: Decimal | None
    created_at: datetime
    open_errors: dict[str, int] = field(default_factory=dict)
    slack_channel: str | None = None
    notify_severity: NotifySeverity | None = None
    quiet_hours: str | None = None
    archived: bool = False
    problem: RepositoryProblem | None = None
    problem_since: datetime | None = None

    @property
    def is_unreachable(self) -> bool:
        """True where GitHub does not show it to Kova."""
        return self.problem not in {None, RepositoryProblem.DEFAULT_BRANCH_DELETED}

    def matches(self, info: RepositoryInfo) -> bool:
        """True where GitHub's description would change nothing: there is no problem either."""
        known = (self.full_name, self.default_branch, self.private, self.archived, self.problem)
        described = (info.full_name, info.default_branch, info.private, info.archived, None)
        return known == described and info.installation_id in {None, self.installation_id}

    @property
    def ref(self) -> RepositoryRef:
        """The address of the repository for the GitHub client."""
        return RepositoryRef(full_name=self.full_name, installation_id=self.installation_id)


@dataclass(frozen=True, kw_only=True)
class RepositoryChange:
    """New settings of a repository; only the fields in `named` are changed."""

    named: frozenset[str]
    auto_fix: AutoFix | None = None
    fail_on: Severity | None = None
    monthly_budget_usd: Decimal | None = None
    slack_channel: str | None = None
    notify_severity: NotifySeverity | None = None
    quiet_hours: str | None = None


def check_full_name(name: str) -> str:
    """Return the name if GitHub allows it as `owner/name`.

    Raises:
        InvalidInputError: it does not.
    """
    if not _FULL_NAME.fullmatch(name):
        raise InvalidInputError("A repository is named owner/name.", field="repository")
    return name


def check_reached_name(name: str) -> str:
    """Return the name if a key can be restricted to it.

    Raises:
        InvalidInputError: it does not have the form `owner/name`.
    """
    if not _REACHED_NAME.fullmatch(name):
        raise InvalidInputError("A repository is named owner/name.", field="repositories")
    return name


def is_sha(text: str) -> bool:
    """Tell whether the text is a whole commit id (SHA-1 or SHA-256, lower case)."""
    return _SHA.fullmatch(text) is not None


def is_ref(text: str) -> bool:
    """Tell whether git allows the text as a branch, tag or full ref name."""
    if not text or len(text) > REF_LIMIT or text.startswith("-") or _REF_FORBIDDEN.search(text):
        return False
    return not any(part.startswith(".") or part.endswith(".lock") for part in text.split("/"))


@dataclass(frozen=True, kw_only=True)
class RepositoryRef:
    """A repository as the GitHub client addresses it; the installation is looked up if unknown."""

    full_name: str
    installation_id: int | None = None


@dataclass(frozen=True, kw_only=True)
class RepositoryInfo:
    """A repository as GitHub describes it.

    `archived` is None where an event described it: events come late, and in any order.
    """

    full_name: str
    github_id: int
    installation_id: int | None
    default_branch: str
    private: bool
    archived: bool | None = None
