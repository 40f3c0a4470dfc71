"""Requests about API keys: answered over a database, or by the function of a deployed stack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kova.access.api_key import Scope
from kova.bootstrap.keys import answer_key_request
from kova.shared.exceptions import KovaError, NotConfiguredError

ACTOR: Final = "cli"
_FUNCTION: Final = "KeysFunction"
_SECONDS: Final = 30


class StackRefusedError(KovaError):
    """The stack refuses the request."""

    reason = "stack_refused"


async def create_key(variables: Mapping[str, str], name: str, scopes: Sequence[Scope]) -> str:
    """Make a key and return it in the clear: the only time that it can be seen."""
    request = {"action": "create", "name": name, "scopes": [scope.value for scope in scopes]}
    answer = await answer_key_request(variables, request, ACTOR)
    return str(answer["key"])


def ask_stack(stack: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Let the keys function of a CloudFormation stack answer a request.

    Raises:
        NotConfiguredError: AWS has no such stack for these credentials.
        StackRefusedError: the function answers with an error; it is the message.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    # A repeated invocation would make a second key.
    config = Config(connect_timeout=5, read_timeout=_SECONDS, retries={"total_max_attempts": 1})
    try:
        resource = boto3.client("cloudformation", config=config).describe_stack_resource(
            StackName=stack, LogicalResourceId=_FUNCTION
        )
        name = resource["StackResourceDetail"]["PhysicalResourceId"]
        answer = boto3.client("lambda", config=config).invoke(
            FunctionName=name, Payload=json.dumps(request).encode()
        )
    except (BotoCoreError, ClientError) as exc:
        raise NotConfiguredError(f"The stack {stack} cannot be asked: {exc}") from exc
    result = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise StackRefusedError(f"The function failed: {result.get('errorMessage', '')}")
    if "error" in result:
        raise StackRefusedError(str(result["error"]))
    return dict(result)
