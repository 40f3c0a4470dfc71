"""Requests held against GitHub's own description of its API."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonschema

_MANY_PARTS = frozenset({"ref", "path", "basehead"})
_BEYOND = re.compile(r"^/repos/[^/]+/[^/]+/commits/[^/]+/statuses$")


@functools.cache
def load_request_check(name: str) -> Callable[[str, str, bytes], str | None]:
    """Return a check that says what the description in a file holds against a request."""
    description = json.loads(Path(name).read_bytes())
    components = description["components"]
    operations = _operations(description["paths"])

    def check(method: str, target: str, body: bytes) -> str | None:
        url = urlsplit(target)
        matching = (path_item for pattern, path_item in operations if pattern.fullmatch(url.path))
        operation = next(
            (path_item[method.lower()] for path_item in matching if method.lower() in path_item),
            None,
        )
        if operation is None:
            return None if _BEYOND.match(url.path) else f"no operation {method} {url.path}"
        parameters = [
            components["parameters"][parameter["$ref"].rpartition("/")[2]]
            if "$ref" in parameter
            else parameter
            for parameter in operation.get("parameters", [])
        ]
        unknown = set(parse_qs(url.query)) - {parameter["name"] for parameter in parameters}
        if unknown:
            return f"{method} {url.path} takes no {unknown}"
        if not body:
            return None
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        value = json.loads(body)
        extra = set(value) - set(schema["properties"])
        validator = jsonschema.Draft202012Validator({**schema, "components": components})
        errors = [f"unknown members {extra}"] if extra else []
        errors += [error.message for error in validator.iter_errors(value)]
        return f"{method} {url.path}: {errors[0]}" if errors else None

    return check


def _operations(paths: dict[str, Any]) -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    """Return patterns of the paths, the most particular first."""
    operations = []
    # A parameter of many parts also matches what a longer path spells out.
    for path in sorted(paths, key=lambda path: path.count("{") - path.count("/")):
        parts = [
            re.escape(part) if number % 2 == 0 else ".+" if part in _MANY_PARTS else "[^/]+"
            for number, part in enumerate(re.split(r"[{}]", path))
        ]
        operations.append((re.compile("".join(parts)), paths[path]))
    return operations
