"""Pull requests of proved fixes: one per branch, and only branches of Kova's own.

https://docs.github.com/rest/pulls/pulls
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kova.adapters.github import shapes
from kova.adapters.github.branches import FixBranches
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.commits import FixCommits
from kova.adapters.github.shapes import Json
from kova.fixes.publisher import FixPullRequest, OfferedPull, PullState, pull_number
from kova.shared.exceptions import GitHubRefusedError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef, is_ref, is_sha
from kova.shared.text import clean, shorten

BRANCH_PREFIX: Final = "kova/"
TITLE_LIMIT: Final = 255
BODY_LIMIT: Final = 65_000
# Written by the very call that closes, so that no interruption comes between.
_WITHDRAWN: Final = "<!-- kova:withdrawn -->"


class PullRequests:
    """Publishes pull requests."""

    def __init__(self, client: GitHubClient, commits: FixCommits) -> None:
        self._client = client
        self._commits = commits
        self._branches = FixBranches(client, commits)

    async def publish(self, repository: RepositoryRef, pull: FixPullRequest) -> str | None:
        """Create or update the branch and its pull request; return the page's address."""
        _check(pull)
        base = await self._branches.head(repository, pull.base_branch)
        if base is None:
            await self._client.get(repository, "")  # raises if it is the repository that is gone
        if base != pull.base_sha:
            return None
        current = await self._branches.head(repository, pull.branch)
        stays = current is not None and await self._commits.still_applies(repository, pull, current)
        commit_sha = current if stays else None
        commit_sha = commit_sha or await self._commits.create(repository, pull)
        pulls = await self._list_pulls(repository, pull.branch)
        await self._check_declined(repository, pull, pulls, commit_sha)
        is_merged = any(
            existing.get("merged_at") is not None
            and shapes.field(existing, "head", "sha") == commit_sha
            for existing in pulls
        )
        if is_merged and await self._branches.head(repository, pull.base_branch) != pull.base_sha:
            # A moment ago. Where the base is as before, it was set back to before the merge.
            return None
        opened = next((existing for existing in pulls if existing.get("state") == "open"), None)
        if opened is not None and stays and _is_for(opened, pull):
            return shapes.page_url(opened)
        if not await self._branches.move(repository, pull.branch, commit_sha):
            raise GitHubRefusedError(
                "The branch holds commits of somebody else.",
                refusal="branch_taken",
                url=shapes.page_url(opened) if opened else None,
            )
        if opened is None:
            return shapes.page_url(await self._open(repository, pull))
        return shapes.page_url(await self._update(repository, pull, opened))

    async def find(self, repository: RepositoryRef, url: str) -> OfferedPull | None:
        """Return a pull request from a branch of Kova's own by its page."""
        number = pull_number(url)
        if number is None:
            return None
        try:
            pull = await self._client.get(repository, f"/pulls/{number}")
        except RepositoryNotFoundError:
            await self._client.get(repository, "")  # Raises if it is the repository that is gone.
            return None
        branch = shapes.text(pull, "head", "ref")
        here = shapes.field(pull, "base", "repo", "id")
        is_ours = here is not None and here == shapes.field(pull, "head", "repo", "id")
        if not branch.startswith(BRANCH_PREFIX) or not is_ours:
            return None
        state = PullState.OPEN if pull.get("state") == "open" else PullState.CLOSED
        if pull.get("merged_at") is not None:
            state = PullState.MERGED
        body = clean(str(pull.get("body") or ""))
        return OfferedPull(
            url=url,
            state=state,
            branch=branch,
            base_branch=shapes.text(pull, "base", "ref"),
            head_sha=shapes.text(pull, "head", "sha"),
            body=body,
            is_withdrawn=_WITHDRAWN in body,
        )

    async def withdraw(self, repository: RepositoryRef, pull: OfferedPull, comment: str) -> None:
        """Close a pull request, say why, and delete its branch; of a closed one, the rest.

        Closed first, and marked by the same call: what is interrupted after that is no decision
        of a person, and is ended by the next call, which leaves no second comment behind.
        """
        number, text = pull_number(pull.url), clean(comment)
        if number is None:
            return
        is_told = False
        if pull.state is PullState.OPEN:
            marked = f"{shorten(pull.body, BODY_LIMIT)}\n\n{_WITHDRAWN}"
            body: Json = {"state": "closed", "body": marked}
            await self._client.write("PATCH", repository, f"/pulls/{number}", body, repeatable=True)
        else:
            is_told = await self._has_comment(repository, number, text)
        if not is_told:
            path = f"/issues/{number}/comments"
            await self._client.write("POST", repository, path, {"body": text})
        await self.delete_branch(repository, pull)

    async def forget_withdrawal(self, repository: RepositoryRef, pull: OfferedPull) -> None:
        """Take the mark off: who closes it next is a person."""
        number = pull_number(pull.url)
        if number is not None and _WITHDRAWN in pull.body:
            body: Json = {"body": pull.body.replace(_WITHDRAWN, "").rstrip()}
            path = f"/pulls/{number}"
            await self._client.write("PATCH", repository, path, body, repeatable=True)

    async def delete_branch(self, repository: RepositoryRef, pull: OfferedPull) -> None:
        """Delete a closed pull request's branch, unless others go on with it, or it is gone."""
        branch = pull.branch
        if not branch.startswith(BRANCH_PREFIX) or not is_ref(branch):
            return
        head = await self._branches.head(repository, branch)
        if head is None or head != pull.head_sha:
            return
        if not await self._commits.is_ours(repository, head):
            return
        number = pull_number(pull.url)
        for other in await self._list_pulls(repository, branch):
            if other.get("state") == "open" and other.get("number") != number:
                return
        try:
            await self._branches.delete(repository, branch, head)
        except GitHubRefusedError:
            if await self._branches.head(repository, branch) == head:
                raise
            # Somebody went on with it, or deleted it, a moment ago.

    async def _has_comment(self, repository: RepositoryRef, number: int, text: str) -> bool:
        comments = self._client.pages(repository, f"/issues/{number}/comments")
        return any([comment.get("body") == text async for comment in comments])

    async def _check_declined(
        self,
        repository: RepositoryRef,
        pull: FixPullRequest,
        pulls: Sequence[Json],
        commit_sha: str,
    ) -> None:
        """Refuse a change that people have closed, though nobody has recorded it yet.

        Raises:
            GitHubRefusedError: `refusal` is `declined`.
        """
        if not pulls:
            return
        newest = max(pulls, key=lambda existing: shapes.number(existing, "number"))
        for existing in pulls:
            if not _is_closed_by_people(existing):
                continue
            number, head_sha = (
                shapes.number(existing, "number"),
                shapes.sha(existing, "head", "sha"),
            )
            paths = frozenset[str]()
            if number in pull.followed | pull.withdrawn:
                pass
            elif head_sha == commit_sha:
                paths = frozenset(pull.files)
            elif existing is newest:
                # Who opened it died before it wrote that down: no other one would come after it.
                paths = await self._commits.same_paths(repository, pull, head_sha)
            if paths or number in pull.followed:
                raise GitHubRefusedError(
                    "People have closed this change.",
                    refusal="declined",
                    url=shapes.page_url(existing),
                    paths=paths,
                )

    async def _list_pulls(self, repository: RepositoryRef, branch: str) -> list[Json]:
        """Return the pull requests from this branch of this repository, open or not."""
        owner = repository.full_name.partition("/")[0]
        pulls: list[Json] = []
        async for existing in self._client.pages(
            repository, "/pulls", head=f"{owner}:{branch}", state="all"
        ):
            # GitHub ignores a filter it does not understand; a fork may have the same branch.
            here = shapes.field(existing, "base", "repo", "id")
            head_id = shapes.field(existing, "head", "repo", "id")
            if (
                shapes.field(existing, "head", "ref") == branch
                and here is not None
                and here == head_id
            ):
                pulls.append(existing)
        return pulls

    async def _open(self, repository: RepositoryRef, pull: FixPullRequest) -> Json:
        body = {**_texts(pull), "head": pull.branch}
        try:
            return await self._client.write("POST", repository, "/pulls", body)
        except GitHubRefusedError as exc:
            if exc.data.get("refusal") != "invalid":
                raise
            for existing in await self._list_pulls(repository, pull.branch):
                if existing.get("state") == "open":
                    return await self._update(repository, pull, existing)
            raise

    async def _update(
        self, repository: RepositoryRef, pull: FixPullRequest, existing: Json
    ) -> Json:
        shown = {
            "title": existing.get("title"),
            "body": str(existing.get("body") or "").replace("\r\n", "\n"),
            "base": shapes.field(existing, "base", "ref"),
        }
        texts = _texts(pull)
        if shown == texts:
            return existing
        path = f"/pulls/{shapes.number(existing, 'number')}"
        return await self._client.write("PATCH", repository, path, dict(texts), repeatable=True)


def _is_closed_by_people(existing: Json) -> bool:
    is_withdrawn = _WITHDRAWN in str(existing.get("body") or "")
    is_closed = existing.get("state") == "closed" and existing.get("merged_at") is None
    return is_closed and not is_withdrawn


def _is_for(existing: Json, pull: FixPullRequest) -> bool:
    """True for an open pull request with the right title and base: its body may tell of more.

    But not that Kova closed it.
    """
    if _WITHDRAWN in str(existing.get("body") or ""):
        return False
    shown = existing.get("title"), shapes.field(existing, "base", "ref")
    texts = _texts(pull)
    return shown == (texts["title"], texts["base"])


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
