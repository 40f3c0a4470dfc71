"""The metrics and labels that an expression names, held against those that Kova exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import promql_parser as promql

from kova.adapters.metrics.catalogue import CATALOGUE, READINGS

# What Prometheus adds to each series that it scrapes.
_TARGET: Final = frozenset({"job", "instance"})
_SUFFIXES: Final = {"_bucket": frozenset({"le"}), "_sum": frozenset(), "_count": frozenset()}


def exported_labels() -> dict[str, frozenset[str]]:
    """Return the labels of every series that a scrape of Kova gives, by its name."""
    labels = {"up": _TARGET}
    for metric in CATALOGUE:
        for suffix, added in _SUFFIXES.items() if metric.buckets else [("", frozenset())]:
            labels[metric.name + suffix] = _TARGET | set(metric.labels) | added
    return labels | {reading.name: _TARGET | set(reading.labels) for reading in READINGS}


@dataclass(kw_only=True)
class Reader:
    """Reads expressions; what they name and nobody exports is a problem.

    Attributes:
        labels: the labels of every series, by name; recording rules add theirs.
    """

    labels: dict[str, frozenset[str]] = field(default_factory=exported_labels)
    problems: list[str] = field(default_factory=list)

    def read(self, expression: str) -> frozenset[str]:
        """Return the labels that the result may have; unknown names go to `problems`."""
        try:
            return self._labels_of(promql.parse(expression))
        except ValueError as exc:
            self.problems.append(f"{expression!r} is no expression: {exc}")
            return frozenset()

    def _labels_of(self, expr: Any) -> frozenset[str]:
        if isinstance(expr, promql.VectorSelector):
            return self._selected(expr)
        if isinstance(expr, promql.MatrixSelector):
            return self._selected(expr.vector_selector)
        if isinstance(expr, promql.AggregateExpr):
            return self._aggregated(expr)
        if isinstance(expr, promql.BinaryExpr):
            return self._combined(expr)
        if isinstance(expr, promql.Call):
            return self._called(expr)
        if isinstance(expr, promql.ParenExpr | promql.UnaryExpr | promql.SubqueryExpr):
            return self._labels_of(expr.expr)
        return frozenset()

    def _selected(self, selector: Any) -> frozenset[str]:
        if selector.name not in self.labels:
            self.problems.append(f"no metric is called {selector.name}")
            return frozenset()
        labels = self.labels[selector.name]
        names = [matcher.name for matcher in selector.matchers.matchers]
        self._hold(names, labels, selector.name)
        return labels

    def _aggregated(self, expr: Any) -> frozenset[str]:
        inner = self._labels_of(expr.expr)
        if expr.modifier is None:
            return frozenset()
        self._hold(expr.modifier.labels, inner, expr.expr.prettify())
        grouped = frozenset(expr.modifier.labels)
        by = expr.modifier.type == promql.AggModifierType.By
        return grouped if by else inner - grouped

    def _combined(self, expr: Any) -> frozenset[str]:
        left, right = self._labels_of(expr.lhs), self._labels_of(expr.rhs)
        matching = expr.modifier.matching if expr.modifier else None
        if matching is not None:
            self._hold(matching.labels, left & right, expr.prettify())
        return left if str(expr.op) in {"and", "unless"} else left | right

    def _called(self, expr: Any) -> frozenset[str]:
        inner = frozenset[str]().union(*map(self._labels_of, expr.args))
        if expr.func.name == "histogram_quantile":
            self._hold(["le"], inner, expr.prettify())
            return inner - {"le"}
        if expr.func.name == "label_replace":
            return inner | {expr.args[1].val}
        return inner

    def _hold(self, names: list[str], labels: frozenset[str], where: str) -> None:
        self.problems += [f"{where} has no label {name}" for name in names if name not in labels]


def selectors_of(expression: str) -> Iterator[str]:
    """Yield each selector of an expression, with its matchers and without its range."""
    selectors: list[Any] = []

    def visit(expr: Any) -> None:
        if isinstance(expr, promql.VectorSelector):
            selectors.append(expr)

    promql.walk(promql.parse(expression), visit)
    for selector in selectors:
        yield selector.prettify()


def unnamed_labels(text: str, labels: Mapping[str, object] | frozenset[str]) -> list[str]:
    """Return the labels that a legend (`{{queue}}`) shows and the series have not."""
    names = [part.partition("}}")[0].strip() for part in text.split("{{")[1:]]
    return [name for name in names if name not in labels]
