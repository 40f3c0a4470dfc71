"""Comments in the code that suppress a finding, matched here for every tool.

The tools run with their own suppressions off where they can; a finding that a comment would have
suppressed is recorded with the kind of that comment, and is listed apart from the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from kova.analysis.file_comments import FileComments
from kova.analysis.finding import Category, Finding
from kova.analysis.line_comments import LineComments

_PYTHON: Final = frozenset({"ruff", "kova", "pyrefly"})
_FAR: Final = 30  # Of a longer finding only so many lines are searched for comments.


def mark_suppressed(findings: Iterable[Finding], lines: Sequence[str]) -> list[Finding]:
    """Fill in `suppressed` of one file's findings: the kind of comment that suppresses it."""
    comments = FileComments(lines)
    return [replace(finding, suppressed=_find(finding, comments)) for finding in findings]


def _find(finding: Finding, comments: FileComments) -> str | None:
    own = _own_lines(finding, comments)
    if _names_kova_ignore(finding, own, comments):
        return "kova: ignore"
    check = _BY_ANALYZER.get(finding.analyzer)
    return check(finding, own, comments) if check else None


def _own_lines(finding: Finding, comments: FileComments) -> list[LineComments]:
    first = max(finding.span.start_line, 1)
    last = max(finding.span.end_line, first)
    if finding.span.end_column == 1 and last > first:
        last -= 1  # The span ends where the next line begins.
    last = min(last, comments.last)
    near = range(first, min(last, first + _FAR - 2) + 1)
    far = range(max(last, near.stop), last + 1)
    return [comments.line(number) for number in (*near, *far)]


def _names_kova_ignore(
    finding: Finding, own: Sequence[LineComments], comments: FileComments
) -> bool:
    above = comments.line(finding.span.start_line - 1)
    names = (finding.rule_id, finding.analyzer, f"{finding.analyzer}/{finding.rule_id}")
    lines = (*own, above) if above.is_comment else own
    return any(line.kova_ignore is not None and line.kova_ignore.has_any(*names) for line in lines)


def _check_python(
    finding: Finding, own: Sequence[LineComments], comments: FileComments
) -> str | None:
    for line in own:
        if line.noqa is not None and line.noqa.has_prefix(finding.rule_id):
            return "noqa"
        if finding.category is Category.SECURITY and line.has_nosec:
            return "nosec"
        if finding.rule_id == "F821" and line.has_pylint_undefined:
            return "pylint: disable"
        if finding.analyzer == "pyrefly" and line.has_type_ignore:
            return "type: ignore"
    if any(names.has_prefix(finding.rule_id) for names in comments.file_noqa):
        return "ruff: noqa"
    return None


def _check_script(
    finding: Finding, own: Sequence[LineComments], comments: FileComments
) -> str | None:
    del own
    what = comments.scripts.find(finding.rule_id, finding.span.start_line)
    return None if what is None else f"oxlint-{what}"


def _check_shell(
    finding: Finding, own: Sequence[LineComments], comments: FileComments
) -> str | None:
    """A directive holds for the command below it; before the first command, for the file."""
    del own
    is_off = comments.shell_blocks.is_off(finding.rule_id, finding.span.start_line)
    return "shellcheck disable" if is_off else None


def _check_docker(
    finding: Finding, own: Sequence[LineComments], comments: FileComments
) -> str | None:
    del own
    above = comments.line(finding.span.start_line - 1).hadolint
    is_near = above is not None and above[1].has_any(finding.rule_id)
    is_off = is_near or finding.rule_id in comments.global_hadolint
    return "hadolint ignore" if is_off else None


def _check_workflow(
    finding: Finding, own: Sequence[LineComments], comments: FileComments
) -> str | None:
    del comments
    is_off = any(line.zizmor is not None and line.zizmor.has_any(finding.rule_id) for line in own)
    return "zizmor: ignore" if is_off else None


def _check_secret(
    finding: Finding, own: Sequence[LineComments], comments: FileComments
) -> str | None:
    del finding, comments
    return "gitleaks:allow" if any(line.allows_secret for line in own) else None


_Check = Callable[[Finding, Sequence[LineComments], FileComments], str | None]
_BY_ANALYZER: Final[dict[str, _Check]] = {
    **dict.fromkeys(_PYTHON, _check_python),
    "oxlint": _check_script,
    "shellcheck": _check_shell,
    "hadolint": _check_docker,
    "zizmor": _check_workflow,
    "betterleaks": _check_secret,
}
