"""OpenAI's Responses API by the official SDK, and Chat Completions where a server has no other."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, Final

import openai

from kova.adapters.model_errors import check_stream, translate_errors
from kova.models.ports import Began, Ended, Finish, ModelEvent, Piece, Thinking
from kova.models.prompt import Prompt
from kova.models.provider import Provider
from kova.models.usage import TokenUsage
from kova.shared.exceptions import ModelCutError, ModelUnavailableError

_CONNECT_SECONDS: Final = 3.0
_THOUGHTS: Final = frozenset(
    {"response.reasoning_text.delta", "response.reasoning_summary_text.delta"}
)
_REASONING: Final = ("gpt-5", "gpt-6", "o3", "o4")


def openai_client(api_key: str, base_url: str | None) -> openai.AsyncOpenAI:
    """Make a client that tries once and gives up in seconds."""
    timeout = openai.Timeout(20.0, connect=_CONNECT_SECONDS)
    return openai.AsyncOpenAI(api_key=api_key, base_url=base_url, max_retries=0, timeout=timeout)


class OpenAIModel:
    """Implements models.ports.Model."""

    provider = Provider.OPENAI

    def __init__(self, client: openai.AsyncOpenAI, model: str, *, compatible: bool) -> None:
        """`compatible`: the server is not OpenAI's own."""
        self._client = client
        self.model = model
        self._compatible = compatible
        self._chat = False

    async def stream(self, prompt: Prompt, *, seconds: float) -> AsyncGenerator[ModelEvent, None]:
        """Answer a prompt."""
        with translate_errors(openai):
            if not self._chat:
                try:
                    async for event in self._responses(prompt, seconds):
                        yield event
                    return
                except (openai.NotFoundError, openai.UnprocessableEntityError) as exc:
                    # Many compatible servers know no /responses; it is asked for once.
                    if not self._compatible or exc.code == "model_not_found":
                        raise
                    self._chat = True
            async for event in self._completions(prompt, seconds):
                yield event

    async def _responses(self, prompt: Prompt, seconds: float) -> AsyncGenerator[ModelEvent, None]:
        turns: list[Any] = [
            {"role": message.role, "content": message.text} for message in prompt.messages
        ]
        thinks = self.model.startswith(_REASONING)
        stream = await self._client.responses.create(
            model=self.model,
            instructions=prompt.system,
            input=turns,
            reasoning={"effort": "low"} if thinks else openai.omit,
            text={
                "format": {
                    "type": "json_schema",
                    "name": prompt.schema_name,
                    "schema": prompt.schema,
                    "strict": True,
                }
            },
            max_output_tokens=prompt.max_output_tokens,
            store=False,
            stream=True,
            timeout=openai.Timeout(seconds, connect=_CONNECT_SECONDS),
        )
        async with stream:
            check_stream(stream.response.headers)
            with translate_errors(openai, answering=True):
                async for event in _events(stream):
                    yield event

    async def _completions(
        self, prompt: Prompt, seconds: float
    ) -> AsyncGenerator[ModelEvent, None]:
        messages: list[Any] = [{"role": "system", "content": prompt.system}]
        messages += [{"role": message.role, "content": message.text} for message in prompt.messages]
        stream = await self._client.chat.completions.create(
            model=self.model,
            messages=messages,
            response_format={
                "type": "json_schema",
                "json_schema": {
                    "name": prompt.schema_name,
                    "schema": prompt.schema,
                    "strict": True,
                },
            },
            max_tokens=prompt.max_output_tokens,  # What local servers know.
            stream=True,
            stream_options={"include_usage": True},
            timeout=openai.Timeout(seconds, connect=_CONNECT_SECONDS),
        )
        async with stream:
            check_stream(stream.response.headers)
            with translate_errors(openai, answering=True):
                async for event in _chunks(stream):
                    yield event

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()


async def _events(stream: Any) -> AsyncGenerator[ModelEvent, None]:
    refused = has_text = False
    async for event in stream:
        kind = event.type
        if kind == "response.created":
            yield Began()
        elif kind == "response.output_text.delta":
            has_text = True
            yield Piece(text=str(event.delta))
        elif kind == "response.refusal.delta":
            refused = True
            yield Thinking()
        elif kind in _THOUGHTS:
            yield Thinking()
        elif kind in {"response.completed", "response.incomplete"}:
            yield _read_end(event.response, refused=refused)
            return
        elif kind in {"response.failed", "error"}:
            raise ModelCutError if has_text else ModelUnavailableError
    raise ModelCutError


async def _chunks(stream: Any) -> AsyncGenerator[ModelEvent, None]:
    finish: str | None = None
    usage: TokenUsage | None = None
    refused = False
    yield Began()
    async for chunk in stream:
        for choice in chunk.choices[:1]:
            refused |= bool(choice.delta.refusal)
            finish = choice.finish_reason or finish
            if choice.delta.content:
                yield Piece(text=str(choice.delta.content))
            elif choice.delta.model_extra:  # Local servers tell thoughts in fields of their own.
                yield Thinking()
        if chunk.usage is not None:
            usage = _usage(chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
    if finish is None:
        raise ModelCutError
    yield Ended(finish=_finish_of_chat(finish, refused=refused), usage=usage)


def _read_end(response: Any, *, refused: bool) -> Ended:
    finish = Finish.REFUSAL if refused else Finish.STOP
    if response.status == "incomplete":
        reason = response.incomplete_details.reason if response.incomplete_details else None
        finish = Finish.REFUSAL if reason == "content_filter" else Finish.LENGTH
    counted = response.usage
    usage = _usage(counted.input_tokens, counted.output_tokens) if counted else None
    return Ended(finish=finish, usage=usage)


def _finish_of_chat(reason: str, *, refused: bool) -> Finish:
    if refused or reason == "content_filter":
        return Finish.REFUSAL
    return Finish.LENGTH if reason == "length" else Finish.STOP


def _usage(sent: Any, received: Any) -> TokenUsage:
    """Read counts; a server that counts wrongly is not believed below zero."""
    return TokenUsage(input_tokens=max(int(sent), 0), output_tokens=max(int(received), 0))
