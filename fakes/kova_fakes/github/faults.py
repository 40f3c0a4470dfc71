"""Faults of GitHub, on request."""

from __future__ import annotations

import re
import threading
import time
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "401", "403", "404", "422", "429", "500", "502",
    "secondary", "forbidden", "suspended", "slow", "late", "stale", "cut", "html",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of the next `times` requests that match.

    403 is the primary rate limit, `secondary` the secondary one. `seconds` is the delay of a slow
    or late answer and the value of Retry-After. A `late` answer was made before its delay, a
    `slow` one is made after it; a `stale` one shows a branch as it was before its last push. `cut`
    ends the connection in the middle of the body. `forbidden` is a permission that the App lacks,
    `suspended` its installation's suspension.
    """

    kind: Kind
    method: str = "GET"
    path: str = ".*"
    times: int = 1
    seconds: float = 1.0


class Faults:
    """The pending faults."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[tuple[Fault, int]] = []

    def inject(self, fault: Fault) -> None:
        """Add a fault."""
        with self._lock:
            self._pending.append((fault, fault.times))

    def clear(self) -> None:
        """Forget every pending fault: an outage is over."""
        with self._lock:
            self._pending.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first pending fault that matches a request, and use it up once."""
        with self._lock:
            for index, (fault, remaining) in enumerate(self._pending):
                if remaining > 0 and fault.method in {method, "*"} and re.search(fault.path, path):
                    self._pending[index] = (fault, remaining - 1)
                    return fault
        return None


def fault_answer(fault: Fault) -> tuple[int, dict[str, str], bytes] | None:
    """Return status, headers and body; None for faults that are not an answer."""
    retry = {"retry-after": str(int(fault.seconds))}
    json_type = {"content-type": "application/json"}
    reset = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(time.time() + fault.seconds)),
    }
    limit = b'{"message": "API rate limit exceeded for installation."}'
    secondary = b'{"message": "You have exceeded a secondary rate limit."}'
    answers: dict[str, tuple[int, dict[str, str], bytes]] = {
        "500": (500, json_type, b'{"message": "Server Error"}'),
        "502": (502, json_type, b'{"message": "Server Error"}'),
        "429": (429, json_type | retry, secondary),
        "403": (403, json_type | reset, limit),
        "secondary": (403, json_type | retry, secondary),
        "401": (401, json_type, b'{"message": "Bad credentials"}'),
        "404": (404, json_type, b'{"message": "Not Found"}'),
        "422": (422, json_type, b'{"message": "No commit found for SHA"}'),
        "forbidden": (403, json_type, b'{"message": "Resource not accessible by integration"}'),
        "suspended": (403, json_type, b'{"message": "This installation has been suspended"}'),
        "html": (200, {"content-type": "text/html"}, b"<html><body>Unicorn!</body></html>"),
    }
    return answers.get(fault.kind)
