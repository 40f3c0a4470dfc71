"""Commit statuses: the short form of a check run, for tokens that may not write checks."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from kova.adapters.github.client import GitHubClient
from kova.fixes.publisher import CheckRun
from kova.shared.repository import RepositoryRef
from kova.shared.text import clean, shorten

CONTEXT: Final = "kova"
DESCRIPTION_LIMIT: Final = 140


class CommitStatuses:
    """Publishes commit statuses."""

    def __init__(self, client: GitHubClient) -> None:
        self._client = client

    async def publish(self, repository: RepositoryRef, run: CheckRun) -> None:
        """Set the status of Kova's context, unless the last one says the same.

        GitHub keeps every status and shows the newest; a commit takes a thousand of a context.
        """
        description = {
            "state": "failure" if run.conclusion == "failure" else "success",
            "description": shorten(clean(run.title), DESCRIPTION_LIMIT),
        }
        statuses = self._client.pages(repository, f"/commits/{run.commit_sha}/statuses")
        async with aclosing(statuses):
            async for status in statuses:
                if status.get("context") != CONTEXT:
                    continue
                if {key: status.get(key) for key in description} == description:
                    return
                break  # the newest comes first
        await self._client.write(
            "POST", repository, f"/statuses/{run.commit_sha}", {**description, "context": CONTEXT}
        )
