"""Comments in the code that suppress a finding, matched here for every tool.

The tools run with their own suppressions off where they can; a finding that a comment would have
suppressed is recorded with the kind of that comment, and is listed apart from the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from kova.analysis.finding import Category, Finding

_PYTHON: Final = frozenset({"ruff", "kova", "pyrefly"})
_CODES: Final = r"(?:\s*:\s*(?P<codes>[A-Z]+[0-9]+(?:[,\s]+[A-Z]+[0-9]+)*))?"
_NOQA: Final = re.compile(r"#\s*noqa" + _CODES, re.IGNORECASE)
_FILE_NOQA: Final = re.compile(r"^\s*#\s*(?:ruff|flake8)\s*:\s*noqa" + _CODES, re.IGNORECASE)
_NOSEC: Final = re.compile(r"#\s*nosec\b", re.IGNORECASE)
_PYLINT: Final = re.compile(r"#\s*pylint\s*:\s*disable=[\w,-]*undefined-variable")
_TYPE_IGNORE: Final = re.compile(r"#\s*(?:type|pyrefly)\s*:\s*ignore\b")
_SCRIPT: Final = re.compile(
    r"(?:oxlint|eslint)-(?P<what>disable-next-line|disable-line|disable|enable)"
    r"(?P<rules>(?:[ \t]+[\w@/, -]+)?)"
)
_SHELL: Final = re.compile(r"#\s*shellcheck\s[^\n]*?\bdisable=(?P<rules>[\w,-]+)")
_DOCKER: Final = re.compile(r"#\s*hadolint\s+(?P<all>global\s+)?ignore\s*=\s*(?P<rules>[\w, ]+)")
_ZIZMOR: Final = re.compile(r"#\s*zizmor\s*:\s*ignore\[(?P<rules>[^\]]*)\]")
_SECRET: Final = re.compile(r"\b(?:gitleaks|betterleaks):allow\b")
_KOVA_IGNORE: Final = re.compile(
    r"(?:#|//|/\*|<!--|--)\s*kova:\s*ignore\b(?:\[(?P<rules>[^\]]*)\])?"
)
_COMMENT_LINE: Final = re.compile(r"^\s*(?:#|//|/\*|<!--|--)")
_FAR: Final = 30  # Of a longer finding only so many lines are searched for comments.


def mark_suppressed(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """Fill in `suppressed` of one file's findings: the kind of comment that suppresses it."""
    return [replace(finding, suppressed=find_suppression(finding, lines)) for finding in findings]


def find_suppression(finding: Finding, lines: Sequence[str]) -> str | None:
    """Return the kind of comment that suppresses a finding, or None."""
    own = _own_lines(finding, lines)
    if _names_kova_ignore(finding, own, lines):
        return "kova: ignore"
    check = _BY_ANALYZER.get(finding.analyzer)
    return check(finding, own, lines) if check else None


def _own_lines(finding: Finding, lines: Sequence[str]) -> Sequence[str]:
    first = max(finding.span.start_line - 1, 0)
    last = max(finding.span.end_line, first + 1)
    if finding.span.end_column == 1 and last - 1 > first:
        last -= 1  # The span ends where the next line begins.
    own_lines = lines[first:last]
    return own_lines if len(own_lines) <= _FAR else [*own_lines[: _FAR - 1], own_lines[-1]]


def _comment_above(finding: Finding, lines: Sequence[str]) -> str:
    """Return the line above, if it is a comment and nothing else."""
    number = finding.span.start_line - 2
    line = lines[number] if 0 <= number < len(lines) else ""
    return line if _COMMENT_LINE.match(line) else ""


def _names_kova_ignore(finding: Finding, own: Sequence[str], lines: Sequence[str]) -> bool:
    for line in (*own, _comment_above(finding, lines)):
        if match := _KOVA_IGNORE.search(line):
            rules = match["rules"]
            names = {finding.rule_id, finding.analyzer, f"{finding.analyzer}/{finding.rule_id}"}
            if rules is None or not names.isdisjoint(_words(rules)):
                return True
    return False


def _check_python(finding: Finding, own: Sequence[str], lines: Sequence[str]) -> str | None:
    for line in own:
        if (match := _NOQA.search(line)) and _names_rule(match["codes"], finding.rule_id):
            return "noqa"
        if finding.category is Category.SECURITY and _NOSEC.search(line):
            return "nosec"
        if finding.rule_id == "F821" and _PYLINT.search(line):
            return "pylint: disable"
        if finding.analyzer == "pyrefly" and _TYPE_IGNORE.search(line):
            return "type: ignore"
    for line in lines[:200]:
        if (match := _FILE_NOQA.match(line)) and _names_rule(match["codes"], finding.rule_id):
            return "ruff: noqa"
    return None


def _check_script(finding: Finding, own: Sequence[str], lines: Sequence[str]) -> str | None:
    del own
    line = finding.span.start_line
    suppressed_by: str | None = None
    for number, text in enumerate(lines[:line], start=1):
        if "lint-" not in text:
            continue
        for match in _SCRIPT.finditer(text):
            what, rules = match["what"], match["rules"].partition("--")[0]
            if not _names_script_rule(rules, finding.rule_id):
                continue
            here = (what == "disable-line" and number == line) or (
                what == "disable-next-line" and number == line - 1
            )
            if here:
                return f"oxlint-{what}"
            if what in {"disable", "enable"}:
                suppressed_by = "oxlint-disable" if what == "disable" else None
    return suppressed_by


def _names_script_rule(rules: str, rule: str) -> bool:
    words = _words(rules)
    return (
        not words
        or rule in words
        or rule.rpartition("/")[2] in {word.rpartition("/")[2] for word in words}
    )


def _check_shell(finding: Finding, own: Sequence[str], lines: Sequence[str]) -> str | None:
    """A directive holds for the command below it; before the first command, for the file."""
    del own
    number = finding.span.start_line - 2
    while 0 <= number < len(lines) and _COMMENT_LINE.match(lines[number]):
        if _names_shell_rule(lines[number], finding.rule_id):
            return "shellcheck disable"
        number -= 1
    for line in lines:
        if line.strip() and not _COMMENT_LINE.match(line):
            return None
        if _names_shell_rule(line, finding.rule_id):
            return "shellcheck disable"
    return None


def _names_shell_rule(line: str, rule: str) -> bool:
    match = _SHELL.search(line)
    if match is None:
        return False
    for word in match["rules"].split(","):
        first, _, last = word.partition("-")
        if word in {rule, "all"} or (last and first <= rule <= last):
            return True
    return False


def _check_docker(finding: Finding, own: Sequence[str], lines: Sequence[str]) -> str | None:
    del own
    for number, line in enumerate(lines, start=1):
        match = _DOCKER.search(line)
        near = number == finding.span.start_line - 1
        if match and (match["all"] or near) and finding.rule_id in _words(match["rules"]):
            return "hadolint ignore"
    return None


def _check_workflow(finding: Finding, own: Sequence[str], lines: Sequence[str]) -> str | None:
    del lines
    for line in own:
        match = _ZIZMOR.search(line)
        if match and finding.rule_id in _words(match["rules"]):
            return "zizmor: ignore"
    return None


def _check_secret(finding: Finding, own: Sequence[str], lines: Sequence[str]) -> str | None:
    del finding, lines
    return "gitleaks:allow" if any(_SECRET.search(line) for line in own) else None


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[,\s]+", text) if word}


def _names_rule(codes: str | None, rule: str) -> bool:
    """Tell whether codes (none means all) name a rule: `S` and `S1` name S113 too."""
    if codes is None:
        return True
    return any(rule.startswith(code.upper()) for code in _words(codes))


_Check = Callable[[Finding, Sequence[str], Sequence[str]], str | None]
_BY_ANALYZER: Final[dict[str, _Check]] = {
    **dict.fromkeys(_PYTHON, _check_python),
    "oxlint": _check_script,
    "shellcheck": _check_shell,
    "hadolint": _check_docker,
    "zizmor": _check_workflow,
    "betterleaks": _check_secret,
}
