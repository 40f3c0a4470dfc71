"""A digest of the code that judges: with another one, what a cache keeps was judged otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from pkgutil import walk_packages
from typing import Final

# What a kept finding depends on, and what a kept proof depends on beside it. A package stands for
# all its modules. A test holds these lists against what the code imports.
FINDINGS: Final = (
    "kova.adapters.analyzers",
    "kova.analysis.analysis",
    "kova.analysis.finding",
    "kova.analysis.fingerprint",
    "kova.analysis.languages",
    "kova.analysis.limits",
    "kova.analysis.ports",
    "kova.analysis.rule",
    "kova.analysis.run_analyzers",
    "kova.analysis.scope",
    "kova.analysis.secrets",
    "kova.analysis.source_text",
    "kova.analysis.file_comments",
    "kova.analysis.line_comments",
    "kova.analysis.suppression",
    "kova.shared",
    "kova.version",
)
PROOFS: Final = (
    "kova.fixes.combine_fixes",
    "kova.fixes.fix",
    "kova.fixes.outline",
    "kova.fixes.ports",
    "kova.fixes.proof",
    "kova.fixes.propose_fixes",
    "kova.fixes.prove_fix",
    "kova.fixes.publisher",
)


@cache
def code_digest(modules: tuple[str, ...] = FINDINGS) -> str:
    """Return 16 hexadecimal digits over the modules as they are installed: source or bytecode."""
    digest = hashlib.sha256()
    for spec in _specs(modules):
        assert spec.origin is not None
        content = Path(spec.origin).read_bytes()
        digest.update(f"{spec.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _specs(modules: tuple[str, ...]) -> Iterator[ModuleSpec]:
    for name in modules:
        spec = find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(
                f"{name} is named in a list of modules and does not exist", name=name
            )
        yield spec
        if spec.submodule_search_locations is not None:
            below = walk_packages(spec.submodule_search_locations, f"{name}.")
            for module in sorted(below, key=lambda module: module.name):
                yield from filter(None, [find_spec(module.name)])
