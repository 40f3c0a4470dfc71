"""What became of messages, put together for the API: without the chats."""

from __future__ import annotations

from functools import cached_property

from kova.adapters.postgres.notices import PostgresNoticeStore
from kova.bootstrap.core import Core


class NoticeListRoot:
    """Implements web.services.NoticeServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def notices(self) -> PostgresNoticeStore:
        """Notices and their messages."""
        return PostgresNoticeStore(self._core.database)
