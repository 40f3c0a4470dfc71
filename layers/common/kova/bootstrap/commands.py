"""Commands to the models, put together. An SDK is imported when its provider is first asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kova.adapters.postgres.budget import PostgresBudgetStore
from kova.adapters.postgres.commands import PostgresCommandStore
from kova.bootstrap.core import Core, Resource, now
from kova.bootstrap.models import configured_providers
from kova.bootstrap.settings import Settings, require
from kova.commands.run_command import CommandStores, RunCommand
from kova.models.ask_models import AskModels
from kova.models.deadlines import CommandTimeouts

if TYPE_CHECKING:
    from kova.code_index.ports import CodeIndex
    from kova.commands.gather_context import GatherContext
    from kova.commands.request_command import FinishCommand, RequestCommand


class CommandRoot:
    """Implements web.services.CommandServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def commands(self) -> PostgresCommandStore:
        """Commands and their outcomes."""
        return PostgresCommandStore(self._core.database)

    @cached_property
    def index(self) -> CodeIndex:
        """The code index."""
        from kova.bootstrap.code_index import code_index

        return code_index(self._core)

    @cached_property
    def ask(self) -> AskModels:
        """The configured providers, their budget and their deadlines."""
        core = self._core
        settings = core.settings.ai
        seconds = settings.deadline_seconds if core.interactive else settings.later_seconds
        ask = AskModels(
            providers=configured_providers(settings),
            budget=PostgresBudgetStore(core.database),
            meter=core.meter,
            timeouts=CommandTimeouts(deadline=float(seconds)),
        )
        core.register(Resource(name="models", close=ask.close))
        return ask

    @cached_property
    def run(self) -> RunCommand:
        """POST /ai/command."""
        core = self._core
        return RunCommand(
            stores=self._stores(),
            gather=lambda: self.gather,
            ask=self.ask,
            meter=core.meter,
            now=now,
            cap=core.settings.ai.monthly_budget_usd,
            secrets=secret_values(core.settings),
        )

    @cached_property
    def gather(self) -> GatherContext:
        """What the material of a prompt is gathered with."""
        from kova.adapters.postgres.errors import PostgresErrorStore
        from kova.adapters.postgres.repositories import PostgresRepositoryStore
        from kova.commands.gather_context import GatherContext

        core = self._core
        return GatherContext(
            repositories=PostgresRepositoryStore(core.database),
            errors=PostgresErrorStore(core.database),
            source=lambda: core.source,
            index=self.index,
            secrets=secret_values(core.settings),
            owners=core.settings.owners,
        )

    @property
    def request(self) -> RequestCommand:
        """`Prefer: respond-async`; SettingsError without the command queue."""
        from kova.adapters.sqs import SqsCommandQueue
        from kova.commands.request_command import RequestCommand

        url = require(self._core.settings.ai.command_queue_url, "KOVA_COMMAND_QUEUE_URL")
        queue = SqsCommandQueue(self._core.sqs, url)
        return RequestCommand(run=self.run, commands=self.commands, queue=queue)

    @cached_property
    def finish(self) -> FinishCommand:
        """The command worker's job."""
        from kova.commands.request_command import FinishCommand

        return FinishCommand(run=self.run, commands=self.commands)

    def _stores(self) -> CommandStores:
        """Return what commands remember; answers and sessions need Redis."""
        if self._core.redis is None:
            return CommandStores(commands=self.commands, cache=None, sessions=None)
        from kova.adapters.redis.answers import RedisAnswerCache
        from kova.adapters.redis.sessions import RedisSessionStore

        return CommandStores(
            commands=self.commands,
            cache=RedisAnswerCache(self._core.redis),
            sessions=RedisSessionStore(self._core.redis),
        )


def secret_values(settings: Settings) -> tuple[str, ...]:
    """Return what must not appear in any text that leaves."""
    ai = settings.ai
    values = (
        ai.openai_api_key,
        ai.anthropic_api_key,
        ai.pinecone_api_key,
        settings.github_token,
        settings.github_private_key,
        settings.sign_in.google_client_secret,
        settings.sign_in.github_client_secret,
        settings.database_url,
        settings.redis_url,
        *settings.github_webhook_secrets,
        settings.chat.slack_bot_token,
        *settings.chat.slack_signing_secrets,
        settings.chat.google_chat_webhook_url,
    )
    return tuple(value for value in values if value)
