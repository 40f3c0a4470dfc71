"""Commands assembled on twins: no service, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from kova.adapters.memory.answers import MemoryAnswerCache
from kova.adapters.memory.api_keys import MemoryApiKeyStore
from kova.adapters.memory.budget import MemoryBudgetStore
from kova.adapters.memory.clock import Clock
from kova.adapters.memory.code_index import MemoryCodeIndex
from kova.adapters.memory.commands import MemoryCommandQueue, MemoryCommandStore
from kova.adapters.memory.database import MemoryDatabase
from kova.adapters.memory.model import ScriptedModel, Step
from kova.adapters.memory.repositories import MemoryRepositoryStore
from kova.adapters.memory.sessions import MemorySessionStore
from kova.adapters.metrics.meter import PrometheusMeter
from kova.analysis.finding import Span
from kova.commands.gather_context import GatherContext
from kova.commands.run_command import CommandStores, RunCommand
from kova.errors.error import ErrorRecord, ErrorStatus
from kova.models.ask_models import AskModels
from kova.models.deadlines import CommandTimeouts
from kova.models.provider import Provider
from kova.shared.code_source import CodeSource, Comparison, PullRequest
from kova.shared.owners import EVERY_OWNER, Owners
from kova.shared.repository import RepositoryInfo
from tests.support.findings import finding
from tests.support.models import scripted
from tests.support.stand_ins import StandInErrors, StandInSource

NAME = "octo/sample"
MAIN, BASE, HEAD = "a" * 40, "b" * 40, "c" * 40
SECRET = "hunter2-hunter2"
INFO = RepositoryInfo(
    full_name=NAME, github_id=7, installation_id=3, default_branch="main", private=True
)
FILES = {
    "app.py": b"import os\n\n\ndef start(port):\n    return serve(port)\n",
    "logo.png": b"\x89PNG\0\0",
    "settings.py": f"PASSWORD = '{SECRET}'\nDEBUG = True\n".encode(),
}
PULL = PullRequest(
    number=5, base_sha=BASE, head_sha=HEAD, title="Serve on all hosts", body="As discussed."
)
CHANGED = FILES["app.py"].replace(b"serve(port)", b"serve('any-host', port)")
ERROR = ErrorRecord(
    id="11111111-1111-1111-1111-111111111111",
    repository=NAME,
    finding=finding(
        path="app.py",
        message="The port is not checked.",
        snippet="    return serve(port)",
        span=Span(start_line=5, start_column=5, end_line=5, end_column=23),
    ),
    status=ErrorStatus.OPEN,
    first_seen_at=datetime(2026, 11, 1, tzinfo=UTC),
    last_seen_at=datetime(2026, 11, 1, tzinfo=UTC),
    fixed_at=None,
    introduced_in=None,
    fix=None,
)


def sample_source() -> StandInSource:
    """Return a GitHub with one repository and one pull request."""
    return StandInSource(
        info=INFO,
        commits={
            MAIN: FILES,
            BASE: FILES,
            HEAD: {**FILES, "app.py": CHANGED},
        },
        refs={"main": MAIN, "topic": HEAD},
        pulls={5: PULL},
        comparison=Comparison(
            merge_base_sha=BASE, changed=frozenset({"app.py"}), renamed={}, complete=True
        ),
    )


@dataclass
class CommandDesk:
    """RunCommand with all that it stands on; replies are those of OpenAI and Anthropic."""

    openai: Sequence[Sequence[Step]] = ()
    anthropic: Sequence[Sequence[Step]] = ()
    cap: Decimal | None = None
    with_redis: bool = True
    owners: Owners = EVERY_OWNER
    configured: tuple[Provider, ...] = tuple(Provider)
    clock: Clock = field(default_factory=Clock)
    meter: PrometheusMeter = field(default_factory=PrometheusMeter)
    database: MemoryDatabase = field(default_factory=MemoryDatabase)
    errors: StandInErrors = field(default_factory=lambda: StandInErrors(ERROR))
    source: StandInSource = field(default_factory=sample_source)
    index: MemoryCodeIndex = field(default_factory=MemoryCodeIndex)
    queue: MemoryCommandQueue = field(default_factory=MemoryCommandQueue)
    commands: MemoryCommandStore = field(default_factory=MemoryCommandStore)

    def __post_init__(self) -> None:
        self.repositories = MemoryRepositoryStore(self.database)
        self.keys = MemoryApiKeyStore(self.clock)
        self.cache = MemoryAnswerCache(self.clock)
        self.sessions = MemorySessionStore(self.clock)
        self.budget = MemoryBudgetStore(
            keys=self.keys, repositories=self.repositories, now=self.clock
        )
        self.models: dict[Provider, ScriptedModel] = {}
        providers = {}
        for provider, replies in (
            (Provider.OPENAI, self.openai),
            (Provider.ANTHROPIC, self.anthropic),
        ):
            entry, self.models[provider] = scripted(provider, *replies)
            if provider in self.configured:
                providers[provider] = entry
        self.gather = GatherContext(
            repositories=self.repositories,
            errors=self.errors,  # type: ignore[arg-type]
            source=self._source,
            index=self.index,
            secrets=(SECRET,),
            owners=self.owners,
        )
        self.run = RunCommand(
            stores=CommandStores(
                commands=self.commands,
                cache=self.cache if self.with_redis else None,
                sessions=self.sessions if self.with_redis else None,
            ),
            gather=lambda: self.gather,
            ask=AskModels(
                providers=providers,
                budget=self.budget,
                meter=self.meter,
                timeouts=CommandTimeouts(),
                sleep=_no_sleep,
            ),
            meter=self.meter,
            now=self.clock,
            cap=self.cap,
            secrets=(SECRET,),
        )

    def _source(self) -> CodeSource:
        return self.source

    def prompts(self) -> list[str]:
        """Return the text of every prompt that a model was asked."""
        return [
            "\n".join(message.text for message in prompt.messages)
            for model in self.models.values()
            for prompt in model.prompts
        ]


async def _no_sleep(_: float) -> None:
    return
