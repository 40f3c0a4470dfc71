"""What /ai/command is made of. An SDK is imported when its provider is first asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from kova.adapters.github.conversation import GitHubConversation
from kova.adapters.postgres.budget import PostgresBudgetStore
from kova.adapters.postgres.code_index import PostgresCodeIndex
from kova.adapters.postgres.commands import PostgresCommandStore
from kova.adapters.redis.answers import RedisAnswerCache
from kova.adapters.redis.sessions import RedisSessionStore
from kova.adapters.sqs import SqsCommandQueue, sqs_client
from kova.adapters.vector_index import VectorCodeIndex
from kova.bootstrap.models import price_of
from kova.bootstrap.settings import AiSettings, Settings, SettingsError
from kova.code_index.ports import CodeIndex
from kova.commands.answer_comment import AnswerComment
from kova.commands.gather_context import GatherContext
from kova.commands.handle_command_job import HandleCommandJob
from kova.commands.ports import CommandStore
from kova.commands.request_command import FinishCommand, RequestCommand
from kova.commands.run_command import CommandStores, RunCommand
from kova.errors.ignore_errors import IgnoreErrors
from kova.models.ask_models import AskModels
from kova.models.deadlines import Patience
from kova.models.model_call import Candidate
from kova.models.ports import Model
from kova.models.provider import Provider

if TYPE_CHECKING:
    from kova.adapters.pinecone import PineconeVectors
    from kova.bootstrap.container import Container

# What an OpenAI-compatible server of one's own is sent when it wants no key.
_NO_KEY: Final = "none"


@dataclass(frozen=True, kw_only=True)
class AiServices:
    """Implements web.services.AiUseCases."""

    run: RunCommand
    finish: FinishCommand
    commands: CommandStore
    ask: AskModels
    index: CodeIndex
    queue: Callable[[], SqsCommandQueue]

    @property
    def request(self) -> RequestCommand:
        """Takes commands for later; SettingsError without the queue's URL."""
        return RequestCommand(run=self.run, commands=self.commands, queue=self.queue())

    async def close(self) -> None:
        """Close what was opened."""
        await self.ask.close()
        if isinstance(self.index, VectorCodeIndex):
            await self.index.close()


def ai_services(container: Container) -> AiServices:
    """Build them. Nothing is opened or imported yet."""
    settings = container.settings
    commands = PostgresCommandStore(container.database)
    redis = container.redis
    secrets = secret_values(settings)
    ai = settings.ai
    deadline = ai.deadline_seconds if container.waited_for else ai.later_seconds
    ask = AskModels(
        candidates=candidates(settings.ai),
        budget=PostgresBudgetStore(container.database),
        meter=container.meter,
        patience=Patience(deadline=float(deadline)),
    )
    run = RunCommand(
        stores=CommandStores(
            commands=commands,
            cache=RedisAnswerCache(redis) if redis else None,
            sessions=RedisSessionStore(redis) if redis else None,
        ),
        gather=GatherContext(
            repositories=container.stores.repositories,
            errors=container.stores.errors,
            source=lambda: container.source,
            index=container.index,
            secrets=secrets,
        ),
        ask=ask,
        meter=container.meter,
        now=lambda: datetime.now(UTC),
        cap=settings.ai.monthly_budget_usd,
        secrets=secrets,
    )
    return AiServices(
        run=run,
        finish=FinishCommand(run=run, commands=commands),
        commands=commands,
        ask=ask,
        index=container.index,
        queue=lambda: _queue(settings.ai),
    )


def handle_command_job(container: Container) -> HandleCommandJob:
    """Build the handler of the command queue's messages."""
    return HandleCommandJob(container.ai.finish, lambda: answer_comment(container))


def answer_comment(container: Container) -> AnswerComment:
    """Build the answer to commands in comments; SettingsError without GitHub."""
    return AnswerComment(
        conversation=GitHubConversation(container.github),
        source=container.source,
        scan=container.request_scan,
        ignore=IgnoreErrors(errors=container.stores.errors, change=container.change_error),
        run=container.ai.run,
        commands=container.ai.commands,
        secret="\n".join(secret_values(container.settings)),
    )


def code_index(container: Container) -> CodeIndex:
    """Return the index: vectors where both keys are there, otherwise Postgres's own ranking."""
    settings, chunks = container.settings.ai, PostgresCodeIndex(container.database)
    if not (settings.pinecone_api_key and settings.openai_api_key):
        return chunks
    return VectorCodeIndex(chunks=chunks, load=lambda: _vectors(settings))


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


def candidates(settings: AiSettings) -> dict[Provider, Candidate]:
    """Return the providers that are configured."""
    found: dict[Provider, Candidate] = {}
    if settings.openai_api_key or settings.openai_base_url:
        found[Provider.OPENAI] = Candidate(
            provider=Provider.OPENAI,
            model_id=settings.openai_model,
            price=price_of(settings.openai_model, settings.prices),
            load=lambda: _openai(settings),
        )
    if settings.anthropic_api_key:
        found[Provider.ANTHROPIC] = Candidate(
            provider=Provider.ANTHROPIC,
            model_id=settings.anthropic_model,
            price=price_of(settings.anthropic_model, settings.prices),
            load=lambda: _anthropic(settings),
        )
    return found


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Return what must not appear in any text that leaves."""
    ai = settings.ai
    values = (
        ai.openai_api_key,
        ai.anthropic_api_key,
        ai.pinecone_api_key,
        settings.github_token,
        settings.github_private_key,
        settings.database_url,
        settings.redis_url,
        *settings.github_webhook_secrets,
    )
    return tuple(one for one in values if one)


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


def _queue(settings: AiSettings) -> SqsCommandQueue:
    if settings.command_queue_url is None:
        raise SettingsError("KOVA_COMMAND_QUEUE_URL is missing.")
    return SqsCommandQueue(sqs_client(), settings.command_queue_url)
