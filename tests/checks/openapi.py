"""The exported OpenAPI document is the one that the code makes."""

from __future__ import annotations

import json
from pathlib import Path

from kova.web.openapi import document
from kova_server.application import ROUTERS

EXPORT = Path("layers/common/kova/web/openapi.json")


def write_openapi() -> None:
    """Export the document."""
    EXPORT.write_text(json.dumps(document(ROUTERS), indent=1, ensure_ascii=False) + "\n")


def check_openapi() -> list[str]:
    """Return whether the export is out of date."""
    if EXPORT.exists() and json.loads(EXPORT.read_text()) == document(ROUTERS):
        return []
    return [f"{EXPORT} is not what the code makes: run `make export`"]
