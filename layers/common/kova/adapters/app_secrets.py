"""The App's credentials in AWS Secrets Manager: one secret for each purpose.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from kova.setup.credentials import AppCredentials, SetupProgress
from kova.setup.exceptions import AppConfiguredError, StoreUnavailableError
from kova.setup.ports import CredentialStore

_NAMESPACE: Final = uuid.UUID("6f4de0f8-3a6c-4c5f-9b0a-5e0d6f5b8a11")
_EMPTY: Final = "ResourceNotFoundException"
_TAKEN: Final = "ResourceExistsException"


class SecretsManagerCredentialStore(CredentialStore):
    """Implements setup.ports.CredentialStore.

    The App's secret also remembers how far the setup has come. Of two writers at once one wins:
    both ask for the same version id, and Secrets Manager takes it with one content only.
    """

    def __init__(
        self, client: Any, *, app_secret: str, client_secret: str | None, webhook_secret: str
    ) -> None:
        """Name the secrets, by ARN or by name; they exist, with or without a value.

        Without one of its own, what signs people in goes into the App's.
        """
        self._client = client
        self._app_secret = app_secret
        self._client_secret = client_secret
        self._webhook_secret = webhook_secret

    async def progress(self) -> SetupProgress:
        """Read the App's secret."""
        return await asyncio.to_thread(self._read)

    async def spend(self, token_hash: str) -> bool:
        """Note the token as a version that only one writer can make."""
        return await asyncio.to_thread(self._spend, token_hash)

    async def note_exchange(self, code_hash: str) -> None:
        """Note the code."""
        await asyncio.to_thread(self._note_exchange, code_hash)

    async def save(self, credentials: AppCredentials) -> None:
        """Put the App's own secret last: that is what makes it configured."""
        await asyncio.to_thread(self._save, credentials)

    def _read(self) -> SetupProgress:
        with _translate_errors():
            try:
                answer = self._client.get_secret_value(SecretId=self._app_secret)
            except ClientError as exc:
                if _code(exc) == _EMPTY:
                    return SetupProgress()
                raise
        return SetupProgress.of_members(_members(answer.get("SecretString") or "{}"))

    def _spend(self, token_hash: str) -> bool:
        progress = self._read()
        if progress.is_configured or progress.spent_token == token_hash:
            return False
        with _translate_errors():
            # Before GitHub makes anything: a secret that is not there would lose its answer.
            for secret in filter(None, (self._webhook_secret, self._client_secret)):
                self._client.describe_secret(SecretId=secret)
        members = SetupProgress(spent_token=token_hash).to_members()
        # Its own content for each writer: the version id is the token's, so the second is refused.
        members["KOVA_SETUP_WRITER"] = uuid.uuid4().hex
        return self._put(self._app_secret, members, version=f"spend:{token_hash}")

    def _note_exchange(self, code_hash: str) -> None:
        progress = replace(self._read(), exchanged_code=code_hash)
        if progress.is_configured:
            raise AppConfiguredError
        self._put(self._app_secret, progress.to_members(), version=f"code:{uuid.uuid4()}")

    def _save(self, credentials: AppCredentials) -> None:
        progress = self._read()
        if progress.is_configured:
            raise AppConfiguredError
        version = f"save:{progress.exchanged_code}"
        client, app = credentials.client_settings(), credentials.app_settings()
        contents = [(self._webhook_secret, credentials.webhook_settings())]
        if self._client_secret is not None:
            contents += [(self._client_secret, client), (self._app_secret, app)]
        else:
            contents.append((self._app_secret, app | client))
        for secret, settings in contents:
            if not self._put(secret, settings, version=version):
                raise AppConfiguredError

    def _put(self, secret: str, members: Mapping[str, str], *, version: str) -> bool:
        """Store a value; False where the version has another content already."""
        with _translate_errors():
            try:
                self._client.put_secret_value(
                    SecretId=secret,
                    ClientRequestToken=str(uuid.uuid5(_NAMESPACE, version)),
                    SecretString=json.dumps(members),
                )
            except ClientError as exc:
                if _code(exc) == _TAKEN:
                    return False
                raise
        return True


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _members(text: str) -> dict[str, str]:
    try:
        members = json.loads(text)
    except ValueError as exc:
        raise StoreUnavailableError("The App's secret is not JSON.") from exc
    if not isinstance(members, dict):
        raise StoreUnavailableError("The App's secret is not a JSON object.")
    return {str(name): str(text) for name, text in members.items()}


@contextmanager
def _translate_errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as exc:
        # The message names the secret and the call, never a value.
        raise StoreUnavailableError(f"Secrets Manager: {exc}") from exc
