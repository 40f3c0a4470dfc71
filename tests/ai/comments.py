"""Comments as people write them, and what is replied."""

from __future__ import annotations

import time
from typing import Any

from tests.server.conftest import Kova
from tests.support.queues import depth

NAME = "octo/sample"


def comment(kova: Kova, body: str, guid: str | None = None, **fields: Any) -> dict[str, Any]:
    payload = kova.github.comment_event(NAME, 1, body, **fields)
    send(kova, payload, guid)
    return payload


def send(kova: Kova, payload: dict[str, Any], guid: str | None = None) -> str:
    url = f"{kova.address}/webhooks/github"
    answer = kova.github.deliver(url, "issue_comment", payload, guid)
    assert answer.status_code == 202, answer.text
    status: str = answer.json()["status"]
    return status


def replies(kova: Kova) -> list[str]:
    comments = kova.github.state.repository(NAME).comments
    return [comment["body"] for comment in comments if comment["user"]["login"] == "kova[bot]"]


def reply(kova: Kova, count: int = 1, seconds: float = 30) -> list[str]:
    """Wait until the queue is empty and return what was replied."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        texts = replies(kova)
        if len(texts) >= count and not depth(kova.environment["KOVA_COMMAND_QUEUE_URL"]):
            return texts
        time.sleep(0.05)
    raise AssertionError((kova.folder / "worker.log").read_text()[-3_000:])
