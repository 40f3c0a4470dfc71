"""The settings of a command: from the environment, and from a stack that `kova up` runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from kova.adapters.env_file import read_environment
from kova.bootstrap.environment import environment, fill_from_app_file
from kova.bootstrap.settings import set_variables
from kova.shared.exceptions import NotConfiguredError

DATA: Final = Path(".kova")
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Join the stack that `kova up` runs in this folder.")
]


def read_variables(data_folder: Path | None) -> Mapping[str, str]:
    """Return the variables of the environment and the stack; the environment's have priority.

    Raises:
        NotConfiguredError: no stack ever ran in this folder.
    """
    variables = environment()
    if data_folder is None:
        return variables
    file = data_folder / "kova.env"
    if not file.exists():
        raise NotConfiguredError(f"There is no {file}: `kova up --data {data_folder}` creates it.")
    variables = read_environment(file) | set_variables(variables)
    os.environ.update(variables)  # The AWS client reads its settings there.
    return fill_from_app_file(variables)
