"""The use case that asks models, put together on scripted models, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from kova.adapters.memory.budget import MemoryBudgetStore
from kova.adapters.memory.model import ScriptedModel, Step
from kova.adapters.metrics.meter import PrometheusMeter
from kova.models.ask_models import AskModels
from kova.models.breaker import Breaker
from kova.models.deadlines import CommandTimeouts
from kova.models.model_answer import ModelAnswer
from kova.models.model_call import ModelRequest, Tally
from kova.models.ports import BudgetScope
from kova.models.provider import Provider, Task
from tests.support.models import PROMPT, counted, scripted
from tests.support.virtual_time import run_in_virtual_time

FIRST, SECOND = Provider.OPENAI, Provider.ANTHROPIC


@dataclass
class Result:
    answer: ModelAnswer | None
    error: Exception | None
    seconds: float


@dataclass
class AskSetup:
    """The use case on two scripted models; everything runs in virtual time."""

    first: Sequence[Sequence[Step]] = ()
    second: Sequence[Sequence[Step]] | None = ()
    cap: Decimal | None = None
    order: Sequence[Provider] = (FIRST, SECOND)
    budget: MemoryBudgetStore = field(default_factory=MemoryBudgetStore)
    meter: PrometheusMeter = field(default_factory=PrometheusMeter)
    tally: Tally = field(default_factory=Tally)
    heard: list[str | None] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    first_piece: asyncio.Event = field(default_factory=asyncio.Event)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.models: dict[Provider, ScriptedModel] = {}
        self.breakers = {name: Breaker(clock=lambda: self.now) for name in Provider}
        providers = {}
        for name, replies in ((FIRST, self.first), (SECOND, self.second)):
            if replies is not None:
                entry, model = scripted(name, *replies, breaker=self.breakers[name])
                providers[name], self.models[name] = entry, model
        self.ask_models = AskModels(
            providers=providers,
            budget=self.budget,
            meter=self.meter,
            timeouts=CommandTimeouts(),
            sleep=self._sleep,
            jitter=lambda: 0.0,
        )

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(seconds)

    async def _listen(self, piece: str | None) -> None:
        self.heard.append(piece)
        self.first_piece.set()

    async def ask_once(self) -> ModelAnswer:
        request = ModelRequest(
            prompt=PROMPT,
            order=self.order,
            task=Task.ANALYZE,
            scope=BudgetScope(api_key_id=None, repository=None, cap=self.cap),
            review=False,
        )
        return await self.ask_models.ask(request, self.tally, self._listen)

    def ask(self) -> Result:
        async def measure() -> Result:
            loop = asyncio.get_running_loop()
            try:
                answer = await self.ask_once()
            except Exception as exc:  # noqa: BLE001 (the test looks at it)
                return Result(None, exc, loop.time())
            return Result(answer, None, loop.time())

        return run_in_virtual_time(measure())

    def asked(self) -> list[int]:
        return [len(model.prompts) for model in self.models.values()]

    def calls(self, outcome: str) -> float:
        return counted(self.meter, "kova_ai_calls_total", outcome=outcome)
