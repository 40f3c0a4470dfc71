"""Credentials of AWS for a process on Google Cloud, as a `credential_process` of AWS's settings.

Google says by a signed token who the process is, and AWS exchanges it for credentials of an hour
where the role in AWS_ROLE_ARN trusts that service account: there is no key that could be lost. See
https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import json
import os
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

AUDIENCE: Final = "kova"
"""Whom the token is for: the roles of deploy/cloud-run/queues.yaml ask for it."""
_SECONDS: Final = 5
_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/identity"


def read_identity(host: str) -> str:
    """Return the signed token that Google's metadata server has for this process.

    Raises:
        OSError: it does not answer, or refuses.
    """
    query = urllib.parse.urlencode({"audience": AUDIENCE, "format": "full"})
    request = urllib.request.Request(
        f"http://{host}{_PATH}?{query}", headers={"Metadata-Flavor": "Google"}
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 (Google's server)
        return str(answer.read().decode())


def exchange(token: str, role: str) -> dict[str, object]:
    """Return credentials of the role in the form of a `credential_process`.

    Raises:
        BotoCoreError: AWS does not answer.
        ClientError: the role does not trust the service account.
    """
    # Keys that nobody uses: without any, the client would ask for them where it is called from.
    sts: Any = get_session().create_client(
        "sts",
        config=Config(signature_version=UNSIGNED, connect_timeout=_SECONDS, read_timeout=_SECONDS),
        aws_access_key_id="none",
        aws_secret_access_key="none",  # noqa: S106 (as above)
    )
    credentials = sts.assume_role_with_web_identity(
        RoleArn=role, RoleSessionName="kova", WebIdentityToken=token
    )["Credentials"]
    return {
        "Version": 1,
        "AccessKeyId": credentials["AccessKeyId"],
        "SecretAccessKey": credentials["SecretAccessKey"],
        "SessionToken": credentials["SessionToken"],
        "Expiration": credentials["Expiration"].isoformat(),
    }


def main(variables: Mapping[str, str]) -> int:
    """Print the credentials and return an exit code; a failure is one line."""
    host = variables.get("GCE_METADATA_HOST") or "metadata.google.internal"
    try:
        credentials = exchange(read_identity(host), variables["AWS_ROLE_ARN"])
    except KeyError:
        sys.stderr.write("AWS_ROLE_ARN is missing.\n")
        return 1
    except (OSError, BotoCoreError, ClientError) as exc:
        sys.stderr.write(f"There are no credentials of AWS for this service account: {exc}\n")
        return 1
    sys.stdout.write(json.dumps(credentials))
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
