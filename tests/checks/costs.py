"""docs/costs.md shows what `python -m bench.costs` prints for the durations of a recorded run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from bench.costs.__main__ import render
from bench.costs.measure import Measurement
from bench.costs.price_table import load_prices

PAGE: Final = Path("docs/costs.md")
MEASURED: Final = Path("bench/costs/measured.json")
_OUTPUT: Final = re.compile(r"(?<=```text\n)Measured here.*?(?=```)", re.DOTALL)


def render_page() -> str:
    """Return the page with today's output: counts and prices may have changed since."""
    output = render(Measurement.load(MEASURED.read_text()), load_prices())
    page, number = _OUTPUT.subn(lambda _: output, PAGE.read_text())
    if number != 1:
        raise ValueError(f"{PAGE} needs one block of output, and has {number}")
    return page


def check_costs() -> list[str]:
    """Return that the page is not up to date, if so."""
    if PAGE.read_text() == render_page():
        return []
    return [f"{PAGE} is not what the templates and prices say: run `make export`"]
