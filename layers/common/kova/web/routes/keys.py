"""API keys, what they cost, and who did what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Response

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.models.usage import MONTH_PATTERN, first_day, month_of
from kova.shared.reach import reach_of
from kova.web.dependencies import Access, PageQuery, Usage, encode_cursor, require_everything
from kova.web.keyed_route import KeyedRouter, KeyNeeded, KeyNeededOnce
from kova.web.responses import READS, WRITES, problems
from kova.web.schemas.base import ListOf
from kova.web.schemas.keys import AuditView, KeyRequest, KeyView, NewKeyView, UsageView
from kova.web.schemas.repositories import dollars

router = KeyedRouter(tags=["keys"])
Admin = Annotated[Subject, Depends(KeyNeeded(Scope.ADMIN))]
Reader = Annotated[Subject, Depends(KeyNeeded(Scope.READ))]


@router.post("/api/keys", status_code=201, responses=WRITES)
async def create_key(
    body: KeyRequest,
    access: Access,
    response: Response,
    admin: Annotated[Subject, Depends(KeyNeededOnce(Scope.ADMIN))],
) -> NewKeyView:
    """Create a key; its text can be seen in this answer only.

    Keys and the audit log are about all repositories: a key that is restricted to some has no part
    in them.
    """
    require_everything(admin)
    created = await access.manage_keys.create(
        actor=admin.actor,
        name=body.name,
        scopes=frozenset(body.scopes),
        expires_at=body.expires_at,
        monthly_budget_usd=dollars(body.monthly_budget_usd),
        reach=reach_of(body.repositories),
    )
    response.headers["Location"] = f"/api/keys/{created.key.prefix}"
    return NewKeyView.made(created.key, created.plaintext)


@router.get("/api/keys", responses=READS)
async def list_keys(access: Access, page: PageQuery, admin: Admin) -> ListOf[KeyView]:
    """List keys, newest first, without their secrets."""
    require_everything(admin)
    keys_page = await access.manage_keys.page(page)
    return ListOf(
        items=[KeyView.of(key) for key in keys_page.items],
        next_cursor=encode_cursor(keys_page.next),
    )


@router.delete("/api/keys/{prefix}", responses=READS | problems(404, 409))
async def revoke_key(
    prefix: Annotated[str, Path(max_length=64)], access: Access, admin: Admin
) -> KeyView:
    """Revoke a key."""
    require_everything(admin)
    return KeyView.of(await access.manage_keys.revoke(actor=admin.actor, prefix=prefix))


@router.get("/api/audit", responses=READS)
async def list_audit(access: Access, page: PageQuery, admin: Admin) -> ListOf[AuditView]:
    """List who changed what, newest first."""
    require_everything(admin)
    audit_page = await access.audit.page(page)
    return ListOf(
        items=[AuditView.of(record) for record in audit_page.items],
        next_cursor=encode_cursor(audit_page.next),
    )


@router.get("/api/usage", responses=READS)
async def get_usage(
    usage: Usage,
    reader: Reader,
    month: Annotated[
        str | None, Query(pattern=MONTH_PATTERN, description="YYYY-MM; this month if left out.")
    ] = None,
) -> UsageView:
    """Sum a month's AI commands by key and repository, beside the budgets.

    A key that is restricted to some repositories sees their sums and its own, and no other key.
    """
    day = first_day(month or month_of(datetime.now(UTC)))
    return UsageView.of(
        await usage.usage.month(day, usage.monthly_budget_usd, reader.reach, reader.key_id)
    )
