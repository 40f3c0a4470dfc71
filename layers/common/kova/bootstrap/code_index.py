"""The code index, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kova.adapters.postgres.code_index import PostgresCodeIndex
from kova.adapters.vector_index import VectorCodeIndex
from kova.bootstrap.core import Core, Resource
from kova.bootstrap.settings import AiSettings
from kova.code_index.ports import CodeIndex

if TYPE_CHECKING:
    from kova.adapters.pinecone import PineconeVectors


def code_index(core: Core) -> CodeIndex:
    """Return the index: vectors where both keys are there, otherwise Postgres's own ranking."""
    settings, chunks = core.settings.ai, PostgresCodeIndex(core.database)
    if not (settings.pinecone_api_key and settings.openai_api_key):
        return chunks
    index = VectorCodeIndex(chunks=chunks, load=lambda: _vectors(settings))
    core.register(Resource(name="code_index", close=index.close))
    return index


def _vectors(settings: AiSettings) -> PineconeVectors:
    from kova.adapters.embeddings import OpenAIEmbeddings
    from kova.adapters.openai import openai_client
    from kova.adapters.pinecone import PineconeVectors, pinecone_client

    assert settings.pinecone_api_key is not None
    assert settings.openai_api_key is not None
    client = openai_client(settings.openai_api_key, settings.openai_base_url)
    return PineconeVectors(
        client=pinecone_client(settings.pinecone_api_key),
        index_name=settings.pinecone_index,
        host=settings.pinecone_host,
        embeddings=OpenAIEmbeddings(client, settings.embedding_model),
    )
