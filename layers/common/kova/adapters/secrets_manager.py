"""AWS Secrets Manager: its client, and the secret of the first key."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

from kova.shared.exceptions import NotConfiguredError, UnavailableError

_SECONDS: Final = 3
_MEMBER: Final = "KOVA_ADMIN_KEY"
_NO_VALUE: Final = "can't find the specified secret value"


class SecretsUnavailableError(UnavailableError):
    """Secrets Manager does not answer."""

    reason = "secrets_unavailable"


class SecretRefusedError(NotConfiguredError):
    """A secret does not exist, or may not be used."""

    reason = "secret_refused"


def secrets_client() -> Any:
    """Make a client; endpoint, region and credentials are AWS's own settings."""
    config = Config(
        connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 2}
    )
    return get_session().create_client("secretsmanager", config=config)


class SecretsManager:
    """Reads and writes the texts of secrets; gives up after some seconds."""

    def __init__(self) -> None:
        """Make the client.

        Raises:
            SecretsUnavailableError: there are no credentials at this moment.
        """
        with _errors_about(""):
            self._client = secrets_client()

    def read(self, arn: str) -> str:
        """Return a secret's text; an empty JSON object where it has no value yet.

        Raises:
            SecretRefusedError: it does not exist, may not be read, or is no text.
            SecretsUnavailableError: there is no answer.
        """
        with _errors_about(arn):
            try:
                text = self._client.get_secret_value(SecretId=arn).get("SecretString")
            except ClientError as exc:
                # A secret that does not exist has the same code, and another message.
                if _NO_VALUE not in str(exc):
                    raise
                return "{}"
        if text is None:
            raise SecretRefusedError(f"The secret {arn} holds bytes, and must hold a text.")
        return str(text)

    def write(self, arn: str, text: str) -> None:
        """Give a secret a new text; the errors are those of `read`."""
        with _errors_about(arn):
            self._client.put_secret_value(SecretId=arn, SecretString=text)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


class SecretVault:
    """Implements access.ports.KeyVault in one secret."""

    def __init__(self, secrets: SecretsManager, arn: str) -> None:
        self._secrets = secrets
        self._arn = arn

    async def load(self) -> str:
        """Return the key that the secret holds, or an empty text."""
        text = await asyncio.to_thread(self._secrets.read, self._arn)
        try:
            members = json.loads(text)
        except ValueError:
            return ""
        return str(members.get(_MEMBER, "")) if isinstance(members, dict) else ""

    async def store(self, plaintext: str) -> None:
        """Store the key as the secret's only member."""
        text = json.dumps({_MEMBER: plaintext})
        await asyncio.to_thread(self._secrets.write, self._arn, text)


@contextmanager
def _errors_about(arn: str) -> Iterator[None]:
    try:
        yield
    except ClientError as exc:
        code = exc.response["Error"]["Code"]
        raise SecretRefusedError(f"The secret {arn} cannot be used: {code}.") from exc
    except BotoCoreError as exc:
        raise SecretsUnavailableError from exc
