"""Terraform files without Terraform: arguments as Google's provider knows them, names that exist.

The arguments are read from the bindings that are made from the provider's own schema.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

PYTHON: Final = Path(".venv/terraform/bin/python")
_READER: Final = Path("tests/checks/read_terraform.py")
_PACKAGE: Final = "lib/python*/site-packages/cdktn_provider_google"
_BLOCK: Final = "__is_block__"
_META: Final = frozenset({"count", "for_each", "depends_on", "lifecycle", "provider"})
# Of other providers, and what the bindings leave out: argument to type, `!` where it is needed.
_OTHERS: Final = {
    "ephemeral.random_password": {"length": "number!", "special": "bool"},
    "ephemeral.google_secret_manager_secret_version": {"secret": "text!", "version": "text"},
}
_OTHER_RESULTS: Final = {
    "ephemeral.random_password": {"result"},
    "ephemeral.google_secret_manager_secret_version": {"secret_data"},
}
_REFERENCE: Final = re.compile(
    r"(?<![\w.\"/])((?:data\.|ephemeral\.)?(?:google|random)_\w+)\.(\w+)(?:\[[^\]]*\])?(?:\.(\w+))?"
)
_NAME: Final = re.compile(r"(?<![\w.])(var|local)\.(\w+)(?:\.(\w+))?")
Files = Mapping[str, Any]
Arguments = Mapping[str, str]
"""By argument its type: text, number, bool, list, map, or a block's class; `!` where it is needed."""


def read_files(folder: Path) -> dict[str, Any]:
    """Return what the files of a folder say, by kind, type and name."""
    process = subprocess.run(
        [str(PYTHON), str(_READER), str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    files: dict[str, Any] = json.loads(process.stdout)
    return files


def resources(files: Files) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield type, name and body of each resource; other kinds have theirs before the type."""
    for kind in ("resource", "data", "ephemeral"):
        prefix = "" if kind == "resource" else f"{kind}."
        for type_, bodies in files.get(kind, {}).items():
            for name, body in bodies.items():
                yield f"{prefix}{type_}", name, body


def check_files(files: Files) -> list[str]:
    """Return arguments that the provider does not know, lacks or has another form of, and lost names."""
    problems: list[str] = []
    for type_, name, body in resources(files):
        place = f"{type_}.{name}"
        schema = _schema(type_)
        if schema is None:
            problems.append(f"{place}: the provider has no such resource")
            continue
        problems += [f"{place}: {text}" for text in _check_body(body, schema["arguments"], schema)]
    return problems + list(_check_names(files))


def _check_body(
    body: Mapping[str, Any], arguments: Arguments, schema: Mapping[str, Any]
) -> Iterator[str]:
    body = _with_dynamic_blocks(body)
    for name, value in body.items():
        if name in _META or name == _BLOCK:
            continue
        type_ = arguments.get(name, "").removesuffix("!")
        if not type_:
            yield f"{name} is no argument"
        elif type_.removeprefix("[") in schema["blocks"]:
            yield from _check_block(name, value, type_, schema)
        elif not _fits(value, type_):
            yield f"{name} is no {type_}"
    for name, type_ in arguments.items():
        if type_.endswith("!") and name not in body:
            yield f"{name} is missing"


def _check_block(name: str, value: Any, type_: str, schema: Mapping[str, Any]) -> Iterator[str]:
    if not (isinstance(value, list) and all(isinstance(row, dict) for row in value)):
        yield f"{name} is a block"
        return
    if len(value) > 1 and not type_.startswith("["):
        yield f"{name} stands there {len(value)} times"
    for row in value:
        if _BLOCK not in row:
            yield f"{name} is a block"
        for text in _check_body(row, schema["blocks"][type_.removeprefix("[")], schema):
            yield f"{name}: {text}"


def _with_dynamic_blocks(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body in which a dynamic block is written out once."""
    whole = {name: value for name, value in body.items() if name != "dynamic"}
    for dynamic in body.get("dynamic", []):
        for name, block in dynamic.items():
            if name != _BLOCK:
                whole[name] = [*whole.get(name, []), *block["content"]]
    return whole


def _fits(value: Any, type_: str) -> bool:
    if isinstance(value, str) and "${" in value:
        return True  # Known when it is applied.
    kinds: dict[str, type | tuple[type, ...]] = {
        "text": str,
        "number": (int, float),
        "bool": bool,
        "list": list,
        "map": dict,
    }
    if isinstance(value, bool):
        return type_ == "bool"
    return isinstance(value, kinds[type_])


def _check_names(files: Files) -> Iterator[str]:
    there = {(type_, name) for type_, name, _ in resources(files)}
    known = {"var": files.get("variable", {}), "local": files.get("locals", {})}
    for text in _expressions(files):
        for type_, name, attribute in _REFERENCE.findall(text):
            if (type_, name) not in there:
                yield f"there is no {type_}.{name}"
            elif attribute and attribute not in _results(type_):
                yield f"{type_}.{name} has no {attribute}"
        for kind, name, member in _NAME.findall(text):
            if name not in known[kind]:
                yield f"there is no {kind}.{name}"
            elif member and not re.search(rf"\b{member}\b", json.dumps(known[kind][name])):
                yield f"{kind}.{name} has no {member}"
    used = " ".join(_expressions(files))
    for name in known["var"]:
        if not re.search(rf"\bvar\.{name}\b", used):
            yield f"var.{name} is used nowhere"


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _expressions(part)
    elif isinstance(value, list):
        for part in value:
            yield from _expressions(part)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{(.*?)\}(?!\})", value, re.DOTALL) or (
            [value] if "${" in value else []
        )


def _results(type_: str) -> set[str]:
    """Return the attributes that a resource has once it is there."""
    schema = _schema(type_)
    assert schema is not None
    return set(schema["results"])


def _schema(type_: str) -> dict[str, Any] | None:
    """Return a resource's arguments, the arguments of its blocks, and its attributes."""
    if type_ in _OTHERS:
        results = [*_OTHERS[type_], *_OTHER_RESULTS[type_]]
        return {"arguments": _OTHERS[type_], "blocks": {}, "results": results}
    return _read_schema(type_)


@cache
def _read_schema(type_: str) -> dict[str, Any] | None:
    module = type_.replace("data.", "data_").replace("google_", "", 1)
    module = module.replace("data_", "data_google_", 1) if type_.startswith("data.") else module
    (package,) = PYTHON.parent.parent.glob(_PACKAGE)
    file = package / module / "__init__.py"
    if not file.exists():
        return None
    classes = [node for node in ast.parse(file.read_text()).body if isinstance(node, ast.ClassDef)]
    names = {node.name for node in classes}
    (config,) = (node for node in classes if "TerraformMetaArguments" in _bases(node))
    (resource,) = (
        node for node in classes if re.search(r"Terraform(Resource|DataSource)$", _bases(node))
    )
    return {
        "arguments": _arguments(config, names),
        "blocks": {
            node.name: _arguments(node, names)
            for node in classes
            if not node.bases and node is not config
        },
        "results": [node.name for node in resource.body if _is_property(node)],
    }


def _bases(node: ast.ClassDef) -> str:
    return " ".join(ast.unparse(base) for base in node.bases)


def _is_property(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and any(
        ast.unparse(decorator) == "builtins.property" for decorator in node.decorator_list
    )


def _arguments(node: ast.ClassDef, classes: set[str]) -> dict[str, str]:
    """Return the arguments of a class's constructor, with their types."""
    (constructor,) = (
        part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"
    )
    rows = zip(constructor.args.kwonlyargs, constructor.args.kw_defaults, strict=True)
    return {
        argument.arg.rstrip("_"): _type(argument, classes) + ("" if default else "!")
        for argument, default in rows
        if argument.arg not in {*_META, "connection", "provisioners"}
    }


def _type(argument: ast.arg, classes: set[str]) -> str:
    text = ast.unparse(argument.annotation) if argument.annotation else ""
    own = [word for word in re.findall(r"\w+", text) if word in classes]
    if own:
        return f"[{own[0]}" if "Sequence" in text else own[0]
    for word, type_ in (
        ("Sequence", "list"),
        ("Mapping", "map"),
        ("Number", "number"),
        ("builtins.bool", "bool"),
    ):
        if word in text:
            return type_
    return "text"
