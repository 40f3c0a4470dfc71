"""The headers that every answer carries."""

from __future__ import annotations

import re
from typing import Final

# A route says otherwise by sending the header itself, as the pages for people do.
SECURITY_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
    "cache-control": "no-store",
}
_REQUEST_ID: Final = re.compile(r"^[A-Za-z0-9._-]{1,64}$")


def accepted_request_id(value: str) -> str | None:
    """Return a caller's X-Request-Id where it is fit for logs and headers."""
    return value if _REQUEST_ID.fullmatch(value) else None
