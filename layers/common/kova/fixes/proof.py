"""The rules of the proof that need no tool: comparing a file before and after an edit."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Final

from kova.analysis.finding import Finding, TextEdit
from kova.analysis.source_text import EditError, SourceText
from kova.shared import line_diff
from kova.shared.text import hidden_characters

NEAR_LINES: Final = 25
MAX_EDIT_LINES: Final = 60
MAX_EDIT_SIZE: Final = 50_000
"""Characters of the changed lines, before or after: a patch repeats them."""
_IMPORT_LINES: Final = re.compile(r"(?:\s*+(?:from\s++\S++\s++)?import\s++[^\r\n;]++[\r\n]++)+\s*")
_SUPPRESSIONS: Final = re.compile(
    r"#\s*(?:noqa|type:\s*ignore|pyright:|pylint:|nosec|ruff:|flake8:|pragma:|fmt:\s*off)",
    re.IGNORECASE,
)
_DANGERS: Final = re.compile(
    r"\b(?:eval|exec|compile|__import__|subprocess|system|popen|spawn\w*|socket|urlopen|urllib"
    r"|requests|httpx|aiohttp|pickle|marshal|ctypes|getattr|setattr|globals)\b|https?://"
)
_SECRETS: Final = re.compile(
    r"-----BEGIN|AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{20,}|xox[abp]-|sk-[A-Za-z0-9-]{20,}"
)
# Modules of the standard library that reach processes, networks or foreign code.
_DANGEROUS_MODULES: Final = frozenset(
    [
        "subprocess",
        "socket",
        "ssl",
        "http",
        "urllib",
        "ftplib",
        "smtplib",
        "imaplib",
        "poplib",
        "telnetlib",
        "xmlrpc",
        "asyncio",
        "ctypes",
        "pickle",
        "marshal",
        "shelve",
        "importlib",
        "runpy",
        "code",
        "codeop",
        "pty",
        "multiprocessing",
        "os",
        "shutil",
        "signal",
        "webbrowser",
        "socketserver",
    ]
)


def check_applies(before: SourceText, *findings: Finding) -> tuple[SourceText | None, str]:
    """Step 1: apply the findings' edits, all at once, to the exact text that was scanned.

    Returns:
        The new text, or None, and a sentence of what was seen.
    """
    edits: list[TextEdit] = []
    for finding in findings:
        if refusal := _refuse_edit(finding):
            return None, refusal
        edits += finding.edit.edits if finding.edit else ()
    if len(findings) == 1 and _size(before, edits) > MAX_EDIT_SIZE:
        return None, f"The changed lines have more than {MAX_EDIT_SIZE} characters."
    try:
        after = before.apply(edits)
        after.encode()
    except (EditError, UnicodeEncodeError) as exc:
        return None, f"The edit does not apply: {exc}."
    if after.text == before.text:
        return None, "The edit changes nothing."
    if not after.text.strip():
        return None, "The edit empties the file."
    if _newlines(after.text) - _newlines(before.text):
        return None, "The edit brings in another kind of line end."
    if _hides_more(before, edits):
        return None, "The edit brings in characters that nobody sees."
    return after, "The edit applies to the scanned blob and stays near the finding."


def _refuse_edit(finding: Finding) -> str | None:
    """Return why a finding's edit is not applied to any text, None where it is."""
    proposal = finding.edit
    if proposal is None or not proposal.edits:
        return "There is no edit."
    changed = 0
    for edit in proposal.edits:
        changed += edit.span.end_line - edit.span.start_line + 1
        far = (
            edit.span.end_line < finding.span.start_line - NEAR_LINES
            or edit.span.start_line > finding.span.end_line + NEAR_LINES
        )
        if far and not _harmless_insertion(edit):
            return f"An edit at line {edit.span.start_line} is far from the finding."
    if changed > MAX_EDIT_LINES:
        return f"The edit touches {changed} lines; {MAX_EDIT_LINES} is the most."
    return None


def _harmless_insertion(edit: TextEdit) -> bool:
    """A string's prefix (a long string begins far above its bad escape) or lines of imports."""
    if (edit.span.start_line, edit.span.start_column) != (edit.span.end_line, edit.span.end_column):
        return False
    return edit.content in {"r", "f", "b"} or _IMPORT_LINES.fullmatch(edit.content) is not None


def _size(before: SourceText, edits: Iterable[TextEdit]) -> int:
    """Return how many characters the lines of edits have, and what is put in their place."""
    lines = before.raw_lines
    return sum(
        len(edit.content)
        + sum(map(len, lines[max(edit.span.start_line - 1, 0) : edit.span.end_line]))
        for edit in edits
    )


def _hides_more(before: SourceText, edits: Iterable[TextEdit]) -> bool:
    """Tell whether more hidden characters come in than the replaced text had."""
    pieces = [before.offsets(edit) for edit in edits]
    came = sum((hidden_characters(content) for _, _, content in pieces), Counter[str]())
    went = sum((hidden_characters(before.text[i:j]) for i, j, _ in pieces), Counter[str]())
    return bool(came - went)


def _newlines(text: str) -> set[str]:
    both = text.count("\r\n")
    counts = {
        "\r\n": both,
        "\r": text.count("\r") - both,
        "\n": text.count("\n") - both,
    }
    return {end for end, count in counts.items() if count}


def adds_suppression(before: str, after: str) -> bool:
    """Tell whether the edit adds a comment that suppresses findings."""
    return len(_SUPPRESSIONS.findall(after)) > len(_SUPPRESSIONS.findall(before))


def rules_reporting_more(before: Iterable[Finding], after: Iterable[Finding]) -> list[str]:
    """Return the rules that report more than before, counted by scope, in words."""
    extra = _by_scope(after) - _by_scope(before)
    return sorted({f"{rule} in {scope or 'the module'}" for (_, rule, scope) in extra})


def are_resolved(
    mended: Iterable[Finding], before: Iterable[Finding], after: Iterable[Finding]
) -> bool:
    """Tell whether each finding's rule reports less in its scope, by as many as were mended."""
    counts_before, counts_after = _by_scope(before), _by_scope(after)
    return all(
        counts_after[key] <= counts_before[key] - number
        for key, number in _by_scope(mended).items()
    )


def _by_scope(findings: Iterable[Finding]) -> Counter[tuple[str, str, str]]:
    return Counter((finding.analyzer, finding.rule_id, finding.scope) for finding in findings)


def new_imports(before: frozenset[str], after: frozenset[str]) -> list[str]:
    """Return new imports, except for harmless modules of the standard library."""
    roots = {name: name.split(".")[0] for name in after - before}
    return sorted(
        name
        for name, root in roots.items()
        if root not in sys.stdlib_module_names or root in _DANGEROUS_MODULES
    )


def new_dangers(before: str, after: str) -> list[str]:
    """Return what the edit newly mentions of processes, networks, evaluation and secrets."""
    extra = Counter(_DANGERS.findall(after)) - Counter(_DANGERS.findall(before))
    secrets = len(_SECRETS.findall(after)) > len(_SECRETS.findall(before))
    return sorted(extra) + (["a secret"] if secrets else [])


def unified_diff(path: str, before: str, after: str) -> str:
    """Return a patch in git's form."""
    lines = line_diff.unified_diff(path, _lines(before), _lines(after))
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+\Z", text)
