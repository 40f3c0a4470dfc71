"""Saved views in memory."""

from __future__ import annotations

import uuid

from kova.errors.saved_view import MOST_VIEWS, SavedView, TooManyViewsError


class MemorySavedViewStore:
    """Implements errors.ports.SavedViewStore."""

    def __init__(self) -> None:
        self._views: dict[tuple[str, str], SavedView] = {}

    async def list(self, actor: str) -> list[SavedView]:
        """All of a person, by name."""
        own = [view for (owner, _), view in self._views.items() if owner == actor]
        return sorted(own, key=lambda view: view.name.encode())

    async def save(self, actor: str, name: str, filters: dict[str, str]) -> SavedView:
        """Save, or replace the one of that name."""
        existing = self._views.get((actor, name))
        if existing is None and len(await self.list(actor)) >= MOST_VIEWS:
            raise TooManyViewsError
        identifier = existing.id if existing else str(uuid.uuid4())
        view = SavedView(id=identifier, name=name, filters=dict(filters))
        self._views[actor, name] = view
        return view

    async def delete(self, actor: str, view_id: str) -> bool:
        """Delete a person's own."""
        for (owner, name), view in self._views.items():
            if (owner, view.id) == (actor, view_id):
                del self._views[owner, name]
                return True
        return False
