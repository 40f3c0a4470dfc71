"""Embeddings by OpenAI's API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import openai

from kova.adapters.model_errors import translate_errors
from kova.shared.batches import in_batches
from kova.shared.exceptions import IndexUnavailableError, ModelError

# No text has more tokens than bytes. OpenAI takes 8,192 tokens of a text, and of a request 2,048
# texts and 300,000 tokens: https://platform.openai.com/docs/api-reference/embeddings/create
_TEXT_BYTES: Final = 8_000
_REQUEST_BYTES: Final = 290_000
_REQUEST_TEXTS: Final = 96


class OpenAIEmbeddings:
    """Turns texts into vectors."""

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        self._client = client
        self._model = model

    async def run(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text.

        Raises:
            IndexUnavailableError: the provider does not answer as it should.
        """
        vectors: list[list[float]] = []
        for batch in in_batches(
            map(_cut, texts), size=_bytes, limit=_REQUEST_BYTES, count=_REQUEST_TEXTS
        ):
            try:
                with translate_errors(openai):
                    response = await self._client.embeddings.create(
                        model=self._model, input=batch, encoding_format="float"
                    )
                    vectors += [list(embedding.embedding) for embedding in response.data]
            except ModelError as exc:
                raise IndexUnavailableError from exc
        if len(vectors) != len(texts):
            raise IndexUnavailableError
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


def _cut(text: str) -> str:
    """Return as much of a text as a model takes; it takes none that is empty."""
    return text.encode("utf-8", "replace")[:_TEXT_BYTES].decode("utf-8", "ignore") or " "


def _bytes(text: str) -> int:
    return len(text.encode())
