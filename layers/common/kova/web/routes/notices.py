"""What people were told, and what could not be told."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from kova.access.api_key import Scope
from kova.web.dependencies import Notices, PageQuery, encode_cursor, needs
from kova.web.responses import READS
from kova.web.schemas.base import ListOf
from kova.web.schemas.notices import NoticeView

router = APIRouter(tags=["notices"])


@router.get("/api/notices", responses=READS, dependencies=[Depends(needs(Scope.ADMIN))])
async def list_notices(notices: Notices, page: PageQuery) -> ListOf[NoticeView]:
    """List the messages to chats, newest first, with what became of them and why."""
    messages = await notices.notices.page(page)
    return ListOf(
        items=[NoticeView.of(record) for record in messages.items],
        next_cursor=encode_cursor(messages.next),
    )
