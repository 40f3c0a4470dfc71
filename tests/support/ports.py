"""Ports for the servers that tests start."""

from __future__ import annotations

import itertools
import os
from typing import Final

from kova_server.embedded.ports import is_free
from tests.support.services import RUN

# Below those that systems lend to clients, and others for each process of each run: a port that
# is only looked up may be somebody else's before the server listens.
_WORKER: Final = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_BLOCK: Final = (int(os.environ.get(RUN, "0")) * 8 + _WORKER) % 40
_PORTS: Final = itertools.count(10_000 + 500 * _BLOCK)


def own_port() -> int:
    """Return a port that nobody listens at, and that no other process of the run takes."""
    return next(port for port in _PORTS if is_free(port))
