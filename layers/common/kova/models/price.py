"""What tokens cost, and what a call can cost at most."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from kova.models.usage import TokenUsage

_MILLION: Final = Decimal(1_000_000)
# Six decimals, as the ledger keeps them; rounded up, so that the sum is never below the bill.
_UNIT: Final = Decimal("0.000001")
# What a provider adds to a prompt: the format, the roles, the schema's own instructions.
_ADDED_TOKENS: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars for a million tokens."""

    input: Decimal
    output: Decimal

    def cost(self, usage: TokenUsage) -> Decimal:
        """Return the cost of some tokens."""
        dollars = (usage.input_tokens * self.input + usage.output_tokens * self.output) / _MILLION
        return dollars.quantize(_UNIT, rounding=ROUND_CEILING)


def max_tokens(prompt_bytes: int, max_output_tokens: int) -> TokenUsage:
    """Return an upper bound of the tokens of one call.

    The tokenizers work on bytes: no text has more tokens than bytes.
    """
    return TokenUsage(input_tokens=prompt_bytes + _ADDED_TOKENS, output_tokens=max_output_tokens)


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather more than fewer (code has 3 to 4 bytes)."""
    return -(-len(text.encode("utf-8", "replace")) // 3)
