"""The fakes speak as the real services do: the official SDKs are the judges."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import anthropic
import httpx
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from kova_fakes.anthropic.messages import MessagesAnswer
from kova_fakes.anthropic.server import FakeAnthropic, serve_anthropic
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.responses import ResponsesAnswer
from kova_fakes.openai.server import FakeOpenAI, serve_openai

ASKED = {"model": "gpt-6.1-sol", "input": [{"role": "user", "content": "hello"}]}
TOLD = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": "hello"}],
}
KINDS = ("ok", "truncated", "refusal", "empty", "cut_late")


@pytest.fixture(scope="module")
def gpt() -> Iterator[FakeOpenAI]:
    with serve_openai() as fake:
        yield fake


@pytest.fixture(scope="module")
def claude() -> Iterator[FakeAnthropic]:
    with serve_anthropic() as fake:
        yield fake


def post(url: str, body: Any, **headers: str) -> httpx.Response:
    return httpx.post(url, json=body, headers=headers, timeout=5)


def openai_post(gpt: FakeOpenAI, body: Any, key: str = "sk-fake-0123456789") -> httpx.Response:
    return post(f"{gpt.url}/responses", body, authorization=f"Bearer {key}")


def anthropic_post(claude: FakeAnthropic, body: Any, **headers: str) -> httpx.Response:
    sent = {"x-api-key": "sk-ant-fake-0123456789", "anthropic-version": "2023-06-01"} | headers
    return post(f"{claude.url}/v1/messages", body, **{k: v for k, v in sent.items() if v})


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return the adapter of one of the SDKs' types; to make it takes half a second."""
    return TypeAdapter(kind)


@pytest.mark.parametrize("thoughts", [0, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_event_and_answer_is_one_of_the_sdks_own_types(kind: Any, thoughts: int) -> None:
    reply = ModelReply(
        kind=kind, thoughts=thoughts, text=None if kind == "empty" else "some words " * 20
    )
    response = ResponsesAnswer(ASKED, reply, reply.text or "")
    message = MessagesAnswer(TOLD, reply)
    adapter(Response).validate_python(response.response())
    adapter(Message).validate_python(message.message())
    for _, event in response.events():
        adapter(ResponseStreamEvent).validate_python(event)
    for name, event in message.events():
        if name not in {"ping", "error"}:  # The SDK itself takes these two out.
            adapter(RawMessageStreamEvent).validate_python(event)


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "blue"},
        {"max_output_tokens": "many"},
        {"max_output_tokens": 3},
        {"input": [{"role": "king", "content": "x"}]},
        {"text": {"format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}}}},
    ],
)
def test_openai_refuses_what_its_types_do_not_know(gpt: FakeOpenAI, change: dict[str, Any]) -> None:
    answer = openai_post(gpt, ASKED | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "blue"},
        {"max_tokens": 0},
        {"max_tokens": None},
        {"temperature": 0.5},
        {"messages": []},
        {"messages": [{"role": "assistant", "content": "x"}]},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
    ],
)
def test_anthropic_refuses_what_its_types_do_not_know(
    claude: FakeAnthropic, change: dict[str, Any]
) -> None:
    answer = anthropic_post(claude, TOLD | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_a_wrong_key_a_missing_version_and_an_unknown_model_are_refused(
    gpt: FakeOpenAI, claude: FakeAnthropic
) -> None:
    assert openai_post(gpt, ASKED, key="sk-other").status_code == 401
    assert openai_post(gpt, ASKED | {"model": "nonsense"}).status_code == 404
    assert anthropic_post(claude, TOLD, **{"x-api-key": "other"}).status_code == 401
    assert anthropic_post(claude, TOLD, **{"x-api-key": ""}).status_code == 401
    bearer = {"x-api-key": "", "authorization": "Bearer sk-ant-fake-0123456789"}
    assert anthropic_post(claude, TOLD, **bearer).status_code == 200
    assert anthropic_post(claude, TOLD, **{"anthropic-version": ""}).status_code == 400
    assert anthropic_post(claude, TOLD | {"model": "nonsense"}).status_code == 404


def test_the_sdks_read_answers_streams_counts_and_embeddings(
    gpt: FakeOpenAI, claude: FakeAnthropic
) -> None:
    with openai.OpenAI(api_key="sk-fake-0123456789", base_url=gpt.url) as client:
        complete = client.responses.create(model="gpt-6.1-sol", input="hello")
        assert complete.output_text == "I was shown 0 lines."
        chat = client.chat.completions.create(
            model="local-7b", messages=[{"role": "user", "content": "hello"}]
        )
        assert chat.choices[0].message.content == "I was shown 0 lines."
        vectors = client.embeddings.create(
            model="text-embedding-3-small", input=["parse the date", "parse a date", "open socket"]
        ).data
        near, far = (
            sum(a * b for a, b in zip(vectors[0].embedding, vector.embedding, strict=True))
            for vector in vectors[1:]
        )
        assert near > far
    with (
        anthropic.Anthropic(api_key="sk-ant-fake-0123456789", base_url=claude.url) as claude_client,
        claude_client.messages.stream(
            model="claude-sonnet-5-5", max_tokens=64, messages=[{"role": "user", "content": "hi"}]
        ) as stream,
    ):
        assert stream.get_final_text() == "I was shown 0 lines."
