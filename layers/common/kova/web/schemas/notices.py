"""The JSON of messages about notices."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from kova.notifications.notice import MessageRecord, MessageStatus, NoticeKind
from kova.web.schemas.base import View


class NoticeView(View):
    """A message to a chat: what it is about, and what became of it."""

    id: str
    channel: str
    kind: NoticeKind | None
    repository: str | None
    notices: int
    status: MessageStatus
    attempts: int
    reason: str | None
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, record: MessageRecord) -> Self:
        """Show a message."""
        return cls.model_validate(record.__dict__)
