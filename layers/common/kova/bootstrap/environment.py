"""The process's environment, with the members of its secrets filled in.

KOVA_SECRETS_ARN names secrets of AWS Secrets Manager, one or several with commas between them: JSON
objects whose members fill unset variables. KOVA_DATABASE_SECRET_ARN names one of the form that RDS
and its rotation keep, with `username` and `password`. KOVA_GITHUB_APP_FILE names a file
with the GitHub App of a stack on this machine.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Generic, TypeVar

from kova.adapters.env_file import read_environment
from kova.bootstrap import end_start
from kova.bootstrap.settings import fill_from_secret
from kova.shared.exceptions import KovaError

Value = TypeVar("Value")
SECONDS: Final = 300.0
"""The age at which secrets are read again."""
INCOMPLETE_SECONDS: Final = 5.0
"""The same while something lacks that a secret will have."""
_DATABASE: Final = {"username": "KOVA_DATABASE_USER", "password": "KOVA_DATABASE_PASSWORD"}
_LOG = logging.getLogger("kova.secrets")


class Environment:
    """Variables and secrets. A secret that was rotated takes effect without a deployment."""

    def __init__(
        self, variables: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` counts seconds."""
        self._variables = variables
        self._clock = clock
        self._read_at: float | None = None
        self._filled: Mapping[str, str] = variables

    def read(self, max_age: float = SECONDS) -> Mapping[str, str]:
        """Return the variables in force: the same object until a secret has changed.

        Args:
            max_age: seconds after which secrets are read again.

        Raises:
            NotConfiguredError: a secret does not exist, may not be read, or has another form.
            UnavailableError: Secrets Manager does not answer, and never did.
        """
        variables = fill_from_app_file(self._variables)
        arns = _words(variables.get("KOVA_SECRETS_ARN", ""))
        database_arns = _words(variables.get("KOVA_DATABASE_SECRET_ARN", ""))
        now = self._clock()
        if not arns and not database_arns:
            return variables
        if self._read_at is not None and now - self._read_at < max_age:
            return self._filled
        try:
            filled: Mapping[str, str] = _fill(variables, arns, database_arns)
        except KovaError as exc:
            if self._read_at is None:
                raise
            _LOG.warning("secrets not read again", extra={"reason": exc.reason})
            filled = self._filled
        self._read_at = now
        if filled != self._filled:
            self._filled = filled
        return self._filled


def _fill(
    variables: Mapping[str, str], arns: Sequence[str], database_arns: Sequence[str]
) -> dict[str, str]:
    # Only here: a process without secrets does not pay for it.
    from kova.adapters.secrets_manager import SecretsManager

    secrets = SecretsManager()
    filled = dict(variables)
    try:
        for arn in arns:
            filled = fill_from_secret(filled, secrets.read(arn), arn)
        for arn in database_arns:
            filled = fill_from_secret(filled, secrets.read(arn), arn, names=_DATABASE)
    finally:
        secrets.close()
    return filled


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


_ENVIRONMENT: Final = Environment(os.environ)


def environment(max_age: float = SECONDS) -> Mapping[str, str]:
    """Return the variables of this process as `Environment.read` does."""
    return _ENVIRONMENT.read(max_age)


def fill_from_app_file(variables: Mapping[str, str]) -> Mapping[str, str]:
    """Return the variables, unset ones filled from the file that KOVA_GITHUB_APP_FILE names."""
    name = variables.get("KOVA_GITHUB_APP_FILE")
    if not name or not Path(name).exists():
        return variables
    filled = {key: text for key, text in variables.items() if text}
    return {**read_environment(Path(name)), **filled}


class FromEnvironment(Generic[Value]):
    """Something that is built from the environment, and anew after a secret has changed."""

    def __init__(
        self,
        build: Callable[[Mapping[str, str]], Value],
        close: Callable[[Value], object] | None = None,
        *,
        is_complete: Callable[[Value], bool] | None = None,
    ) -> None:
        """Build nothing yet.

        Args:
            build: makes the value from variables.
            close: called with a value that was replaced.
            is_complete: False for a value that lacks what a secret will have: secrets are then
                read again after INCOMPLETE_SECONDS.
        """
        self._build = build
        self._close = close
        self._is_complete = is_complete
        self._variables: Mapping[str, str] | None = None
        self._value: Value | None = None

    def __call__(self) -> Value:
        """Return the value, built at the first call."""
        lacks = self._value is not None and self._is_complete and not self._is_complete(self._value)
        variables = environment(INCOMPLETE_SECONDS if lacks else SECONDS)
        if self._value is None or variables is not self._variables:
            replaced, self._value = self._value, self._build(variables)
            end_start()
            self._variables = variables
            if replaced is not None and self._close is not None:
                self._close(replaced)
        return self._value
