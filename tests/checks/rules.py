"""docs/rules.md says what the catalogues of the analysers say."""

from __future__ import annotations

from pathlib import Path

from kova.adapters.analyzers.registry import ANALYZERS
from kova.analysis.rule import Rule

PAGE = Path("docs/rules.md")
_HEAD = """# Rules

Made from `layers/common/kova/adapters/analyzers/rules` by `make export`; `make check` holds it to the code.

Tier: `error` is shown first, `warning` is often right and often intended, `hygiene` on request only. In tests, samples,
fixtures and documentation the rules marked \\* are warnings: such files do on purpose what would be an error elsewhere.
"""


def render() -> str:
    """Return the page."""
    parts = [_HEAD]
    for analyzer in ANALYZERS:
        title = f"{analyzer.name} (optional)" if analyzer.optional else analyzer.name
        parts.append(f'\n## <a id="{analyzer.name}"></a>{title}\n')
        parts.append("| rule | severity | tier | confidence | category | CWE | reason |")
        parts.append("| --- | --- | --- | --- | --- | --- | --- |")
        parts += [_row(rule) for rule in analyzer.catalogue.values()]
    return "\n".join(parts) + "\n"


def check_rules() -> list[str]:
    """Return what is wrong with the page."""
    return [] if PAGE.read_text() == render() else ["docs/rules.md has drifted: run `make export`"]


def _row(rule: Rule) -> str:
    mark = "" if rule.everywhere else " \\*"
    return (
        f"| {rule.id}{mark} | {rule.severity} | {rule.tier} | {rule.confidence} "
        f"| {rule.category} | {rule.cwe or ''} | {rule.reason} |"
    )
