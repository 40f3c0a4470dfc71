"""Fixes as a person reads them: the steps of the proof in one line, and the diff."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.color import ColorSystem
from rich.console import Console
from rich.markup import escape
from rich.style import Style

from kova.fixes.fix import FixStatus, ProvedFix
from kova.shared.text import visible

_MOST_REJECTED: Final = 20
_STYLES: Final = {
    "+": Style(color="green"),
    "-": Style(color="red"),
    "@": Style(color="cyan"),
}
_NAMES_OF_FILES: Final = ("--- ", "+++ ")


def print_fixes(fixes: Iterable[ProvedFix], applied: frozenset[str], console: Console) -> None:
    """Print each proved fix with its proof and its diff, and why others were rejected."""
    order = sorted(fixes, key=lambda fix: (fix.finding.path, fix.finding.span, fix.finding.rule_id))
    for fix in order:
        if fix.status is FixStatus.VERIFIED:
            _print_proved(fix, console, written=fix.finding.fingerprint in applied)
    rejected = [fix for fix in order if fix.status is FixStatus.REJECTED]
    for fix in rejected[:_MOST_REJECTED]:
        console.print(f"[yellow]rejected[/] {_name(fix)}: {escape(visible(fix.rejection or ''))}")
    if len(rejected) > _MOST_REJECTED:
        console.print(f"... and {len(rejected) - _MOST_REJECTED} more rejected")
    if rejected:
        console.print()


def print_diff(diff: str, console: Console) -> None:
    """Print a diff in whole lines, coloured on a terminal."""
    for line in diff.removesuffix("\n").split("\n"):
        console.file.write(f"{_coloured(line, console)}\n")


def _print_proved(fix: ProvedFix, console: Console, *, written: bool) -> None:
    state = "written" if written else "proved"
    unsafe = "" if fix.safe else " (unsafe: it may change what the program does)"
    console.print(f"[green]{state}[/] {_name(fix)}{unsafe}", highlight=False)
    steps = ", ".join(f"{'✓' if step.passed else '✗'} {step.step}" for step in fix.verification)
    console.print(f"  {steps}", style="dim", highlight=False)
    print_diff(fix.patch, console)
    console.file.write("\n")


def _name(fix: ProvedFix) -> str:
    finding = fix.finding
    return escape(visible(f"{finding.rule_id} in {finding.path}:{finding.span.start_line}"))


def _coloured(line: str, console: Console) -> str:
    """Return a line as it is, tabs and all, for Rich would expand them; never cut or folded."""
    end = "\r" if line.endswith("\r") else ""
    text = "\t".join(visible(part) for part in line.removesuffix("\r").split("\t"))
    style = Style(bold=True) if line.startswith(_NAMES_OF_FILES) else _STYLES.get(line[:1])
    if style is None or console.color_system is None or console.no_color:
        return text + end
    return style.render(text, color_system=ColorSystem.STANDARD) + end
