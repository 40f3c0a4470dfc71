"""Whether Kova works for a repository, by the name that GitHub has for it now."""

from __future__ import annotations

from collections.abc import Callable

from kova.shared.code_source import CodeSource
from kova.shared.exceptions import OwnerNotAllowedError
from kova.shared.owners import Owners
from kova.shared.repository import RepositoryRef


async def require_allowed_owner(
    owners: Owners, source: Callable[[], CodeSource], repository_ref: RepositoryRef
) -> None:
    """Check a repository's owner, its name here and, where owners are restricted, GitHub's.

    A repository that was transferred answers to its old name, too.

    Args:
        owners: those that Kova works for.
        source: returns what asks GitHub; not called where every owner is allowed.
        repository_ref: the repository as it is known here.

    Raises:
        OwnerNotAllowedError: Kova does not work for its owner.
        RepositoryNotFoundError: GitHub does not show it to us.
        UnavailableError: GitHub does not answer.
    """
    if owners.is_everybody:
        return
    if not owners.allow(repository_ref.full_name):
        raise OwnerNotAllowedError
    info = await source().repository(repository_ref)
    if not owners.allow(info.full_name):
        raise OwnerNotAllowedError
