"""`/kova ignore RULE [PATH] REASON`: the request and the reply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from kova.analysis.globs import PATTERN_LIMIT, Glob
from kova.errors.error import MOST_AT_ONCE, REASON_LIMIT, ErrorRecord, RuleCount
from kova.shared.markdown import code, plural
from kova.shared.text import shorten

_ERRORS_SHOWN: Final = 10
_RULES_SHOWN: Final = 20
_WORD: Final = re.compile(r"(?:`([^`\n]{1,300})`|(\S{1,300}))(?!\S)\s*")
# A word of a sentence has none of these inside, and a file's name ends with its extension.
_PATH: Final = re.compile(r".*[/*].*|.*[^.]\.[A-Za-z0-9_]{1,10}", re.DOTALL)
_UNDO: Final = (
    'To open one again, send `{"status": "open"}` by `PATCH /api/errors/` and its id; '
    "`GET /api/errors?status=ignored` lists them all."
)
HOW: Final = """Please say which rule and why, so that the next who reads it knows:

- `/kova ignore RULE reason` ignores the open errors of a rule
- `/kova ignore RULE path reason` only those in a file or folder; `src/*.py` is possible too

The rule is its id, or the analyser and its id: `S113`, `ruff/S113`."""


@dataclass(frozen=True, kw_only=True)
class IgnoreRequest:
    """Which errors to ignore, and why. `rule` is a rule's id, perhaps after its analyser's name."""

    rule: str
    path: str | None
    reason: str

    def names(self, rule: RuleCount) -> bool:
        """Tell whether this is the rule that is asked for; case does not matter."""
        names = (rule.rule_id, f"{rule.analyzer}/{rule.rule_id}")
        return self.rule.casefold() in {name.casefold() for name in names}

    def covers(self, path: str) -> bool:
        """Tell whether the errors of a file are asked for."""
        return self._glob is None or self._glob.matches(path)

    @cached_property
    def _glob(self) -> Glob | None:
        return Glob(pattern=self.path) if self.path is not None else None


@dataclass(frozen=True, kw_only=True)
class IgnoreResult:
    """The result of a request to ignore errors.

    Attributes:
        errors: those that are ignored because of the request.
        rules: where there are no such errors, the rules with open errors in the repository.
        matching: how many open errors matched; above MOST_AT_ONCE none was ignored.
    """

    errors: tuple[ErrorRecord, ...] = ()
    rules: tuple[RuleCount, ...] = ()
    matching: int = 0


def parse_ignore(argument: str) -> IgnoreRequest | None:
    """Parse the text after `/kova ignore`; None when the rule or the reason is missing."""
    rule = _WORD.match(argument)
    if rule is None:
        return None
    rest = argument[rule.end() :]
    word = _WORD.match(rest)
    path = None
    if word is not None and _PATH.fullmatch(word[1] or word[2]):
        path, rest = (word[1] or word[2])[:PATTERN_LIMIT], rest[word.end() :]
    reason = rest.strip()
    if not reason:
        return None
    return IgnoreRequest(rule=rule[1] or rule[2], path=path, reason=shorten(reason, REASON_LIMIT))


def reply_of(request: IgnoreRequest, result: IgnoreResult, *, pull_request: bool) -> str:
    """Return the reply in Markdown; text of people and repositories is in code spans."""
    place = f" in {code(request.path)}" if request.path is not None else ""
    place += " in the files that this pull request changes" if pull_request else ""
    if result.matching > MOST_AT_ONCE:
        return (
            f"{result.matching} open errors of {code(request.rule)}{place} are more than "
            f"{MOST_AT_ONCE}: I ignored none of them. Name a path after the rule to mean fewer."
        )
    if not result.errors:
        return "\n\n".join(
            _nothing_ignored(request, result.rules, place, pull_request=pull_request)
        )
    number = len(result.errors)
    verb = "is" if number == 1 else "are"
    what = f"{plural(number, 'error')} of {code(request.rule)}{place}"
    lines = [
        f"{what} {verb} ignored, because: {code(request.reason)}",
        "",
        *(f"- {_place(error)} (`{error.id}`)" for error in result.errors[:_ERRORS_SHOWN]),
    ]
    if number > _ERRORS_SHOWN:
        lines.append(f"- and {number - _ERRORS_SHOWN} more")
    return "\n".join([*lines, "", _UNDO])


def _nothing_ignored(
    request: IgnoreRequest, rules: Sequence[RuleCount], place: str, *, pull_request: bool
) -> list[str]:
    parts = [f"There is no open error of {code(request.rule)}{place}: I ignored nothing."]
    if pull_request:
        parts.append(
            "What a pull request brings in becomes an error of the repository when it is merged. "
            "Until then a comment at its line silences it: `kova: ignore[RULE]`."
        )
    if not rules:
        return [*parts, "The repository has no open errors."]
    shown = [
        f"- {code(f'{rule.analyzer}/{rule.rule_id}')}: {plural(rule.open, 'error')}"
        for rule in rules[:_RULES_SHOWN]
    ]
    if len(rules) > _RULES_SHOWN:
        shown.append(f"- and {plural(len(rules) - _RULES_SHOWN, 'rule')} more")
    return [*parts, "Rules with open errors in this repository:", "\n".join(shown)]


def _place(error: ErrorRecord) -> str:
    return code(f"{error.finding.path}:{error.finding.span.start_line}")
