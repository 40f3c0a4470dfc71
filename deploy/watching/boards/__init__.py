"""The dashboards."""

from __future__ import annotations

from typing import Final

from deploy.watching.boards.ai import AI
from deploy.watching.boards.scans import SCANS
from deploy.watching.boards.service import SERVICE
from deploy.watching.boards.stores import STORES

BOARDS: Final = (SERVICE, SCANS, AI, STORES)
