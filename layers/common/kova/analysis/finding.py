"""A finding: one error that one analyser reports at one place of a file."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kova.shared.severity import Severity


class Tier(enum.StrEnum):
    """How serious a rule's findings are: `error` comes first, `hygiene` is shown on request."""

    ERROR = "error"
    WARNING = "warning"
    HYGIENE = "hygiene"


class Confidence(enum.StrEnum):
    """How often the rule is right."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Category(enum.StrEnum):
    """What kind of error it is."""

    SYNTAX = "syntax"
    CORRECTNESS = "correctness"
    SECURITY = "security"
    RELIABILITY = "reliability"
    PORTABILITY = "portability"


@dataclass(frozen=True, kw_only=True, order=True, slots=True)
class Span:
    """A place in a file. Lines and columns start at 1; the end column is exclusive."""

    start_line: int
    start_column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class TextEdit:
    """Replace the text of a span, columns counted in characters."""

    span: Span
    content: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProposedEdit:
    """Edits by which an analyser would fix its finding.

    `safe`: the analyser states that the edits keep the program's meaning.
    """

    edits: tuple[TextEdit, ...]
    safe: bool
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What an error is recognised by in a later commit, from strong to weak; hexadecimal hashes.

    No path, no line number and no ordinal takes part, so that moving is not changing.

    Attributes:
        line: scope, flagged text, and the whole line (G in docs/identity.md).
        scope: scope and flagged text (F).
        window: flagged text with the lines before and after it.
        match: flagged text alone.
    """

    line: str
    scope: str
    window: str
    match: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One error as one analyser reports it.

    `path` is relative to the repository with forward slashes. `scope` is the qualified name of
    the function or class around it. `match` stands for the flagged text in the identity where that
    text must not be used (a secret's keyed hash); `former_matches` are what it was under earlier
    keys. `fingerprint` is hexadecimal SHA-256 (analysis/fingerprint.py), `traits` come with it.
    `suppressed` is the kind of comment in the code that suppresses the finding
    (analysis/suppression.py): it is listed, and is no error.
    """

    analyzer: str
    rule_id: str
    severity: Severity
    tier: Tier
    confidence: Confidence
    category: Category
    message: str
    path: str
    span: Span
    snippet: str = ""
    scope: str = ""
    match: str | None = None
    former_matches: tuple[str, ...] = ()
    help_url: str | None = None
    cwe: str | None = None
    fingerprint: str = ""
    traits: Traits | None = None
    suppressed: str | None = None
    edit: ProposedEdit | None = None
