"""What only the pages need, put together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from kova.adapters.postgres.summary import PostgresSummaryStore
from kova.bootstrap.core import Core, now

if TYPE_CHECKING:
    from kova.adapters.postgres.saved_views import PostgresSavedViewStore
    from kova.analysis.rule import Rule


class PagesRoot:
    """Implements web.services.PageServices."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @cached_property
    def summaries(self) -> PostgresSummaryStore:
        """Figures about errors, fixes and money."""
        return PostgresSummaryStore(self._core.database)

    @cached_property
    def saved_views(self) -> PostgresSavedViewStore:
        """The filters that people have named."""
        from kova.adapters.postgres.saved_views import PostgresSavedViewStore

        return PostgresSavedViewStore(self._core.database)

    @cached_property
    def catalogue(self) -> Mapping[str, Mapping[str, Rule]]:
        """The rules of each analyser, by the names of both."""
        # Only pages about rules and errors pay for the tables.
        from kova.adapters.analyzers.registry import ANALYZERS

        return {analyzer.name: analyzer.catalogue for analyzer in ANALYZERS}

    @cached_property
    def github_web(self) -> str:
        """The address of GitHub's pages."""
        from kova.setup.manifest import web_address_of

        settings = self._core.settings
        address = settings.setup.github_web_url or web_address_of(settings.github_api_url)
        return address.rstrip("/")

    @property
    def can_ask(self) -> bool:
        """True where a model's key is set."""
        ai = self._core.settings.ai
        return bool(ai.openai_api_key or ai.anthropic_api_key)

    @staticmethod
    def now() -> datetime:
        """Return the present moment."""
        return now()
