"""An emulator of CloudFormation: an empty account of AWS, in which a test creates stacks.

The emulator is stricter than a linter about what a template may say, and knows fewer resources
than AWS. Those that it does not know are left out: UNKNOWN says which.
"""

from __future__ import annotations

import copy
import io
import json
import os
import signal
import socket
import subprocess
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
import httpx
import pytest

from kova_server.local_lambda.template import read_template
from tests.checks.template import NESTED
from tests.support.eventually import eventually

EMULATOR: Final = Path(".venv/emulator/bin/ministack")
ADDRESS: Final = "https://s3.amazonaws.com/templates"
IMAGE: Final = "/kova/image"  # Those that AWS itself names are not there.
UNKNOWN: Final = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::Instance",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::Logs::Delivery",
    "AWS::Logs::DeliveryDestination",
    "AWS::Logs::DeliverySource",
    "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyTargetGroup",
    "AWS::WAFv2::LoggingConfiguration",
}
# What refers to one of those, and alarms over several metrics, which it cannot calculate.
LEFT_OUT: Final = {"RouteByGateway", "RouteByInstance"}
# Answers CloudFormation as a custom resource does.
ANSWER: Final = """
import json, urllib.request

def handler(event, context):
    names = ("StackId", "RequestId", "LogicalResourceId")
    answer = {"Status": "SUCCESS", "PhysicalResourceId": "m", "Data": {}}
    body = json.dumps(answer | {name: event[name] for name in names}).encode()
    url, headers = event["ResponseURL"], {"Content-Type": ""}
    urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"))
"""


@contextmanager
def empty_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run an emulator whose files are below a folder, and let boto3 speak to it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "HOME": str(folder),
        "PATH": os.defpath,
        "TMPDIR": str(folder),
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]:
        monkeypatch.delenv(name)
    log = folder / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(EMULATOR.absolute())], cwd=folder, env=variables, stdout=output, stderr=output
        )
    try:
        eventually(lambda: _answers(port), 60, otherwise=log.read_text)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def create_stack(
    main: dict[str, Any], parameters: Mapping[str, str], folders: Sequence[Path] = (NESTED,)
) -> dict[str, Any]:
    """Upload a template, what it nests and code, create the stack, and return it when it is there.

    Args:
        main: the template; its functions answer as a custom resource, whatever their code.
        parameters: of the stack.
        folders: where the nested templates are.
    """
    s3, stacks = boto3.client("s3"), boto3.client("cloudformation")
    for bucket in ("templates", "code"):
        s3.create_bucket(Bucket=bucket)
    boto3.client("ssm").put_parameter(Name=IMAGE, Value="ami-0123456789abcdef0", Type="String")
    for name in main["Resources"]:
        s3.put_object(Bucket="code", Key=name, Body=_zipped(ANSWER))
    for path in (path for folder in folders for path in folder.glob("*.yaml")):
        template = read_template(path)
        if "Resources" in template:
            body = json.dumps(_reduced(template), default=str)
            s3.put_object(Bucket="templates", Key=path.name, Body=body.encode())
    s3.put_object(
        Bucket="templates", Key="main", Body=json.dumps(_reduced(main), default=str).encode()
    )
    stacks.create_stack(
        StackName="kova",
        TemplateURL=f"{ADDRESS}/main",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )

    def settled() -> dict[str, Any] | None:
        stack: dict[str, Any] = stacks.describe_stacks(StackName="kova")["Stacks"][0]
        return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

    stack = eventually(settled, 120, pause=0.2)
    failures = [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason')}"
        for row in stacks.describe_stacks()["Stacks"]
        for event in stacks.describe_stack_events(StackName=row["StackId"])["StackEvents"]
        if event["ResourceStatus"].endswith("FAILED")
    ]
    assert stack["StackStatus"] == "CREATE_COMPLETE", failures
    return stack


def _reduced(template: dict[str, Any]) -> dict[str, Any]:
    """A template without what the emulator does not know, its nested templates in S3."""
    resources = {
        name: copy.deepcopy(resource)
        for name, resource in template["Resources"].items()
        if resource["Type"] not in UNKNOWN and name not in LEFT_OUT and not _calculates(resource)
    }
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            file = resource["Properties"]["TemplateURL"].rpartition("/")[2]
            resource["Properties"]["TemplateURL"] = f"{ADDRESS}/{file}"
    parameters = copy.deepcopy(template.get("Parameters", {}))
    if "NatImage" in parameters:
        parameters["NatImage"]["Default"] = IMAGE
    conditions = dict(template.get("Conditions", {}))
    if "IsElsewhere" in conditions:
        # In a condition the emulator does not know AWS::Region, which is us-east-1 here.
        conditions["IsElsewhere"] = {"Fn::Equals": ["us-east-1", "elsewhere"]}
    return template | {
        "Resources": resources,
        "Parameters": parameters,
        "Conditions": conditions,
    }


def _calculates(resource: dict[str, Any]) -> bool:
    return resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]


def _zipped(code: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", code)
    return content.getvalue()
