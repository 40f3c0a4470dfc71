"""Models, prompts and meters for tests on twins."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from kova.adapters.memory.model import ScriptedModel, Step
from kova.adapters.metrics.meter import PrometheusMeter
from kova.models.breaker import Breaker
from kova.models.model_answer import ANSWER_SCHEMA
from kova.models.model_call import ProviderEntry
from kova.models.price import Price
from kova.models.prompt import Message, Prompt
from kova.models.provider import Provider

PRICE = Price(input=Decimal(1), output=Decimal(10))
PROMPT = Prompt(
    system="Answer.",
    messages=(Message(role="user", text="Why?"),),
    schema_name="answer",
    schema=ANSWER_SCHEMA,
    max_output_tokens=100,
)


def answer_json(answer: str = "Because.", *citations: dict[str, object]) -> str:
    """Return a model's JSON for a command."""
    return json.dumps({"answer": answer, "citations": list(citations)})


def scripted(
    provider: Provider, *replies: Sequence[Step], breaker: Breaker | None = None
) -> tuple[ProviderEntry, ScriptedModel]:
    """Return a configured provider that plays the replies, and its model."""
    model = ScriptedModel(provider, *replies, model=f"{provider}-model")
    entry = ProviderEntry(
        provider=provider,
        model_id=model.model,
        price=PRICE,
        load=lambda: model,
        breaker=breaker or Breaker(clock=time.monotonic),
    )
    return entry, model


def counted(meter: PrometheusMeter, name: str, **labels: Any) -> float:
    """Return the sum of a metric's samples that have these labels."""
    expected = set(labels.items())
    return sum(
        value
        for (sample, pairs), value in meter.samples().items()
        if sample == name and expected <= set(pairs)
    )
