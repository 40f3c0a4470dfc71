"""What a deployment does before the new code is called: migrate, and make the first key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from kova.access.make_first_key import MakeFirstKey
from kova.adapters.postgres.migrate import deployment_lock, migrate
from kova.adapters.secrets_manager import SecretsManager, SecretVault
from kova.bootstrap.access import AccessRoot
from kova.bootstrap.core import Core, now
from kova.bootstrap.settings import load_settings, require


@dataclass(frozen=True, kw_only=True)
class MigrationReport:
    """What was migrated, and the prefix of the first key; empty texts for nothing."""

    migration: str
    key_prefix: str


async def migrate_and_make_key(variables: Mapping[str, str]) -> MigrationReport:
    """Bring the database up to date; with KOVA_ADMIN_KEY_SECRET_ARN, make the first key.

    Raises:
        KovaError: the database or Secrets Manager does not answer, or a migration failed. All of
            it can be done again.
    """
    settings = load_settings(variables, needed=("KOVA_DATABASE_URL",))
    url = require(settings.database_url, "KOVA_DATABASE_URL")
    report = await asyncio.to_thread(migrate, url)
    if settings.admin_key_secret_arn is None:
        return MigrationReport(migration=report, key_prefix="")
    core = Core(settings)
    secrets = SecretsManager()
    lock = ExitStack()
    try:
        # Of two at once, one would revoke the key of the other that is on its way into the secret.
        await asyncio.to_thread(lock.enter_context, deployment_lock(url))
        access = AccessRoot(core)
        first_key = MakeFirstKey(
            keys=access.keys,
            manage=access.manage_keys,
            vault=SecretVault(secrets, settings.admin_key_secret_arn),
            now=now,
        )
        return MigrationReport(migration=report, key_prefix=await first_key.make())
    finally:
        lock.close()
        secrets.close()
        await core.close()
