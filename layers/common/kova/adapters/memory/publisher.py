"""Check runs and pull requests in memory, over the branches of a MemoryCodeSource."""

from __future__ import annotations

from kova.fixes.publisher import CheckRun, FixPullRequest, OfferedPull, PullState, pull_number
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import GitHubRefusedError, KovaError
from kova.shared.repository import RepositoryRef


class MemoryPublisher:
    """Implements fixes.ports.Publisher.

    Attributes:
        failure: raised by every method while it is set, as in an outage.
        check_runs: what is shown, by repository, commit and external id.
        pull_requests: what is offered, by repository and branch.
        states: what became of pull requests, by address; open where nothing is said.
        comments: what was written on pull requests, by address.
        taken: the branches that people have committed to.
    """

    def __init__(self, source: CodeSource) -> None:
        self._source = source
        self.failure: KovaError | None = None
        self.check_runs: dict[tuple[str, str, str], CheckRun] = {}
        self.pull_requests: dict[tuple[str, str], FixPullRequest] = {}
        self.states: dict[str, PullState] = {}
        self.comments: dict[str, list[str]] = {}
        self.deleted_branches: list[str] = []
        self.taken: set[str] = set()
        self._urls: dict[str, tuple[str, str]] = {}
        self._base_branches: dict[str, str] = {}
        self._withdrawn: set[str] = set()
        self._contents: dict[str, dict[str, bytes]] = {}

    async def check_run(self, repository_ref: RepositoryRef, check_run: CheckRun) -> str | None:
        """Create or update the one check run with this external id; return its page's address."""
        if self.failure is not None:
            raise self.failure
        name = repository_ref.full_name
        key = (name, check_run.commit_sha, check_run.external_id)
        self.check_runs[key] = check_run
        return f"https://github.example/{name}/runs/{list(self.check_runs).index(key) + 1}"

    async def pull_request(self, repository_ref: RepositoryRef, pull: FixPullRequest) -> str | None:
        """Create or update the one pull request of this branch; return its page's address.

        None, and nothing is touched, when the base branch is no longer at `base_sha`.
        """
        if self.failure is not None:
            raise self.failure
        head = await self._source.resolve(repository_ref, f"refs/heads/{pull.base_branch}")
        if head != pull.base_sha:
            return None
        key = (repository_ref.full_name, pull.branch)
        if pull.branch in self.taken:
            raise GitHubRefusedError(refusal="branch_taken", url=self._open_page_of(key))
        self._check_declined(key, pull)
        self._contents[self._address_of(key)] = pull.files
        self.pull_requests[key] = pull
        url = self._address_of(key)
        self._base_branches[url] = pull.base_branch
        return url

    async def find_pull(self, repository_ref: RepositoryRef, url: str) -> OfferedPull | None:
        """Return a pull request by its page; None where there is none."""
        if self.failure is not None:
            raise self.failure
        key = self._urls.get(url)
        if key is None or key[0] != repository_ref.full_name:
            return None
        return OfferedPull(
            url=url,
            state=self.states.get(url, PullState.OPEN),
            branch=key[1],
            base_branch=self._base_branches[url],
            is_withdrawn=url in self._withdrawn,
        )

    async def withdraw(
        self, repository_ref: RepositoryRef, pull: OfferedPull, comment: str
    ) -> None:
        """Close an open pull request with a comment, and delete its branch."""
        if self.failure is not None:
            raise self.failure
        self.states[pull.url] = PullState.CLOSED
        self.comments.setdefault(pull.url, []).append(comment)
        self._withdrawn.add(pull.url)
        await self.delete_branch(repository_ref, pull)

    async def forget_withdrawal(self, repository_ref: RepositoryRef, pull: OfferedPull) -> None:
        """Note that people have opened a withdrawn pull request again."""
        del repository_ref
        self._withdrawn.discard(pull.url)

    async def delete_branch(self, repository_ref: RepositoryRef, pull: OfferedPull) -> None:
        """Delete a branch."""
        del repository_ref
        self.deleted_branches.append(pull.branch)

    def _check_declined(self, key: tuple[str, str], pull: FixPullRequest) -> None:
        """Refuse a change that people have closed."""
        pages = [url for url, known_key in self._urls.items() if known_key == key]
        for url in pages:
            if self.states.get(url) is not PullState.CLOSED or url in self._withdrawn:
                continue
            content = self._contents[url] if url == pages[-1] else {}
            same = {path for path in pull.files if pull.files[path] == content.get(path)}
            number = pull_number(url)
            is_known = number in pull.followed | pull.withdrawn
            paths = frozenset() if is_known else frozenset(same)
            if paths or number in pull.followed:
                raise GitHubRefusedError(refusal="declined", url=url, paths=paths)

    def _address_of(self, key: tuple[str, str]) -> str:
        """Return the page of the branch's open pull request, or of a new one."""
        existing = self._open_page_of(key)
        if existing is not None:
            return existing
        url = f"https://github.example/{key[0]}/pull/{len(self._urls) + 1}"
        self._urls[url] = key
        return url

    def _open_page_of(self, key: tuple[str, str]) -> str | None:
        for url, known_key in self._urls.items():
            if known_key == key and self.states.get(url, PullState.OPEN) is PullState.OPEN:
                return url
        return None
