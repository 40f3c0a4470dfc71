"""The title and the text of pull requests with fixes."""

from __future__ import annotations

from collections.abc import Sequence

from kova.fixes.fix import FileFixes, Fix
from kova.shared.markdown import code, plural
from kova.shared.quiet_text import quiet
from kova.shared.text import reveal, shorten

_LIST_SHOWN = 100


def pull_request_title(files: Sequence[FileFixes]) -> str:
    """Return the title of the pull request with the combined fixes of these files."""
    number = sum(len(file.combined) for file in files)
    return f"Fix {plural(number, 'error')} in {plural(len(files), 'file')}"


def pull_request_body(files: Sequence[FileFixes], commit_sha: str) -> str:
    """Return the text of the pull request: each fix and how far its proof went."""
    fixes = [fix for file in files for fix in file.combined]
    lines = [
        (
            f"Each fix was applied to commit {commit_sha} on its own and then together with the "
            "others of its file, and proved: it applies to the exact file, the file parses, the "
            "error is gone, nothing new is reported, no new names come in, and every definition "
            "is kept."
        ),
        "",
        "| error | place | proof |",
        "| --- | --- | --- |",
    ]
    for fix in fixes[:_LIST_SHOWN]:
        passed = sum(step.passed for step in fix.verification)
        finding = fix.finding
        place = code(f"{finding.path}:{finding.span.start_line}")
        lines.append(
            f"| {code(finding.rule_id)} {code(finding.message)} | {place} | {passed} of 6 |"
        )
    if len(fixes) > _LIST_SHOWN:
        lines.append(f"| and {len(fixes) - _LIST_SHOWN} more | | |")
    lines += ["", "This branch is Kova's: a later push to the base branch may update it."]
    return "\n".join(lines)


def fix_title(fix: Fix) -> str:
    """Return the title of a pull request with one fix, which is its commit's message too.

    A file's name in it notifies nobody, and closes no issue when it is merged.
    """
    return quiet(f"Fix {' '.join(fix.rule_id.split())} in {shorten(reveal(fix.path), 120)}")


def fix_body(fix: Fix, commit_sha: str) -> str:
    """Return the text of a pull request with one fix: how far its proof went, what is left."""
    lines = [
        f"{code(fix.rule_id)} in {code(fix.path)}, mended on commit {commit_sha}.",
        "",
        "| step | passed | seen |",
        "| --- | --- | --- |",
    ]
    lines += [
        f"| {step.step} | {'yes' if step.passed else 'no'} | {code(step.detail)} |"
        for step in fix.verification
    ]
    if not fix.safe:
        lines += [
            "",
            "The edit may change what the program does: wait for the repository's checks.",
        ]
    return "\n".join(lines)
