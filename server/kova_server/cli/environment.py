"""Where a command's settings come from: the environment, or a stack that `kova up` runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from kova.bootstrap.environment import environment
from kova.shared.exceptions import NotConfiguredError
from kova_server.embedded.environment import read_environment

DATA: Final = Path(".kova")
PortOption = Annotated[int, typer.Option("--port", min=1, max=65535, help="The port to listen on.")]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Join the stack that `kova up` runs in this folder.")
]


def settings_in_force(data: Path | None) -> Mapping[str, str]:
    """Return the variables in force: the environment's win over the stack's.

    Raises:
        NotConfiguredError: no stack ever ran in that folder.
    """
    own = environment()
    if data is None:
        return own
    file = data / "kova.env"
    if not file.exists():
        raise NotConfiguredError(f"There is no {file}: `kova up --data {data}` makes it.")
    joined = read_environment(file) | {key: value for key, value in own.items() if value}
    os.environ.update(joined)  # The AWS client reads its settings there.
    return joined


def needed(variables: Mapping[str, str], name: str) -> str:
    """Return a variable that the command cannot do without.

    Raises:
        NotConfiguredError: it is not set.
    """
    value = variables.get(name)
    if not value:
        raise NotConfiguredError(f"{name} is missing; set it, or name a stack with --data.")
    return value
