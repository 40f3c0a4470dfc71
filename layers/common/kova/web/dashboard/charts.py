"""Charts as figures that a template draws: every number is in the units of the drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from kova.scans.summary import DayCount

WIDTH: Final = 640
HEIGHT: Final = 180
_LEFT: Final = 34
_RIGHT: Final = 24
_BOTTOM: Final = 22
_TOP: Final = 10
_MOST_LABELS: Final = 6


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar: its box, and the value that it stands for."""

    left: float
    top: float
    width: float
    height: float
    value: int


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text on an axis."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class BarChart:
    """Two bars a day; `lines` are the horizontal lines with their values."""

    opened: tuple[Bar, ...]
    fixed: tuple[Bar, ...]
    lines: tuple[Label, ...]
    days: tuple[Label, ...]
    is_empty: bool


@dataclass(frozen=True, kw_only=True)
class LineChart:
    """One line: `points` and `area` are what SVG's polyline and polygon want."""

    points: str
    area: str
    lines: tuple[Label, ...]
    marks: tuple[Label, ...]
    last: tuple[float, float]


def bar_chart(days: Sequence[DayCount]) -> BarChart:
    """Return the chart of what was opened and fixed on each day."""
    top = round_up(max((max(day.opened, day.fixed) for day in days), default=0))
    slot = (WIDTH - _LEFT - _RIGHT) / max(len(days), 1)
    width = max(min(slot * 0.36, 14), 1.5)

    def bar(index: int, shift: float, value: int) -> Bar:
        height = value / top * (HEIGHT - _BOTTOM - _TOP)
        left = _LEFT + index * slot + slot / 2 + shift
        return Bar(
            left=round(left, 1),
            top=round(HEIGHT - _BOTTOM - height, 1),
            width=round(width, 1),
            height=round(height, 1),
            value=value,
        )

    every = max(-(-len(days) // _MOST_LABELS), 1)
    return BarChart(
        opened=tuple(bar(index, -width - 0.5, day.opened) for index, day in enumerate(days)),
        fixed=tuple(bar(index, 0.5, day.fixed) for index, day in enumerate(days)),
        lines=_lines(top),
        days=tuple(
            Label(at=round(_LEFT + index * slot + slot / 2, 1), text=_day(day.day))
            for index, day in enumerate(days)
            if (len(days) - 1 - index) % every == 0
        ),
        is_empty=not any(day.opened or day.fixed for day in days),
    )


def line_chart(values: Sequence[int], texts: Sequence[str]) -> LineChart | None:
    """Return the chart of some values in order, or None for fewer than two."""
    if len(values) < 2:  # noqa: PLR2004 (a line has two ends)
        return None
    top = round_up(max(values))
    step = (WIDTH - _LEFT - _RIGHT) / (len(values) - 1)
    floor = HEIGHT - _BOTTOM
    points = [
        (round(_LEFT + index * step, 1), round(floor - value / top * (floor - _TOP), 1))
        for index, value in enumerate(values)
    ]
    line = " ".join(f"{across},{down}" for across, down in points)
    every = max(-(-len(values) // _MOST_LABELS), 1)
    return LineChart(
        points=line,
        area=f"{_LEFT},{floor} {line} {points[-1][0]},{floor}",
        lines=_lines(top),
        marks=tuple(
            Label(at=points[index][0], text=text)
            for index, text in enumerate(texts)
            if (len(texts) - 1 - index) % every == 0
        ),
        last=points[-1],
    )


def round_up(value: int) -> int:
    """Return the least of 4, 10, 20, 40, 100 ... that is not less."""
    top = 4
    while top < value:
        top = _next(top)
    return top


def _next(top: int) -> int:
    digits = str(top)
    return top * 5 // 2 if digits[0] == "4" else top * 2


def _lines(top: int) -> tuple[Label, ...]:
    floor = HEIGHT - _BOTTOM
    return tuple(
        Label(at=round(floor - share * (floor - _TOP), 1), text=f"{round(top * share):,}")
        for share in (0, 0.5, 1)
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
