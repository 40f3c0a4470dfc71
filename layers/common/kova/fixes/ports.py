"""What fixing needs from outside: the store of fixes, the queue, GitHub for publishing, parsers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from kova.fixes.fix import Fix, FixStatus, ProvedFix
    from kova.fixes.outline import Outline
    from kova.fixes.publisher import CheckRun, FixPullRequest, OfferedPull
    from kova.shared.page import Page, PageRequest
    from kova.shared.reach import Reach
    from kova.shared.repository import RepositoryRef


class FixStore(Protocol):
    """Fixes and their proofs."""

    async def save(
        self,
        scan_id: str,
        fixes: Sequence[ProvedFix],
        error_ids: dict[str, str],
        *,
        generation: int | None = None,
    ) -> bool:
        """Record the outcome of each fix, one row an error; costs add up.

        The latest outcome replaces the one before, unless people saw that on GitHub. False, and
        nothing is recorded, where the errors are no longer those of the generation.
        """

    async def mark_published(self, error_ids: Sequence[str], url: str) -> None:
        """Record the pull request that offers the fixes of these errors."""

    async def offered(self, repository_id: str) -> Mapping[str, Mapping[str, bool]]:
        """Return the published fixes' errors by pull request: whether each is still open.

        A pull request is known by its number; the page is the last one under which it was seen,
        since its repository may have had names.
        """

    async def settle(
        self,
        repository_id: str,
        url: str,
        status: FixStatus,
        *,
        declined: bool = False,
        keep: Collection[str] = (),
    ) -> None:
        """Record what became of a pull request's published fixes.

        One that is merged after all is merged, though it was seen closed before.

        Args:
            repository_id: whose pull request it is.
            url: its page, under any name of the repository.
            status: merged or closed.
            declined: people do not want the change; it is not offered again.
            keep: ids of errors whose fixes stay published.
        """

    async def reopen(self, repository_id: str, url: str) -> None:
        """Record that people opened a closed pull request again: its fixes are published."""

    async def page_of(self, repository_id: str, number: int) -> str | None:
        """Return the page under which a pull request was recorded last, None where it was not."""

    async def publishable(self, repository_id: str, limit: int) -> Sequence[Fix]:
        """Return proved fixes of open errors in no pull request, the worst errors first."""

    async def withdrawn(self, repository_id: str) -> frozenset[str]:
        """Return pages of pull requests that Kova closed itself: their fixes may be offered."""

    async def declined(self, repository_id: str) -> frozenset[str]:
        """Return the ids of the errors whose fix people do not want."""

    async def get(self, fix_id: str, reach: Reach) -> Fix | None:
        """Return a fix by id; None outside of the reach."""

    async def page(
        self, request: PageRequest, full_name: str | None, status: FixStatus | None, reach: Reach
    ) -> Page[Fix]:
        """List those in the reach, newest first."""


class PullLeases(Protocol):
    """Who may change the pull requests with a repository's fixes, and read what became of them."""

    async def take(self, repository_id: str, lease: timedelta) -> str | None:
        """Return the token of a new lease; None while somebody else has one."""

    async def renew(self, repository_id: str, token: str, lease: timedelta) -> bool:
        """Renew a lease; False where somebody else has it, or it was given up."""

    async def release(self, repository_id: str, token: str) -> None:
        """Give a lease up; nothing where it was lost."""


class FixQueue(Protocol):
    """The queue of fixes to publish."""

    def send_fix(self, fix_id: str) -> None:
        """Accept a fix durably.

        Raises:
            QueueUnavailableError: it was not accepted.
        """


class Publisher(Protocol):
    """Publishes idempotently: repeating a call after a crash changes nothing more.

    Errors are those of CodeSource.
    """

    async def check_run(self, repository_ref: RepositoryRef, check_run: CheckRun) -> str | None:
        """Create or update the one check run with this external id; return its page's address.

        Where checks are not allowed (a personal token), a commit status says the same in short.
        """

    async def pull_request(self, repository_ref: RepositoryRef, pull: FixPullRequest) -> str | None:
        """Create or update the one pull request of this branch; return its page's address.

        Returns None, and touches nothing, when the base branch is no longer at `base_sha`: the
        scan of the newer commit will publish.

        Raises:
            GitHubRefusedError: `refusal` is `branch_taken` where people have committed to the
                branch; `url` is its open pull request, if there is one. It is `declined` where
                people have closed a pull request of the branch: the one at `url`, which is
                followed, or whose change of the files `paths` is the very one of this.
        """

    async def find_pull(self, repository_ref: RepositoryRef, url: str) -> OfferedPull | None:
        """Return a pull request by its page; None where it is none of Kova's, or gone."""

    async def withdraw(
        self, repository_ref: RepositoryRef, pull: OfferedPull, comment: str
    ) -> None:
        """Close an open pull request with a comment, and delete its branch.

        From the moment when it is closed it `is_withdrawn`. Of one that is, what an interruption
        left undone is done.
        """

    async def forget_withdrawal(self, repository_ref: RepositoryRef, pull: OfferedPull) -> None:
        """Note that people have opened a withdrawn pull request again: they close it next."""

    async def delete_branch(self, repository_ref: RepositoryRef, pull: OfferedPull) -> None:
        """Delete the branch of a pull request that is closed.

        It stays where it has gone on since, where a person has committed to it, and where
        another pull request is open on it.
        """


class SyntaxReader(Protocol):
    """Reads files of one language."""

    def handles(self, path: str) -> bool:
        """Tell whether this reader knows the file's language."""

    def outlines(self, files: Sequence[tuple[str, str]]) -> Sequence[Outline | None]:
        """Return the outline of each text, given with its path, in order.

        None where a text does not parse, or would take its reader more than there is.
        """
