"""Hostile text in every place: no order followed, no secret out, no markup in.

The model of these tests obeys every injection: what holds must hold without its help.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from kova.commands.assemble_prompt import read_template
from kova_fakes.github import FakeGitHub
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.conftest import Ai
from tests.commands.injection.cases import PAYLOADS, Payload

SYSTEM = "\n\n".join(read_template(name).text for name in ("system", "analyze", "cite"))
OPEN = re.compile(r'<material id="([0-9a-f]{16})" kind="[a-z]+" name="[^"<>\n]*">')
CITED = [{"path": "/etc/passwd", "start_line": 1, "end_line": 1, "quote": "root"}]


def obey(payload: Payload, secret: str) -> ModelReply:
    text = payload.reply.replace("{secret}", secret)
    return ModelReply(text=json.dumps({"answer": text, "citations": CITED}))


def check_prompt(body: dict[str, Any], payload: Payload) -> None:
    """The text stands between fences, on lines that are marked, and nowhere else."""
    assert body["instructions"] == SYSTEM
    assert "tools" not in body
    lines = body["input"][-1]["content"].split("\n")
    inside: str | None = None
    fences = set()
    outside = []
    for line in lines:
        if inside is None and (head := OPEN.fullmatch(line)):
            inside = head[1]
            fences.add(inside)
        elif inside is not None and line == f'</material id="{inside}">':
            inside = None
        elif inside is not None:
            assert re.match(r"> | *\d+\|[+ ]", line), line
        else:
            outside.append(line)
    assert inside is None
    assert len(fences) == 1
    assert [line for line in outside if line] == ["Question:", "what does this do?"]


def check_output(body: dict[str, Any], payload: Payload, secret: str) -> None:
    for text in payload.forbidden:
        assert text.replace("{secret}", secret) not in body["output"], payload.name
    assert secret not in json.dumps(body)
    assert body["citations"] == []
    assert body["dropped"] == 1


def hide_in_code(payload: Payload) -> dict[str, Any]:
    return {"code": f"# {payload.text}\nx = 1\n", "path": "README.md"}


def hide_in_file_name(payload: Payload) -> dict[str, Any]:
    name = re.sub(r"[\x00-\x1f\x7f/]", " ", payload.text)[:200].strip(". ")
    return {"code": "x = 1\n", "path": f"docs/{name}"}


@pytest.mark.parametrize("place", [hide_in_code, hide_in_file_name])
def test_in_code_and_file_names(
    start: Callable[..., Ai], gpt: FakeOpenAI, place: Callable[[Payload], dict[str, Any]]
) -> None:
    ai = start(KOVA_GITHUB_TOKEN="a-secret-of-ours")
    for payload in PAYLOADS:
        gpt.script.always = obey(payload, "a-secret-of-ours")
        answer = ai.ask("what does this do?", **place(payload))
        assert answer.status_code == 200, (payload.name, answer.text)
        check_prompt(gpt.script.calls[-1].body, payload)
        check_output(answer.json(), payload, "a-secret-of-ours")


def test_in_an_errors_message_and_snippet(
    start: Callable[..., Ai], gpt: FakeOpenAI, github: FakeGitHub
) -> None:
    ai = start(KOVA_GITHUB_TOKEN="a-secret-of-ours", KOVA_GITHUB_API_URL=github.url)
    ai.execute("INSERT INTO repositories (full_name, default_branch) VALUES ('o/r', 'main')")
    for number, payload in enumerate(PAYLOADS):
        ai.execute(
            """INSERT INTO errors (repository_id, fingerprint, analyzer, rule_id, severity, tier,
            confidence, category, message, path, start_line, start_column, end_line, end_column,
            snippet) SELECT id, %s, 'ruff', 'F632', 'high', 'error', 'high', 'correctness', %s,
            'a.py', 1, 1, 1, 2, %s FROM repositories""",
            (f"{number:064x}", payload.text.replace("\0", ""), payload.text.replace("\0", "")),
        )
    errors = ai.client.get("/api/errors", params={"limit": 100}).json()["items"]
    for payload, error in zip(PAYLOADS, reversed(errors), strict=True):
        gpt.script.always = obey(payload, "a-secret-of-ours")
        answer = ai.ask("what does this do?", error_id=error["id"])
        assert answer.status_code == 200, (payload.name, answer.text)
        check_prompt(gpt.script.calls[-1].body, payload)
        check_output(answer.json(), payload, "a-secret-of-ours")


def test_in_files_of_a_repository_and_nothing_is_written(
    start: Callable[..., Ai], gpt: FakeOpenAI, github: FakeGitHub
) -> None:
    ai = start(KOVA_GITHUB_TOKEN=github.token, KOVA_GITHUB_API_URL=github.url)
    files = {f"f{number}.md": payload.text.encode() for number, payload in enumerate(PAYLOADS)}
    github.state.create_repository("octo/sample", files=files)
    for number, payload in enumerate(PAYLOADS):
        gpt.script.always = obey(payload, github.token)
        answer = ai.ask("what does this do?", repository="octo/sample", path=f"f{number}.md")
        assert answer.status_code == 200, (payload.name, answer.text)
        check_prompt(gpt.script.calls[-1].body, payload)
        check_output(answer.json(), payload, github.token)
    assert {request.method for request in github.state.requests} == {"GET"}


def test_in_earlier_replies_of_a_session(start: Callable[..., Ai], gpt: FakeOpenAI) -> None:
    ai = start(KOVA_GITHUB_TOKEN="a-secret-of-ours")
    for payload in PAYLOADS:
        gpt.script.then(obey(payload, "a-secret-of-ours"))
        session = ai.ask(f"first: {payload.name}").json()["session_id"]
        gpt.script.then(ModelReply(text=json.dumps({"answer": "fine", "citations": []})))
        assert ai.ask("and now?", session_id=session).json()["output"] == "fine"
        body = gpt.script.calls[-1].body
        assert body["instructions"] == SYSTEM
        earlier = body["input"][1]
        assert earlier["role"] == "assistant"
        for text in payload.forbidden:
            assert text.replace("{secret}", "a-secret-of-ours") not in earlier["content"]


def test_secrets_of_a_file_are_not_sent_to_a_provider(ai: Ai, gpt: FakeOpenAI) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEsecret1\nMIIEsecret2\n-----END PRIVATE KEY-----"
    code = f'password = "hunter2hunter2"\nurl = "postgres://u:swordfish1@h/d"\n{key}\nend = 1\n'
    body = ai.ask("what is here? ghp_0123456789abcdefghijklmnopqrstuvwxyz", code=code).json()
    sent = json.dumps(gpt.script.calls[-1].body)
    for secret in ("hunter2hunter2", "swordfish1", "MIIEsecret", "ghp_0123456789"):
        assert secret not in sent
        assert secret not in json.dumps(ai.rows(), default=str)
    assert "7| end = 1" in gpt.script.calls[-1].body["input"][-1]["content"]
    assert body["output"]


def test_the_corpus_is_large_enough() -> None:
    assert len(PAYLOADS) * 5 >= 60
