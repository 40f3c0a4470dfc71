"""How large a body from outside may be, in bytes."""

from __future__ import annotations

from typing import Final

WEBHOOK_BYTES: Final = 25_000_000
"""GitHub does not deliver more than 25 MB."""
SARIF_BYTES: Final = 10_000_000
"""As API Gateway's HTTP APIs."""
API_BYTES: Final = 256 * 1024
FORM_BYTES: Final = 16 * 1024
"""What a person fills in."""
