"""Prices of models, in US dollars for a million tokens, as published on 24 November 2026.

KOVA_MODEL_PRICES replaces or adds: `KOVA_MODEL_PRICES=my-model=0.5/2,other=0/0`. A model that
stands in neither is charged at UNKNOWN, which is the dearest of the table: a budget is then spent
too soon, never too late.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from kova.models.price import Price


def _price(given: str, taken: str) -> Price:
    return Price(input=Decimal(given), output=Decimal(taken))


PRICES: Final = {
    "gpt-6.1-sol": _price("2", "10"),
    "gpt-6-sol": _price("2", "10"),
    "gpt-6.1-terra": _price("1", "5"),
    "gpt-6-luna": _price("0.10", "0.50"),
    "gpt-5.6-terra": _price("2", "12"),
    "gpt-6-astra": _price("10", "50"),
    "claude-sonnet-5-5": _price("2", "10"),
    "claude-sonnet-5": _price("2", "10"),
    "claude-opus-5-5": _price("4", "20"),
    "claude-opus-5": _price("5", "25"),
    "claude-haiku-4-5": _price("1", "5"),
    "claude-fable-5-1": _price("10", "50"),
}
UNKNOWN: Final = _price("10", "50")


def price_of(model: str, own: Mapping[str, tuple[Decimal, Decimal]]) -> Price:
    """Return a model's price: the settings' own, the table's, or the bound for unknown ones."""
    if model in own:
        given, taken = own[model]
        return Price(input=given, output=taken)
    return PRICES.get(model, UNKNOWN)
