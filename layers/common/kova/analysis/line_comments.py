"""What the comments of one line suppress, read once however many findings are on the line.

Lines come from strangers and may be as long as a file: each expression is matched against a line
once, and none looks for an end again from each of many begins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

_CODES: Final = r"(?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?"
_NOQA: Final = re.compile(r"#\s*noqa" + _CODES, re.IGNORECASE)
_FILE_NOQA: Final = re.compile(r"^\s*#\s*(?:ruff|flake8)\s*:\s*noqa" + _CODES, re.IGNORECASE)
_NOSEC: Final = re.compile(r"#\s*nosec\b", re.IGNORECASE)
_PYLINT: Final = re.compile(r"#\s*pylint\s*:\s*disable=[\w,-]*undefined-variable")
_TYPE_IGNORE: Final = re.compile(r"#\s*(?:type|pyrefly)\s*:\s*ignore\b")
_SHELL: Final = re.compile(r"#\s*shellcheck\s")
_SHELL_RULES: Final = re.compile(r"\bdisable=([\w,-]+)")
_DOCKER: Final = re.compile(r"#\s*hadolint\s+(?P<all>global\s+)?ignore\s*=\s*(?P<rules>[\w, ]+)")
_ZIZMOR: Final = re.compile(r"#\s*zizmor\s*:\s*ignore\[")
_SECRET: Final = re.compile(r"\b(?:gitleaks|betterleaks):allow\b")
_KOVA_IGNORE: Final = re.compile(
    # Where no bracket closes nothing is named: it would be all, which nobody wrote.
    r"(?:#|//|/\*|<!--|--)\s*kova:\s*ignore\b(?:\[(?P<rules>[^\]]{0,500})\]|(?!\[))"
)
_COMMENT: Final = re.compile(r"^\s*(?:#|//|/\*|<!--|--)")


@dataclass(frozen=True, kw_only=True)
class RuleNames:
    """Rules that a comment names; `is_all` where it names none and means all."""

    is_all: bool = False
    names: frozenset[str] = frozenset()

    def has_any(self, *rules: str) -> bool:
        """Tell whether one of the rules is named as it is."""
        return self.is_all or not self.names.isdisjoint(rules)

    def has_prefix(self, rule: str) -> bool:
        """Tell whether a rule, or a group that it is in, is named: `S` and `S1` name S113 too."""
        return self.is_all or any(rule[:end] in self.names for end in range(1, len(rule) + 1))


def is_comment(text: str) -> bool:
    """Tell whether a line is a comment and nothing else."""
    return _COMMENT.match(text) is not None


class LineComments:
    """One line's comments."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def is_comment(self) -> bool:
        """Whether the line is a comment and nothing else."""
        return is_comment(self.text)

    @cached_property
    def kova_ignore(self) -> RuleNames | None:
        """`kova: ignore`."""
        match = _KOVA_IGNORE.search(self.text)
        return _named(match["rules"]) if match else None

    @cached_property
    def noqa(self) -> RuleNames | None:
        """`noqa`, for this line."""
        match = _NOQA.search(self.text)
        return _coded(match["codes"]) if match else None

    @cached_property
    def file_noqa(self) -> RuleNames | None:
        """`ruff: noqa`, for the file."""
        match = _FILE_NOQA.match(self.text)
        return _coded(match["codes"]) if match else None

    @cached_property
    def has_nosec(self) -> bool:
        """`nosec`."""
        return _NOSEC.search(self.text) is not None

    @cached_property
    def has_pylint_undefined(self) -> bool:
        """`pylint: disable=undefined-variable`."""
        return _PYLINT.search(self.text) is not None

    @cached_property
    def has_type_ignore(self) -> bool:
        """`type: ignore`."""
        return _TYPE_IGNORE.search(self.text) is not None

    @cached_property
    def shellcheck(self) -> Sequence[str]:
        """The rules, and ranges of rules, that `shellcheck disable=` names."""
        begin = _SHELL.search(self.text)
        match = _SHELL_RULES.search(self.text, begin.end()) if begin else None
        return match[1].split(",") if match else ()

    @cached_property
    def hadolint(self) -> tuple[bool, RuleNames] | None:
        """Whether `hadolint ignore=` is global, and what it names."""
        match = _DOCKER.search(self.text)
        names = RuleNames(names=words_of(match["rules"])) if match else None
        return (bool(match["all"]), names) if match and names else None

    @cached_property
    def zizmor(self) -> RuleNames | None:
        """`zizmor: ignore[...]`."""
        begin = _ZIZMOR.search(self.text)
        end = self.text.find("]", begin.end()) if begin else -1
        if begin is None or end < 0:
            return None
        return RuleNames(names=words_of(self.text[begin.end() : end]))

    @cached_property
    def allows_secret(self) -> bool:
        """`gitleaks:allow`."""
        return _SECRET.search(self.text) is not None


def words_of(text: str) -> frozenset[str]:
    """Return the words between commas and space."""
    return frozenset(word for word in re.split(r"[,\s]+", text) if word)


def _named(rules: str | None) -> RuleNames:
    return RuleNames(is_all=True) if rules is None else RuleNames(names=words_of(rules))


def _coded(codes: str | None) -> RuleNames:
    return RuleNames(is_all=True) if codes is None else RuleNames(names=words_of(codes.upper()))
