"""Check runs and pull requests in memory, over the branches of a MemoryCodeSource."""

from __future__ import annotations

from kova.fixes.publisher import CheckRun, FixPullRequest
from kova.shared.code_source import CodeSource
from kova.shared.exceptions import KovaError
from kova.shared.repository import RepositoryRef


class MemoryPublisher:
    """Implements fixes.ports.Publisher.

    Attributes:
        failure: raised by every method while it is set, as in an outage.
        check_runs: what is shown, by repository, commit and external id.
        pull_requests: what is offered, by repository and branch.
    """

    def __init__(self, source: CodeSource) -> None:
        self._source = source
        self.failure: KovaError | None = None
        self.check_runs: dict[tuple[str, str, str], CheckRun] = {}
        self.pull_requests: dict[tuple[str, str], FixPullRequest] = {}

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
        self.pull_requests[key] = pull
        number = list(self.pull_requests).index(key) + 1
        return f"https://github.example/{repository_ref.full_name}/pull/{number}"
