"""The configured providers, and prices in US dollars for a million tokens of 24 November 2026.

KOVA_MODEL_PRICES replaces or adds: `KOVA_MODEL_PRICES=my-model=0.5/2,other=0/0`. A model that
stands in neither is charged at UNKNOWN, which is the dearest of the table: a budget is then spent
too soon, never too late.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from kova.bootstrap.settings import AiSettings
from kova.models.model_call import ProviderEntry
from kova.models.ports import Model
from kova.models.price import Price
from kova.models.provider import Provider

# What an OpenAI-compatible server of one's own is sent when it wants no key.
_NO_KEY: Final = "none"


def _price(input_price: str, output_price: str) -> Price:
    return Price(input=Decimal(input_price), output=Decimal(output_price))


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
        input_price, output_price = own[model]
        return Price(input=input_price, output=output_price)
    return PRICES.get(model, UNKNOWN)


def configured_providers(settings: AiSettings) -> dict[Provider, ProviderEntry]:
    """Return the providers that are configured."""
    providers: dict[Provider, ProviderEntry] = {}
    if settings.openai_api_key or settings.openai_base_url:
        providers[Provider.OPENAI] = ProviderEntry(
            provider=Provider.OPENAI,
            model_id=settings.openai_model,
            price=price_of(settings.openai_model, settings.prices),
            load=lambda: _openai(settings),
        )
    if settings.anthropic_api_key:
        providers[Provider.ANTHROPIC] = ProviderEntry(
            provider=Provider.ANTHROPIC,
            model_id=settings.anthropic_model,
            price=price_of(settings.anthropic_model, settings.prices),
            load=lambda: _anthropic(settings),
        )
    return providers


def _openai(settings: AiSettings) -> Model:
    from kova.adapters.openai import OpenAIModel, openai_client

    client = openai_client(settings.openai_api_key or _NO_KEY, settings.openai_base_url)
    compatible = settings.openai_base_url is not None
    return OpenAIModel(client, settings.openai_model, compatible=compatible)


def _anthropic(settings: AiSettings) -> Model:
    from kova.adapters.anthropic import AnthropicModel, anthropic_client

    assert settings.anthropic_api_key is not None
    client = anthropic_client(settings.anthropic_api_key, settings.anthropic_base_url)
    return AnthropicModel(client, settings.anthropic_model)
