"""Anthropic's Messages API by the official SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

import anthropic

from kova.adapters.model_errors import check_stream, translate_errors
from kova.models.ports import Began, Ended, Finish, ModelEvent, Piece, Thinking
from kova.models.prompt import Prompt
from kova.models.provider import Provider
from kova.models.usage import TokenUsage
from kova.shared.exceptions import ModelCutError

_CONNECT_SECONDS: Final = 3.0
_FINISH: Final = {
    "refusal": Finish.REFUSAL,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
}


def anthropic_client(api_key: str, base_url: str | None) -> anthropic.AsyncAnthropic:
    """Make a client that tries once and gives up in seconds."""
    timeout = anthropic.Timeout(20.0, connect=_CONNECT_SECONDS)
    return anthropic.AsyncAnthropic(
        api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout
    )


class AnthropicModel:
    """Implements models.ports.Model."""

    provider = Provider.ANTHROPIC

    def __init__(self, client: anthropic.AsyncAnthropic, model: str) -> None:
        self._client = client
        self.model = model

    async def stream(self, prompt: Prompt, *, seconds: float) -> AsyncGenerator[ModelEvent, None]:
        """Answer a prompt."""
        with translate_errors(anthropic):
            turns: list[Any] = [
                {"role": message.role, "content": message.text} for message in prompt.messages
            ]
            stream = await self._client.messages.create(
                model=self.model,
                system=prompt.system,
                messages=turns,
                max_tokens=prompt.max_output_tokens,
                output_config=self._output_options(prompt),
                stream=True,
                timeout=anthropic.Timeout(seconds, connect=_CONNECT_SECONDS),
            )
            async with stream:
                check_stream(stream.response.headers)
                async for event in _events(stream):
                    yield event

    def _output_options(self, prompt: Prompt) -> Any:
        output_config: dict[str, Any] = {"format": {"type": "json_schema", "schema": prompt.schema}}
        if "haiku" not in self.model:  # The small models think in no degrees.
            output_config["effort"] = "low"
        return output_config

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _events(stream: Any) -> AsyncGenerator[ModelEvent, None]:
    usage = TokenUsage()
    reason: str | None = None
    async for event in stream:
        if event.type == "message_start":
            usage = TokenUsage(input_tokens=_count_input(event.message.usage))
            yield Began(input_tokens=usage.input_tokens)
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            yield Piece(text=str(event.delta.text))
        elif event.type == "content_block_delta":
            yield Thinking()
        elif event.type == "message_delta":
            reason = event.delta.stop_reason
            received = max(int(event.usage.output_tokens), 0)
            usage = TokenUsage(input_tokens=usage.input_tokens, output_tokens=received)
        elif event.type == "message_stop" and reason is not None:
            yield Ended(finish=_FINISH.get(reason, Finish.STOP), usage=usage)
            return
    raise ModelCutError


def _count_input(usage: Any) -> int:
    """Return all tokens that went in; what the provider's cache read or wrote is apart there."""
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return max(int(usage.input_tokens) + int(cached), 0)
