"""What `make build` made: whether it is there, whole, for this interpreter, and of today's code."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from kova.shared.exceptions import NotConfiguredError
from kova_server.local_lambda.template import LambdaStack, read_stack

COMMAND: Final = "make build"
_CODE: Final = ("functions", "layers/common", "layers/models", "layers/analyzers")
_SUFFIXES: Final = frozenset({".py", ".sql", ".txt", ".json", ".html", ".js", ".css"})
_RUNTIME_CLIENT: Final = ("awslambdaric", "simplejson", "snapshot_restore_py", "runtime_client")


class BuildError(NotConfiguredError):
    """The built functions cannot be used."""

    reason = "lambda_build"


def load_build(folder: Path, code: Path, parameters: dict[str, str]) -> LambdaStack:
    """Return what the template of a build describes.

    Args:
        folder: what `make build` made.
        code: the checkout that the functions must not be older than; one without a template.yaml
            is not looked at.
        parameters: go before the defaults of the template's parameters.

    Raises:
        BuildError: the message says which command mends it.
    """
    template = folder / "template.yaml"
    if not template.exists():
        raise BuildError(f"There are no built functions in {folder}: run `{COMMAND}` first.")
    newer = next(_newer_files(code, template.stat().st_mtime), None)
    if newer is not None:
        raise BuildError(
            f"The functions in {folder} are older than {newer.relative_to(code)}: "
            f"run `{COMMAND}` again."
        )
    stack = read_stack(template, parameters)
    for function in stack.functions.values():
        for name in (function.name, *function.layers):
            if not (folder / name).is_dir():
                raise BuildError(f"{name} lacks in {folder}: run `{COMMAND}` again.")
    _check_interpreter(
        folder, {layer for part in stack.functions.values() for layer in part.layers}
    )
    return stack


def _newer_files(code: Path, built_at: float) -> Iterator[Path]:
    if not (code / "template.yaml").exists():
        return
    if (code / "template.yaml").stat().st_mtime > built_at:
        yield code / "template.yaml"
    for root in _CODE:
        for path in sorted((code / root).rglob("*")):
            is_code = path.suffix in _SUFFIXES or path.name == "Makefile"
            if is_code and path.stat().st_mtime > built_at:
                yield path


def _check_interpreter(folder: Path, layers: set[str]) -> None:
    """Check that the extension modules in the layers are for this interpreter and processor."""
    own = str(sysconfig.get_config_var("EXT_SUFFIX"))
    modules = [
        path.name for layer in layers for path in (folder / layer).glob("python/*/*.cpython-*.so")
    ]
    if modules and not any(name.endswith(own) for name in modules):
        raise BuildError(
            f"The functions in {folder} were built for another Python or processor "
            f"({modules[0]}), and this is {own}: run `{COMMAND}` again."
        )


def link_runtime_client(folder: Path) -> Path:
    """Make a folder with AWS's runtime client alone, and return it.

    Nothing else of this environment reaches a function: what a layer forgot lacks here as there.

    Raises:
        BuildError: it is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _RUNTIME_CLIENT:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise BuildError(
                "AWS's runtime client is not installed: "
                "run `make build`, or install kova-server[lambda]."
            )
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        link = folder / source.name
        link.unlink(missing_ok=True)
        link.symlink_to(source)
    return folder
