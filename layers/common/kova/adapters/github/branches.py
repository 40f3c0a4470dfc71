"""Branches of Kova's own: they move and go only from where Kova saw them last.

GitHub's REST API moves a branch by force or not at all, and says nothing of where it was before:
what a person pushed since the last answer would be overwritten. `updateRefs` of the GraphQL API
takes the commit that the branch must still end at.

https://docs.github.com/graphql/reference/git#updaterefs
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.commits import FixCommits
from kova.adapters.github.shapes import Json
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef

_NOWHERE: Final = "0" * 40
_UPDATE: Final = """
mutation ($input: UpdateRefsInput!) { updateRefs(input: $input) { clientMutationId } }"""


class FixBranches:
    """Reads and writes branches whose commits are Kova's own."""

    def __init__(self, client: GitHubClient, commits: FixCommits) -> None:
        self._client = client
        self._commits = commits

    async def head(self, repository: RepositoryRef, branch: str) -> str | None:
        """Return the commit at the end of a branch; None where there is no such branch."""
        try:
            ref = await self._client.get(repository, f"/git/ref/heads/{quote(branch, safe='/')}")
        except RepositoryNotFoundError:
            return None
        return shapes.sha(ref, "object", "sha")

    async def move(self, repository: RepositoryRef, branch: str, commit_sha: str) -> bool:
        """Make a branch end at a commit; False where a person has committed to it.

        Raises:
            GitHubRefusedError: somebody moved it since it was read, among other reasons.
        """
        current = await self.head(repository, branch)
        if current is None:
            body: Json = {"ref": f"refs/heads/{branch}", "sha": commit_sha}
            try:
                await self._client.write("POST", repository, "/git/refs", body)
            except GitHubRefusedError as exc:
                current = await self.head(repository, branch)
                if exc.data.get("refusal") != "invalid" or current is None:
                    raise
            else:
                return True
        if current == commit_sha:
            return True
        if not await self._commits.is_ours(repository, current):
            return False
        await self._update(repository, branch, current, commit_sha)
        return True

    async def delete(self, repository: RepositoryRef, branch: str, commit_sha: str) -> None:
        """Delete a branch that ends at a commit of Kova's own.

        Raises:
            GitHubRefusedError: it does not end there any more, among other reasons.
        """
        await self._update(repository, branch, commit_sha, _NOWHERE)

    async def _update(
        self, repository: RepositoryRef, branch: str, before: str, after: str
    ) -> None:
        details = await self._client.get(repository, "")
        update = {
            "name": f"refs/heads/{branch}",
            "beforeOid": before,
            "afterOid": after,
            "force": True,
        }
        variables = {
            "input": {"repositoryId": shapes.text(details, "node_id"), "refUpdates": [update]}
        }
        await self._client.graphql(repository, _UPDATE, variables)
