"""Recorded requests, for contract tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RecordedRequest:
    """One request without its secrets. `template` is the route, as GitHub writes it."""

    method: str
    path: str
    template: str | None
    query: dict[str, str]
    headers: dict[str, str]
    json: Any
    status: int
