"""A repository to look at, for whoever has connected none: the practice GitHub has it."""

from __future__ import annotations

from typing import Final

import httpx

_SECONDS: Final = 30


def push_sample(github: str, token: str, port: int) -> str:
    """Push the sample repository as GitHub would, and return the line that tells people.

    Each start delivers the same push again: Kova has seen it, or has lost it when it was stopped.
    """
    try:
        headers = {"Authorization": f"Bearer {token}"}
        made = httpx.post(f"{github}/_control/sample", headers=headers, timeout=_SECONDS)
        sample = made.raise_for_status().json()
        delivery = httpx.post(
            f"{github}/_control/deliver",
            headers=headers,
            json={
                "url": f"http://127.0.0.1:{port}/webhooks/github",
                "event": "push",
                "repository": sample["full_name"],
                "guid": f"sample-{sample['head']}",
            },
            timeout=_SECONDS,
        )
        delivery.raise_for_status()
    except httpx.HTTPError as exc:
        return f"The sample repository could not be pushed: {exc}"
    return f"Its pages show a sample repository, {sample['full_name']}, in a few seconds."
