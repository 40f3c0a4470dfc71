"""A rule of an analyser, and the weight of its findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from kova.analysis.finding import Category, Confidence, Tier
from kova.shared.severity import Severity

_FOREIGN: Final = re.compile(
    r"(?:^|/)(?:_?vendor(?:ed|ing)?|third[_-]?party|node_modules|bower_components|ext|extern"
    r"|inline_copy|bundled|[A-Za-z]\w*-v?\d+(?:\.\d+)+)/"
    r"|(?:^|/)(?:codemirror|mathjax|f?ckeditor|tinymce|extjs|pdf\.?js|swagger-ui)[^/]*/"
    r"|(?:^|/)static/(?:[^/]+/)*(?:libs?|contrib)/",
    re.IGNORECASE,
)
_TEST: Final = re.compile(
    r"(?:^|/)(?:tests?|testsuites?|testing|__tests__|specs?|testdata|fixtures?|__fixtures__"
    r"|__mocks__|mocks?|(?:\w+[_-])?samples?|examples?|demos?|docs?|listings|benchmarks?|e2e|cypress)/"
    r"|(?:^|/)(?:test_[^/]*|conftest|tests?)\.[a-z]+$|_test\.pyi?$|[.-](?:test|spec|stories)\.[a-z]+$",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule as Kova weighs it.

    Attributes:
        id: the tool's own name of the rule.
        reason: what goes wrong when the finding is right, in a few words.
        everywhere: the finding weighs as much in tests and samples, where much is done on purpose.
    """

    id: str
    severity: Severity
    tier: Tier
    confidence: Confidence
    category: Category
    reason: str
    cwe: str | None = None
    everywhere: bool = True

    def at(self, path: str) -> Rule:
        """Return the rule as it weighs in a file.

        In tests, some are warnings only; in other projects' code, all are.
        """
        lighter = _FOREIGN.search(path) if self.everywhere else is_test(path)
        if self.tier is not Tier.ERROR or not lighter:
            return self
        return replace(
            self, tier=Tier.WARNING, severity=min(self.severity, Severity.MEDIUM, key=_mild)
        )

    def milder(self) -> Rule:
        """Return the rule with the weight for code that is likely intended."""
        return replace(self, tier=Tier.WARNING, severity=Severity.LOW)


def _mild(severity: Severity) -> int:
    return -severity.rank


def is_test(path: str) -> bool:
    """Tell whether a file is a test, a sample, documentation or another project's by its path."""
    return bool(_TEST.search(path) or _FOREIGN.search(path))


_CATEGORIES: Final = {
    "syntax": Category.SYNTAX,
    "correct": Category.CORRECTNESS,
    "secure": Category.SECURITY,
    "reliable": Category.RELIABILITY,
    "portable": Category.PORTABILITY,
}


class Catalogue(Mapping[str, Rule]):
    """The rules of one analyser, read from a table that people read too.

    A line holds the rule's name, severity, tier, category, CWE number or `-`, and the reason. The
    category ends in `*` where the rule weighs less in tests. The error tier is of high confidence,
    the others of medium, unless the severity is followed by `?` (one less).
    """

    def __init__(self, analyzer: str, table: str) -> None:
        """Parse the table.

        Raises:
            ValueError: a line is malformed, or a rule is named twice; it names the line.
        """
        self.analyzer = analyzer
        self._rules: dict[str, Rule] = {}
        for line in table.strip().splitlines():
            try:
                rule = _read(line)
            except (ValueError, KeyError) as exc:
                raise ValueError(f"{analyzer}: this row cannot be read ({exc}): {line}") from exc
            if rule.id in self._rules:
                raise ValueError(f"{analyzer}: {rule.id} is named twice")
            self._rules[rule.id] = rule

    def require(self, table: str, rules: Iterable[str]) -> None:
        """Check that this catalogue has all rules of another table.

        Raises:
            ValueError: the table has rules that the catalogue has not; it names them.
        """
        missing = sorted(set(rules) - self._rules.keys())
        if missing:
            names = ", ".join(missing)
            raise ValueError(f"{self.analyzer}: {table} has {names}, and the catalogue has not")

    def weigh(self, rule: str) -> Rule:
        """Return a rule; one without a row, such as a newer tool's, has the least weight."""
        return self._rules.get(rule) or Rule(
            id=rule,
            severity=Severity.LOW,
            tier=Tier.WARNING,
            confidence=Confidence.LOW,
            category=Category.CORRECTNESS,
            reason="a rule that Kova does not weigh yet",
        )

    def __getitem__(self, rule: str) -> Rule:
        return self._rules[rule]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


def _read(line: str) -> Rule:
    name, severity, tier, category, cwe, reason = line.split(maxsplit=5)
    sure = Confidence.HIGH if tier == "error" else Confidence.MEDIUM
    if severity.endswith("?"):
        sure = Confidence.MEDIUM if sure is Confidence.HIGH else Confidence.LOW
    return Rule(
        id=name,
        severity=Severity(severity.rstrip("?")),
        tier=Tier(tier),
        confidence=sure,
        category=_CATEGORIES[category.rstrip("*")],
        reason=reason,
        cwe=None if cwe == "-" else f"CWE-{cwe}",
        everywhere=not category.endswith("*"),
    )
