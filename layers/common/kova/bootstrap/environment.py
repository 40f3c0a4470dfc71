"""The process's environment, with the secret of KOVA_SECRETS_ARN filled in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from kova.bootstrap.settings import fill_from_secret


def environment() -> Mapping[str, str]:
    """Return the variables in force. One call to Secrets Manager, only where an ARN is set."""
    arn = os.environ.get("KOVA_SECRETS_ARN")
    if not arn:
        return os.environ
    # Only here: a process without the secret does not pay for it.
    from botocore.session import get_session

    client: Any = get_session().create_client("secretsmanager")
    answer = client.get_secret_value(SecretId=arn)
    return fill_from_secret(os.environ, answer["SecretString"])
