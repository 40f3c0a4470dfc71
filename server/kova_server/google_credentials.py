"""Credentials of AWS for a process on Google Cloud, as a `credential_process` of AWS's settings.

Google says by a signed token who the process is, and AWS exchanges it for credentials of an hour
where the role in AWS_ROLE_ARN trusts that service account: there is no key that could be lost. See
https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import json
import os
import signal
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, IncompleteRead
from typing import Any, Final, Never

from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import get_session

AUDIENCE: Final = "kova"
"""Whom the token is for: the roles of deploy/cloud-run/queues.yaml ask for it."""
LIMIT: Final = 64 * 1024
"""Bytes of a token; Google's have about one thousand."""
_SECONDS: Final = 5
_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/identity"


def read_identity(host: str, *, seconds: float = _SECONDS) -> str:
    """Return the signed token that Google's metadata server has for this process.

    Call it in the main thread, where the deadline's signal arrives.

    Args:
        host: with a port if it is not 80.
        seconds: until when the whole answer must be there.

    Raises:
        OSError: it does not answer in time, refuses, or answers at too great a length.
        HTTPException: the answer is not HTTP, or is cut off.
        ValueError: the answer is empty or not UTF-8, or the host is none.
    """
    query = urllib.parse.urlencode({"audience": AUDIENCE, "format": "full"})
    request = urllib.request.Request(
        f"http://{host}{_PATH}?{query}", headers={"Metadata-Flavor": "Google"}
    )
    # A proxy would get the token, and could not reach a server of this machine's own network.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with _deadline(seconds), opener.open(request, timeout=seconds) as answer:
        body: bytes = answer.read(LIMIT + 1)
        if len(body) > LIMIT:
            raise OSError(f"the metadata server answers more than {LIMIT} bytes")
        # With a limit, `read` does not say that the answer was cut off.
        if answer.length:
            raise IncompleteRead(body, answer.length)
    if not body:
        raise ValueError("the metadata server's answer is empty")
    return body.decode()


@contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after some seconds: a socket's own timeout begins anew at each read."""

    def end(*_: object) -> Never:
        raise TimeoutError(f"the metadata server does not answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


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
    role = variables.get("AWS_ROLE_ARN")
    if not role:
        sys.stderr.write("AWS_ROLE_ARN is missing.\n")
        return 1
    try:
        credentials = exchange(read_identity(host), role)
    except (OSError, HTTPException, ValueError, BotoCoreError, ClientError) as exc:
        # What an answer holds may stand in the message, with the ends of its lines.
        reason = " ".join(str(exc).split())
        sys.stderr.write(f"There are no credentials of AWS for this service account: {reason}\n")
        return 1
    sys.stdout.write(json.dumps(credentials))
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
