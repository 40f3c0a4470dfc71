"""A custom resource of CloudFormation that runs one task of ECS to its end, before services change.

See https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

_LOG: Final = logging.getLogger("kova.run_migration")
_WAIT_SECONDS: Final = 6
_WAITS: Final = 130  # Thirteen minutes: less than the function has.
_ANSWER_SECONDS: Final = 20
_MOST_REASON: Final = 1_000  # Characters; an answer has at most 4,096 bytes.


class TaskFailedError(Exception):
    """The task did not start, or did not end well."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run the task of the resource's properties; deleting the resource changes nothing.

    Returns:
        What CloudFormation was told: a stack that hears nothing waits until its time is over.

    Raises:
        OSError: the answer could not be sent; Lambda will send the event again.
    """
    answer: dict[str, Any] = {
        "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    try:
        if event["RequestType"] != "Delete":
            run_task(boto3.client("ecs"), event["ResourceProperties"])
        answer["Status"] = "SUCCESS"
    except (TaskFailedError, BotoCoreError, ClientError, WaiterError) as exc:
        _LOG.exception("the migration failed")
        answer |= {"Status": "FAILED", "Reason": str(exc)[:_MOST_REASON]}
    _send(event["ResponseURL"], answer)
    return answer


def run_task(
    ecs: Any,
    properties: Mapping[str, Any],
    *,
    wait_seconds: float = _WAIT_SECONDS,
    waits: int = _WAITS,
) -> None:
    """Run a task and return when it has ended well.

    Args:
        ecs: a client of ECS.
        properties: Cluster, TaskDefinition, Subnets, Groups, and LogGroup for the reason.
        wait_seconds: between two looks at the task.
        waits: how many looks.

    Raises:
        TaskFailedError: it did not start, or its container ended with another code than 0.
        WaiterError: it has not ended in time.
    """
    answer = ecs.run_task(
        cluster=properties["Cluster"],
        taskDefinition=properties["TaskDefinition"],
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": list(properties["Subnets"]),
                "securityGroups": list(properties["Groups"]),
                "assignPublicIp": "DISABLED",
            }
        },
    )
    if not answer["tasks"]:
        reasons = ", ".join(failure.get("reason", "unknown") for failure in answer["failures"])
        raise TaskFailedError(f"The task of the migration did not start: {reasons}.")
    names = {"cluster": properties["Cluster"], "tasks": [answer["tasks"][0]["taskArn"]]}
    ecs.get_waiter("tasks_stopped").wait(
        **names, WaiterConfig={"Delay": wait_seconds, "MaxAttempts": waits}
    )
    (task,) = ecs.describe_tasks(**names)["tasks"]
    (container,) = task["containers"]
    if container.get("exitCode") != 0:
        reason = container.get("reason") or task.get("stoppedReason") or "unknown"
        raise TaskFailedError(
            f"The migration ended with {container.get('exitCode', 'no exit code')} ({reason}): "
            f"see the log group {properties['LogGroup']}."
        )


def _send(url: str, answer: Mapping[str, Any]) -> None:
    """Put the answer at the signed address, which is for a body without content type."""
    request = urllib.request.Request(  # noqa: S310 (CloudFormation chose the address)
        url, data=json.dumps(answer).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_SECONDS):  # noqa: S310 (as above)
        pass
