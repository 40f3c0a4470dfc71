"""Deliveries that GitHub has still to send."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


def new_guid() -> str:
    """Return an id as GitHub gives each delivery."""
    return str(uuid.uuid4())


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """One delivery. `asked`: it is an old one, which somebody asks for again."""

    event: str
    payload: Mapping[str, Any]
    guid: str = field(default_factory=new_guid)
    asked: bool = False

    def encode(self) -> str:
        """Return it as the ledger has it."""
        return json.dumps(
            {"event": self.event, "payload": self.payload, "guid": self.guid, "asked": self.asked}
        )


def decode_outgoing(text: str) -> Outgoing:
    """Return the delivery that `encode` wrote."""
    return Outgoing(**json.loads(text))
