"""Pull requests of proved fixes: one per branch, and only branches of Kova's own.

https://docs.github.com/rest/pulls/pulls
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.commits import FixCommits
from kova.adapters.github.shapes import Json
from kova.fixes.publisher import FixPullRequest
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef, is_ref, is_sha
from kova.shared.text import clean, shorten

BRANCH_PREFIX: Final = "kova/"
TITLE_LIMIT: Final = 255
BODY_LIMIT: Final = 65_000


class PullRequests:
    """Publishes pull requests."""

    def __init__(self, client: GitHubClient, commits: FixCommits) -> None:
        """Take the client and the maker of commits."""
        self._client = client
        self._commits = commits

    async def publish(self, repository: RepositoryRef, pull: FixPullRequest) -> str | None:
        """Create or update the branch and its pull request; return the page's address."""
        _check(pull)
        base = await self._head(repository, pull.base_branch)
        if base is None:
            await self._client.get(repository, "")  # raises if it is the repository that is gone
        if base != pull.base_sha:
            return None
        commit_sha = await self._commits.create(repository, pull)
        known = await self._known(repository, pull.branch)
        for item in known:
            same = shapes.field(item, "head", "sha") == commit_sha
            if same and item.get("state") == "closed":
                # A person merged this very change, or closed it and does not want it again.
                return shapes.page_url(item)
        opened = next((item for item in known if item.get("state") == "open"), None)
        if not await self._point(repository, pull.branch, commit_sha):
            if opened is None:
                raise GitHubRefusedError(
                    "The branch holds commits of somebody else.", refusal="branch_taken"
                )
            return shapes.page_url(opened)
        if opened is None:
            return shapes.page_url(await self._open(repository, pull))
        return shapes.page_url(await self._update(repository, pull, opened))

    async def _head(self, repository: RepositoryRef, branch: str) -> str | None:
        try:
            data = await self._client.get(repository, f"/git/ref/heads/{_quoted(branch)}")
        except RepositoryNotFoundError:
            return None
        return shapes.sha(data, "object", "sha")

    async def _point(self, repository: RepositoryRef, branch: str, commit_sha: str) -> bool:
        """Make the branch end at the commit; False if a person has committed to it."""
        current = await self._head(repository, branch)
        if current is None:
            body: Json = {"ref": f"refs/heads/{branch}", "sha": commit_sha}
            try:
                await self._client.write("POST", repository, "/git/refs", body)
            except GitHubRefusedError as exc:
                current = await self._head(repository, branch)
                if exc.data.get("refusal") != "invalid" or current is None:
                    raise
            else:
                return True
        if current == commit_sha:
            return True
        if not await self._commits.is_ours(repository, current):
            return False
        await self._client.write(
            "PATCH",
            repository,
            f"/git/refs/heads/{_quoted(branch)}",
            {"sha": commit_sha, "force": True},
            repeatable=True,
        )
        return True

    async def _known(self, repository: RepositoryRef, branch: str) -> list[Json]:
        """Return the pull requests from this branch of this repository, open or not."""
        owner = repository.full_name.partition("/")[0]
        found: list[Json] = []
        async for item in self._client.pages(
            repository, "/pulls", head=f"{owner}:{branch}", state="all"
        ):
            # GitHub ignores a filter it does not understand; a fork may have the same branch.
            here = shapes.field(item, "base", "repo", "id")
            there = shapes.field(item, "head", "repo", "id")
            if shapes.field(item, "head", "ref") == branch and here is not None and here == there:
                found.append(item)
        return found

    async def _open(self, repository: RepositoryRef, pull: FixPullRequest) -> Json:
        body = {**_texts(pull), "head": pull.branch}
        try:
            return await self._client.write("POST", repository, "/pulls", body)
        except GitHubRefusedError as exc:
            if exc.data.get("refusal") != "invalid":
                raise
            for item in await self._known(repository, pull.branch):
                if item.get("state") == "open":
                    return await self._update(repository, pull, item)
            raise

    async def _update(self, repository: RepositoryRef, pull: FixPullRequest, item: Json) -> Json:
        shown = {
            "title": item.get("title"),
            "body": str(item.get("body") or "").replace("\r\n", "\n"),
            "base": shapes.field(item, "base", "ref"),
        }
        wanted = _texts(pull)
        if shown == wanted:
            return item
        path = f"/pulls/{shapes.number(item, 'number')}"
        return await self._client.write("PATCH", repository, path, dict(wanted), repeatable=True)


def _texts(pull: FixPullRequest) -> dict[str, str]:
    return {
        "title": shorten(clean(pull.title), TITLE_LIMIT),
        "body": shorten(clean(pull.body).replace("\r\n", "\n"), BODY_LIMIT),
        "base": pull.base_branch,
    }


def _check(pull: FixPullRequest) -> None:
    """Refuse what must never be asked: the branch is written with force."""
    ours = pull.branch.startswith(BRANCH_PREFIX) and is_ref(pull.branch)
    if not ours or pull.branch == pull.base_branch:
        raise GitHubRefusedError("The branch is not Kova's own.", refusal="not_allowed")
    if not is_ref(pull.base_branch) or not is_sha(pull.base_sha) or not pull.files:
        raise GitHubRefusedError("The pull request is not complete.", refusal="not_allowed")


def _quoted(branch: str) -> str:
    return quote(branch, safe="/")
