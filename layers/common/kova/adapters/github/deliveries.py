"""GitHub's lists of the webhooks that it sent: the App's, or those of repositories and owners.

https://docs.github.com/rest/apps/webhooks
https://docs.github.com/rest/repos/webhooks
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from kova.adapters.github import shapes
from kova.adapters.github.auth import AppTokens, FixedToken
from kova.adapters.github.transport import Transport
from kova.intake.ports import DeliveryLog
from kova.intake.sent_delivery import SentDelivery
from kova.shared.exceptions import (
    GitHubRefusedError,
    GitHubUnavailableError,
    RepositoryNotFoundError,
)
from kova.shared.repository import check_full_name

_ANSWER_LIMIT: Final = 2_000_000
_PER_PAGE: Final = "100"
_APP: Final = "app/hook"
_WEBHOOK_PATH: Final = "webhooks/github"


class _HookPages:
    """What both kinds of webhooks have in common: their paths differ alone."""

    def __init__(
        self, *, base_url: str, authorize: Callable[[], str], http: httpx.AsyncClient
    ) -> None:
        self._transport = Transport(base_url=base_url, http=http)
        self._authorize = authorize

    async def pages(self, source: str) -> AsyncIterator[Sequence[SentDelivery]]:
        """Yield the attempts, the newest first."""
        path: str | None = f"/{source}/deliveries"
        params: dict[str, str] | None = {"per_page": _PER_PAGE}
        while path is not None:
            reply = await self._transport.json(
                "GET",
                path,
                authorization=self._authorize(),
                params=params,
                limit=_ANSWER_LIMIT,
            )
            yield [_sent_delivery(row) for row in shapes.objects(reply.data)]
            path, params = reply.next_url, None

    async def redeliver(self, source: str, delivery_id: int) -> None:
        """Ask for one again."""
        await self._transport.json(
            "POST",
            f"/{source}/deliveries/{int(delivery_id)}/attempts",
            authorization=self._authorize(),
            limit=_ANSWER_LIMIT,
        )


class AppDeliveries(_HookPages, DeliveryLog):
    """The deliveries of Kova's App. Implements intake.ports.DeliveryLog."""

    def __init__(self, *, base_url: str, tokens: AppTokens, http: httpx.AsyncClient) -> None:
        """`base_url` is the API's root; the connections belong to the caller."""
        super().__init__(base_url=base_url, authorize=tokens.app_authorization, http=http)

    async def sources(self) -> Sequence[str]:
        """Return the one webhook of the App."""
        return [_APP]


class HookDeliveries(_HookPages, DeliveryLog):
    """The deliveries of repositories' and organisations' webhooks, for a token without an App.

    Implements intake.ports.DeliveryLog. The token needs to read and write webhooks; of those that
    it may not read nothing is swept.
    """

    def __init__(
        self,
        *,
        base_url: str,
        token: FixedToken,
        repositories: Sequence[str],
        http: httpx.AsyncClient,
    ) -> None:
        """`repositories` are the watched ones, by full name."""
        super().__init__(base_url=base_url, authorize=lambda: token.header, http=http)
        self._repositories = [check_full_name(name) for name in repositories]

    async def sources(self) -> Sequence[str]:
        """Return the webhooks that lead to a Kova."""
        owners = sorted({name.partition("/")[0] for name in self._repositories})
        places = [f"orgs/{owner}" for owner in owners]
        places += [f"repos/{name}" for name in self._repositories]
        return [source for place in places for source in await self._hooks(place)]

    async def _hooks(self, place: str) -> list[str]:
        try:
            reply = await self._transport.json(
                "GET",
                f"/{place}/hooks",
                authorization=self._authorize(),
                params={"per_page": _PER_PAGE},
                limit=_ANSWER_LIMIT,
            )
        except (RepositoryNotFoundError, GitHubRefusedError):
            return []  # No organisation, or not the token's to read.
        return [
            f"{place}/hooks/{shapes.number(hook, 'id')}"
            for hook in shapes.objects(reply.data)
            if hook.get("active") is True and _leads_here(shapes.field(hook, "config", "url"))
        ]


def _leads_here(url: object) -> bool:
    if not isinstance(url, str):
        return False
    try:
        return urlsplit(url).path.strip("/").endswith(_WEBHOOK_PATH)
    except ValueError:
        return False  # Somebody else's webhook, whose address is none.


def _sent_delivery(row: shapes.Json) -> SentDelivery:
    status = row.get("status_code")
    text = shapes.text(row, "delivered_at")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise GitHubUnavailableError("GitHub's delivery has no usable delivered_at.") from exc
    return SentDelivery(
        id=shapes.number(row, "id"),
        guid=shapes.text(row, "guid"),
        delivered_at=moment if moment.tzinfo else moment.replace(tzinfo=UTC),
        status_code=status if shapes.is_number(status) else 0,
    )
