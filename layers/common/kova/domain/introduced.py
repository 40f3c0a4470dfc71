"""What a pull request introduces: the findings of its head that its merge base has not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from kova.domain.finding import Finding


def introduced(
    head: Iterable[Finding], base: Iterable[Finding], renamed: dict[str, str]
) -> tuple[Finding, ...]:
    """Return the findings of `head` beyond those of `base`, counted by rule, place and text.

    Args:
        head: findings of the changed files at the pull request's head.
        base: findings of the same files at the merge base.
        renamed: old path by new path.
    """
    known = Counter(_key(finding) for finding in base)
    new: list[Finding] = []
    for finding in head:
        old = replace(finding, path=renamed.get(finding.path, finding.path))
        if known[_key(old)] > 0:
            known[_key(old)] -= 1
        else:
            new.append(finding)
    return tuple(new)


def _key(finding: Finding) -> tuple[str, str, str, str, str]:
    text = "".join(finding.snippet.split())
    return (finding.analyzer, finding.rule_id, finding.path, finding.scope, text)
