"""The table of prices, assumptions and forms in prices.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

FILE: Final = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, kw_only=True)
class ListPrice:
    """A list price in US dollars, and the page and day on which it was read."""

    usd: float
    unit: str
    date: str
    page: str


@dataclass(frozen=True, kw_only=True)
class ContainerSize:
    """A kind of container: how many there are at least, and their size."""

    count: int
    vcpu: float
    gb: float


@dataclass(frozen=True, kw_only=True)
class Form:
    """A way to run the stack; `saves_on` names the form that it is a variant of."""

    name: str
    what: str
    parameters: Mapping[str, str]
    kind: Literal["functions", "tasks"] = "functions"
    saves_on: str | None = None


@dataclass(frozen=True, kw_only=True)
class PriceTable:
    """Everything that is not measured or counted."""

    region: str
    prices: Mapping[str, ListPrice]
    assumptions: Mapping[str, float]
    reasons: Mapping[str, str]
    tasks: Mapping[str, ContainerSize]
    forms: tuple[Form, ...]


def load_prices(file: Path = FILE) -> PriceTable:
    """Read the table; a field that is missing or too many raises TypeError."""
    fields = tomllib.loads(file.read_text())
    return PriceTable(
        region=fields["region"],
        prices={name: ListPrice(**price) for name, price in fields["prices"].items()},
        assumptions={name: row["value"] for name, row in fields["assumptions"].items()},
        reasons={name: row["why"] for name, row in fields["assumptions"].items()},
        tasks={name: ContainerSize(**task) for name, task in fields["tasks"].items()},
        forms=tuple(Form(**form) for form in fields["forms"]),
    )
