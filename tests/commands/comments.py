"""Comments as people write them, and what is replied."""

from __future__ import annotations

from typing import Any

from tests.server.conftest import Kova
from tests.support.eventually import eventually
from tests.support.queues import depth

NAME = "octo/sample"


def post_comment(kova: Kova, body: str, guid: str | None = None, **fields: Any) -> dict[str, Any]:
    payload = kova.github.comment_event(NAME, 1, body, **fields)
    send(kova, payload, guid)
    return payload


def send(kova: Kova, payload: dict[str, Any], guid: str | None = None) -> str:
    url = f"{kova.address}/webhooks/github"
    answer = kova.github.deliver(url, "issue_comment", payload, guid)
    assert answer.status_code == 202, answer.text
    status: str = answer.json()["status"]
    return status


def list_replies(kova: Kova) -> list[str]:
    comments = kova.github.state.repository(NAME).comments
    return [row["body"] for row in comments if row["user"]["login"] == "kova[bot]"]


def wait_for_replies(kova: Kova, count: int = 1, seconds: float = 30) -> list[str]:
    """Return the replies as soon as there are so many and the queue is empty."""

    def list_final() -> list[str]:
        texts = list_replies(kova)
        busy = len(texts) < count or depth(kova.environment["KOVA_COMMAND_QUEUE_URL"])
        return [] if busy else texts

    def describe() -> str:
        return (kova.folder / "worker.log").read_text()[-3_000:]

    return eventually(list_final, seconds, pause=0.05, otherwise=describe)
