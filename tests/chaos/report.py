"""What a run says while it goes on, and the table at its end."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.chaos.oracle import Difference

_SHOW_SECONDS: Final = 10.0
_WIDTH: Final = 24


class Progress:
    """Counts what happened, by the log; a run that goes on counts what was before."""

    def __init__(self, deliveries: int) -> None:
        self.counts: Counter[str] = Counter()
        self._deliveries = deliveries
        self._began = time.monotonic()
        self._at_start = 0
        self._shown = self._last = self._began

    def show(self, unanswered: int | None = None) -> None:
        """Write a line now and then."""
        self._last = now = time.monotonic()
        if not self._at_start:
            self._at_start = self.counts["sent"]
        if now - self._shown < _SHOW_SECONDS:
            return
        self._shown = now
        without = "" if unanswered is None else f", {unanswered} without a 202"
        sys.stderr.write(
            f"{self.counts['sent']} of {self._deliveries} deliveries, {self._rate():.1f} a second,"
            f" {self.counts['kills']} kills{without}\n"
        )

    def table(
        self,
        *,
        lines: Sequence[Mapping[str, Any]],
        scans: Sequence[str],
        swept: int,
        unanswered: str,
        quiet_seconds: float,
        differences: int,
    ) -> dict[str, str]:
        """Return the rows of the table at the end, by name."""
        kills = Counter(line["part"] for line in lines if line["line"] == "kill" and line["done"])
        faults = Counter(line["kind"] for line in lines if line["line"] == "fault")
        sessions = sum(line["line"] == "session" for line in lines)
        return {
            "deliveries": str(self.counts["sent"]),
            "doubled": str(self.counts["doubled"]),
            "reordered": str(self.counts["reordered"]),
            "lost": str(self.counts["lost"]),
            "faults": _listed(faults),
            "kills": _listed(kills),
            "sessions": str(sessions),
            "came back by the sweep": str(swept),
            "without a 202": unanswered,
            "scans": _listed(Counter(scans)),
            "re-run by hand": str(self.counts["pressed"]),
            "deliveries a second": f"{self._rate():.1f}",
            "seconds until quiet": f"{quiet_seconds:.0f}",
            "differences": str(differences),
        }

    def _rate(self) -> float:
        seconds = max(self._last - self._began, 1.0)
        return (self.counts["sent"] - self._at_start) / seconds


def print_tables(tables: Sequence[Mapping[str, str]]) -> None:
    """Write the tables of some runs side by side; a list of kinds stands in lines of its own."""
    for name in tables[0]:
        cells = [table[name].split(", ") for table in tables]
        for line in range(max(map(len, cells))):
            row = [cell[line] if line < len(cell) else "" for cell in cells]
            texts = "".join(f"{text:<{_WIDTH}}" for text in row).rstrip()
            sys.stdout.write(f"{name if line == 0 else '':<24}{texts}\n")


def print_differences(differences: Sequence[Difference], seed: int) -> None:
    """Write the differences as a table."""
    for difference in differences:
        steps = ", ".join(map(str, difference.steps))
        place = " ".join(filter(None, (difference.repository, difference.subject)))
        sys.stdout.write(
            f"seed {seed} | {difference.demand} | {place} | expected {difference.expected}"
            f" | is {difference.actual} | steps {steps}\n"
        )


def _listed(counts: Counter[str]) -> str:
    """Return the sum, and each kind with its count."""
    return ", ".join(
        [str(counts.total()), *(f"{name} {count}" for name, count in counts.most_common())]
    )
