"""Prints fixes: the steps of the proof in one line, and the diff."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from rich.text import Text

from kova.fixes.fix import FixStatus, ProvedFix
from kova.shared.text import visible

_MOST_REJECTED: Final = 20
_STYLES: Final = {
    "+": Style(color="green"),
    "-": Style(color="red"),
    "@": Style(color="cyan"),
}
_FILE_HEADERS: Final = ("--- ", "+++ ")


def print_fixes(fixes: Iterable[ProvedFix], applied: frozenset[str], console: Console) -> None:
    """Print each proved fix with its proof and its diff, and the reasons of rejected ones."""
    sorted_fixes = sorted(
        fixes, key=lambda fix: (fix.finding.path, fix.finding.span, fix.finding.rule_id)
    )
    for fix in sorted_fixes:
        if fix.status is FixStatus.VERIFIED:
            _print_fix(fix, console, written=fix.finding.fingerprint in applied)
    rejected = [fix for fix in sorted_fixes if fix.status is FixStatus.REJECTED]
    for fix in rejected[:_MOST_REJECTED]:
        reason = visible(f" {_title(fix)}: {fix.rejection or ''}")
        console.print(Text.assemble(("rejected", "yellow"), reason))
    if len(rejected) > _MOST_REJECTED:
        console.print(f"... and {len(rejected) - _MOST_REJECTED} more rejected")
    if rejected:
        console.print()


def print_diff(diff: str, console: Console) -> None:
    """Print a diff: on a terminal coloured and harmless, elsewhere as `git apply` wants it."""
    if not console.is_terminal:
        console.file.write(diff)
        return
    for line in diff.removesuffix("\n").split("\n"):
        console.file.write(f"{_colour(line, console)}\n")


def _print_fix(fix: ProvedFix, console: Console, *, written: bool) -> None:
    state = "written" if written else "proved"
    unsafe = "" if fix.safe else " (unsafe: it may change what the program does)"
    console.print(Text.assemble((state, "green"), visible(f" {_title(fix)}{unsafe}")))
    steps = ", ".join(f"{'✓' if step.passed else '✗'} {step.step}" for step in fix.verification)
    console.print(f"  {steps}", style="dim", highlight=False)
    print_diff(fix.patch, console)
    console.file.write("\n")


def _title(fix: ProvedFix) -> str:
    finding = fix.finding
    return f"{finding.rule_id} in {finding.path}:{finding.span.start_line}"


def _colour(line: str, console: Console) -> str:
    """Return a line with its colour. Rich would expand tabs and fold long lines."""
    end = "\r" if line.endswith("\r") else ""
    text = "\t".join(visible(part) for part in line.removesuffix("\r").split("\t"))
    style = Style(bold=True) if line.startswith(_FILE_HEADERS) else _STYLES.get(line[:1])
    if style is None or console.color_system is None or console.no_color:
        return text + end
    return style.render(text, color_system=ColorSystem.STANDARD) + end
