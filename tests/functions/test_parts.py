"""The api function loads the part that a path asks for, and answers as the whole would."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from fastapi.dependencies.models import Dependant

from functions.api.app import PARTS, load_all


def test_every_path_is_answered_by_the_part_that_its_beginning_loads() -> None:
    for router in load_all().routers:
        for route in router.routes:
            beginning = "/".join(route.path.split("/")[:3])
            paths = {other.path for part in PARTS[beginning]().routers for other in part.routes}
            assert route.path in paths


def list_capabilities(dependant: Dependant) -> Iterator[str]:
    if getattr(dependant.call, "__qualname__", "").startswith("capability."):
        yield inspect.getclosurevars(dependant.call).nonlocals["name"]
    for inner in dependant.dependencies:
        yield from list_capabilities(inner)


def test_each_part_has_the_roots_that_its_routes_ask_for() -> None:
    asked_for = set()
    for load in PARTS.values():
        part = load()
        assert "access" in part.roots  # Every route asks for a key.
        for router in part.routers:
            for route in router.routes:
                capabilities = set(list_capabilities(route.dependant))
                assert capabilities <= part.roots.keys()
                asked_for |= capabilities
    assert asked_for == load_all().roots.keys()
