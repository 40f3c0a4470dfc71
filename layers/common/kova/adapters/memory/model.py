"""A model that answers from a script."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import AsyncGenerator, Callable, Sequence

from kova.models.ports import Began, Ended, Finish, ModelEvent, Piece
from kova.models.prompt import Prompt
from kova.models.provider import Provider
from kova.models.usage import TokenUsage
from kova.shared.exceptions import ModelError, ModelUnavailableError


class Silence(enum.Enum):
    """A step of a script at which the model says nothing more, for ever."""

    FOR_EVER = enum.auto()


Step = ModelEvent | ModelError | Silence | float | Callable[[], None]
"""An event, a failure, silence, seconds that pass, or something that happens meanwhile."""


class ScriptedModel:
    """Implements models.ports.Model: each call plays the next reply of the script.

    After the last reply it is unavailable. `prompts` are those that were asked, `asked` is set by
    the first one; `closed_streams` counts the calls that have ended, `closed` says whether the
    model was closed.
    """

    def __init__(
        self, provider: Provider, *replies: Sequence[Step], model: str = "scripted"
    ) -> None:
        self.provider = provider
        self.model = model
        self.prompts: list[Prompt] = []
        self.asked = asyncio.Event()
        self.closed_streams = 0
        self.closed = False
        self._replies = list(replies)

    async def stream(
        self,
        prompt: Prompt,
        *,
        seconds: float,  # noqa: ARG002 (the caller's own limits are tested)
    ) -> AsyncGenerator[ModelEvent, None]:
        """Play the next reply."""
        self.prompts.append(prompt)
        self.asked.set()
        if not self._replies:
            raise ModelUnavailableError
        try:
            for step in self._replies.pop(0):
                if isinstance(step, ModelError):
                    raise step
                if isinstance(step, Silence):
                    await asyncio.Event().wait()
                elif isinstance(step, float):
                    await asyncio.sleep(step)
                elif callable(step):
                    step()
                else:
                    yield step
        finally:
            self.closed_streams += 1

    async def close(self) -> None:
        """Note that the model was closed."""
        self.closed = True


def complete(
    text: str, *, finish: Finish = Finish.STOP, usage: TokenUsage | None = None
) -> list[Step]:
    """Return a reply that arrives in two pieces and ends."""
    middle = len(text) // 2
    return [
        Began(input_tokens=10),
        Piece(text=text[:middle]),
        Piece(text=text[middle:]),
        Ended(finish=finish, usage=usage or TokenUsage(input_tokens=10, output_tokens=5)),
    ]
