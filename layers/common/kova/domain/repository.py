"""A GitHub repository as Kova knows it, and what may stand in its names."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from kova.domain.errors import InvalidInputError
from kova.domain.finding import Severity

# GitHub: an owner has up to 39 characters, letters, digits and inner hyphens (Enterprise Managed
# Users add `_shortcode`); a repository's name up to 100 of letters, digits, `.`, `-` and `_`.
FULL_NAME_PATTERN: Final = r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$"
_FULL_NAME: Final = re.compile(FULL_NAME_PATTERN)
_SHA: Final = re.compile(r"^[0-9a-f]{40}$|^[0-9a-f]{64}$")
# git-check-ref-format(1), with the control characters and the specials that it forbids.
_REF_FORBIDDEN: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|^/|/$|\.$|^@$"
)
REF_LIMIT: Final = 255


class AutoFix(enum.StrEnum):
    """What happens with verified fixes."""

    OFF = "off"
    SUGGEST = "suggest"
    PULL_REQUEST = "pull_request"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """One watched repository. `github_id` is GitHub's number, which survives renames."""

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


@dataclass(frozen=True, kw_only=True)
class RepositoryChange:
    """New settings of a repository; only the fields in `named` are changed."""

    named: frozenset[str]
    auto_fix: AutoFix | None = None
    fail_on: Severity | None = None
    monthly_budget_usd: Decimal | None = None


def check_full_name(name: str) -> str:
    """Return the name if GitHub allows it as `owner/name`.

    Raises:
        InvalidInputError: it does not.
    """
    if not _FULL_NAME.fullmatch(name):
        raise InvalidInputError("A repository is named owner/name.", field="repository")
    return name


def is_sha(text: str) -> bool:
    """Tell whether the text is a whole commit id (SHA-1 or SHA-256, lower case)."""
    return _SHA.fullmatch(text) is not None


def is_ref(text: str) -> bool:
    """Tell whether git allows the text as a branch, tag or full ref name."""
    if not text or len(text) > REF_LIMIT or text.startswith("-") or _REF_FORBIDDEN.search(text):
        return False
    return not any(part.startswith(".") or part.endswith(".lock") for part in text.split("/"))
