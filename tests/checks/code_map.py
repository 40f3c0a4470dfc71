"""docs/map.md says what there is: packages, use cases, endpoints, queues and tables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Final

from kova.web.openapi import document
from kova_server.application import ROUTERS

PAGE: Final = Path("docs/map.md")
_CORE: Final = Path("layers/common/kova")
_MIGRATIONS: Final = _CORE / "adapters/postgres/migrations"
_CAPABILITIES: Final = (
    *("intake", "commands", "code_index", "scans", "errors", "fixes", "analysis", "access"),
    *("models", "reports", "setup", "shared"),
)
_SHELL: Final = ("adapters", "web", "bootstrap")
_TABLE: Final = re.compile(r"^CREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.MULTILINE)
_HEAD: Final = """# Map

Made from the code by `make export`; `make check` holds it. Arrows go down: a package imports those below it.
"""


def render() -> str:
    """Return the page."""
    parts = [_HEAD, "## Packages of `layers/common/kova`\n"]
    parts += ["| package | files | what is in it |", "| --- | --- | --- |"]
    parts += [_package_row(name) for name in ("bootstrap", "web", "adapters", *_CAPABILITIES)]
    parts += ["\n## Use cases\n", "| call | what it does |", "| --- | --- |", *_use_case_rows()]
    parts += ["\n## Endpoints\n", "| call | function | what it does |", "| --- | --- | --- |"]
    parts += _endpoint_rows()
    parts += ["\n## Queues\n", "| queue | messages | worker |", "| --- | --- | --- |"]
    parts += [
        f"| {name} | `kova/{package}/message.py` | `functions/{function}` |"
        for name, package, function in (
            ("scan", "scans", "scan"),
            ("fix", "fixes", "fix"),
            ("command", "commands", "command"),
        )
    ]
    parts += ["\n## Tables\n", "| table | made in |", "| --- | --- |", *_table_rows()]
    return "\n".join(parts) + "\n"


def check_map() -> list[str]:
    """Return what is wrong with the page."""
    return [] if PAGE.read_text() == render() else ["docs/map.md has drifted: run `make export`"]


def _package_row(name: str) -> str:
    files = list((_CORE / name).rglob("*.py"))
    text = (import_module(f"kova.{name}").__doc__ or "").strip().splitlines()[0]
    return f"| `{name}` | {len(files)} | {text} |"


def _use_case_rows() -> Iterator[str]:
    for package in _CAPABILITIES:
        for file in sorted((_CORE / package).glob("*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.ClassDef) and _is_use_case(file, node):
                    yield from _methods_of(package, node)


def _is_use_case(file: Path, node: ast.ClassDef) -> bool:
    """True if a class is what its file is called: `ProveFix` of `prove_fix.py`."""
    return node.name.lower() == file.stem.replace("_", "")


def _methods_of(package: str, node: ast.ClassDef) -> Iterator[str]:
    for method in node.body:
        is_function = isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and not method.name.startswith("_") and not method.decorator_list:
            text = (ast.get_docstring(method) or "").splitlines() or [""]
            yield f"| `{package}` {node.name}.{method.name} | {text[0]} |"


def _endpoint_rows() -> Iterator[str]:
    functions = _functions_by_path()
    for path, operations in document(ROUTERS)["paths"].items():
        for method, operation in operations.items():
            text = operation["description"].splitlines()[0]
            function = functions.get(path, "github_webhook")
            yield f"| {method.upper()} {path} | `functions/{function}` | {text} |"


def _functions_by_path() -> dict[str, str]:
    functions = {"/docs": "docs", "/openapi.json": "docs"}
    for app in sorted(Path("functions").glob("*/app.py")):
        module = import_module(f"functions.{app.parent.name}.app")
        routers = module.load_all().routers if hasattr(module, "load_all") else ()
        for router in getattr(module, "ROUTERS", routers):
            functions |= {route.path: app.parent.name for route in router.routes}
    return functions


def _table_rows() -> Iterator[str]:
    for file in sorted(_MIGRATIONS.glob("*.sql")):
        up = file.read_text().partition("-- migrate:down")[0]
        for match in _TABLE.finditer(up):
            yield f"| {match[1]} | `{file.name}` |"
