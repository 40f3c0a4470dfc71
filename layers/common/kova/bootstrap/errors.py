"""The life of errors, put together."""

from __future__ import annotations

from functools import cached_property

from kova.adapters.postgres.errors import PostgresErrorStore
from kova.bootstrap.core import Core, now
from kova.errors.change_error import ChangeError


class ErrorRoot:
    """Implements web.services.ErrorServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def errors(self) -> PostgresErrorStore:
        """Errors and their life."""
        return PostgresErrorStore(self._core.database)

    @cached_property
    def change_error(self) -> ChangeError:
        """Ignoring errors and opening them again."""
        return ChangeError(errors=self.errors, now=now)
