"""Embeddings by OpenAI's API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import openai

from kova.adapters.model_errors import translated
from kova.domain.errors import IndexUnavailableError, ModelError

_BATCH: Final = 96
_LONGEST: Final = 8_000
"""Characters of a text: fewer tokens than any embedding model takes."""


class OpenAIEmbeddings:
    """Turns texts into vectors."""

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        """Take a client and the model's id."""
        self._client = client
        self._model = model

    async def run(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector for each text.

        Raises:
            IndexUnavailableError: the provider does not answer as it should.
        """
        vectors: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            batch = [text[:_LONGEST] or " " for text in texts[start : start + _BATCH]]
            try:
                with translated(openai):
                    made = await self._client.embeddings.create(
                        model=self._model, input=batch, encoding_format="float"
                    )
                    vectors += [list(one.embedding) for one in made.data]
            except ModelError as exc:
                raise IndexUnavailableError from exc
        if len(vectors) != len(texts):
            raise IndexUnavailableError
        return vectors

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()
