"""Watched repositories."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.notifications.quiet_hours import parse_quiet_hours
from kova.shared.exceptions import ConflictError, InvalidInputError, NotFoundError
from kova.shared.repository import RepositoryChange
from kova.web.dependencies import PageQuery, Scans, encode_cursor
from kova.web.keyed_route import KeyedRouter, KeyNeeded
from kova.web.responses import READS, WRITES, problems
from kova.web.schemas.base import ListOf
from kova.web.schemas.repositories import RepositorySettings, RepositoryView, dollars

router = KeyedRouter(tags=["repositories"])
Owner = Annotated[str, Path(max_length=64, examples=["octo"])]
Reader = Annotated[Subject, Depends(KeyNeeded(Scope.READ))]
Name = Annotated[str, Path(max_length=100, examples=["sample"])]


@router.get("/api/repositories", responses=READS)
async def list_repositories(
    scans: Scans, page: PageQuery, reader: Reader
) -> ListOf[RepositoryView]:
    """List repositories with their open errors by severity."""
    repositories_page = await scans.stores.repositories.page(page, reader.reach)
    return ListOf(
        items=[RepositoryView.of(repository) for repository in repositories_page.items],
        next_cursor=encode_cursor(repositories_page.next),
    )


@router.get("/api/repositories/{owner}/{name}", responses=READS | problems(404))
async def get_repository(owner: Owner, name: Name, scans: Scans, reader: Reader) -> RepositoryView:
    """Show one repository."""
    repository = await scans.stores.repositories.get(f"{owner}/{name}", reader.reach)
    if repository is None:
        raise NotFoundError("There is no such repository.")
    return RepositoryView.of(repository)


@router.patch("/api/repositories/{owner}/{name}", responses=WRITES | problems(404, 409))
async def change_repository(
    owner: Owner,
    name: Name,
    body: RepositorySettings,
    scans: Scans,
    admin: Annotated[Subject, Depends(KeyNeeded(Scope.ADMIN))],
) -> RepositoryView:
    """Change a repository's settings; what is left out stays as it is.

    A time zone that this Kova does not know is a conflict.
    """
    if body.quiet_hours not in {None, "off"}:
        _check_hours(body.quiet_hours or "")
    change = RepositoryChange(
        named=frozenset(body.model_fields_set),
        auto_fix=body.auto_fix,
        fail_on=body.fail_on,
        monthly_budget_usd=dollars(body.monthly_budget_usd),
        slack_channel=body.slack_channel,
        notify_severity=body.notify_severity,
        quiet_hours=body.quiet_hours,
    )
    repository = await scans.stores.repositories.change(
        f"{owner}/{name}", change, admin.actor, admin.reach
    )
    if repository is None:
        raise NotFoundError("There is no such repository.")
    return RepositoryView.of(repository)


def _check_hours(text: str) -> None:
    try:
        parse_quiet_hours(text)
    except InvalidInputError as exc:
        raise ConflictError(exc.message, field="quiet_hours") from exc
