"""What people were told, and what could not be told."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.web.dependencies import Notices, PageQuery, encode_cursor, require_everything
from kova.web.keyed_route import KeyedRouter, KeyNeeded
from kova.web.responses import READS
from kova.web.schemas.base import ListOf
from kova.web.schemas.notices import NoticeView

router = KeyedRouter(tags=["notices"])


@router.get("/api/notices", responses=READS)
async def list_notices(
    notices: Notices, page: PageQuery, admin: Annotated[Subject, Depends(KeyNeeded(Scope.ADMIN))]
) -> ListOf[NoticeView]:
    """List the messages to chats, newest first, with what became of them and why."""
    require_everything(admin)
    messages = await notices.notices.page(page)
    return ListOf(
        items=[NoticeView.of(record) for record in messages.items],
        next_cursor=encode_cursor(messages.next),
    )
