"""A dashboard as a table of panels, and the expressions that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

RATE: Final = "$__rate_interval"

Kind = Literal["lines", "number"]


@dataclass(frozen=True, kw_only=True)
class Query:
    """An expression, and how each of its series is called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture.

    Attributes:
        unit: Grafana's name of the unit of all its queries.
        note: what it shows and when to worry.
        limit: a red line, in the unit.
    """

    title: str
    unit: str
    queries: tuple[Query, ...]
    note: str
    kind: Kind = "lines"
    limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class Board:
    """One dashboard, which is a file with its name."""

    name: str
    title: str
    note: str
    panels: tuple[Panel, ...]


def per_second(selector: str, *labels: str) -> str:
    """Return how often a counter of all processes counts, by labels.

    Every instance shows the sums of all, so the maximum over them is taken (docs/adr/0010).
    """
    return f"sum{_by(labels)} (max without (instance) (rate({selector}[{RATE}])))"


def grown(selector: str, window: str, *labels: str) -> str:
    """Return by how much a counter of all processes grew in a window, by labels."""
    return f"sum{_by(labels)} (max without (instance) (increase({selector}[{window}])))"


def quantile(share: float, name: str, *labels: str, selector: str = "") -> str:
    """Return a quantile of a histogram of all processes, in seconds."""
    buckets = per_second(f"{name}_bucket{selector}", "le", *labels)
    return f"histogram_quantile({share}, {buckets})"


def latest(selector: str, *labels: str) -> str:
    """Return a value that every instance measures alike."""
    return f"max{_by(labels)} ({selector})"


def hit_share(name: str) -> str:
    """Return the share of hits of a counter of looks with the label `result`."""
    hits, looks = per_second(f'{name}{{result="hit"}}'), per_second(name)
    return f"({hits} or 0 * {looks}) / {looks}"


def _by(labels: tuple[str, ...]) -> str:
    return f" by ({', '.join(labels)})" if labels else ""
