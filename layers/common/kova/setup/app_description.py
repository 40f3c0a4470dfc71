"""What GitHub says about an App that exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AppDescription:
    """An App's permissions (access by name) and the events that it subscribes to."""

    slug: str
    permissions: Mapping[str, str]
    events: frozenset[str]
