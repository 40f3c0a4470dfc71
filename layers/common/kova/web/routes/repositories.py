"""Watched repositories."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from kova.domain.api_key import Scope
from kova.web.dependencies import PageQuery, Services, encode_cursor, needs
from kova.web.schemas import ListOf, RepositoryView

router = APIRouter(tags=["repositories"], dependencies=[Depends(needs(Scope.READ))])


@router.get("/api/repositories")
async def list_repositories(services: Services, page: PageQuery) -> ListOf[RepositoryView]:
    """List repositories with their open errors by severity."""
    found = await services.stores.repositories.page(page)
    return ListOf(
        items=[RepositoryView.of(one) for one in found.items],
        next_cursor=encode_cursor(found.next),
    )
