"""The stack is created by an emulator of CloudFormation: every reference in it resolves.

The emulator is stricter than a linter about what a template may say, and knows fewer resources
than AWS. Those that it does not know are left out: UNKNOWN says which.
"""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import boto3
import httpx
import pytest

from kova_server.local_lambda.template import read_template
from tests.checks.template import NESTED, SAM, translated_template
from tests.support.eventually import eventually

EMULATOR: Final = Path(".venv/emulator/bin/ministack")
ADDRESS: Final = "https://s3.amazonaws.com/templates"
IMAGE: Final = "/kova/image"  # Those that AWS itself names are not there.
UNKNOWN: Final = {
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
# What refers to one of those, and the one alarm over a quotient, which it cannot calculate.
LEFT_OUT: Final = {"RouteByGateway", "RouteByInstance", "ApiFailures"}
MIGRATE: Final = """
import json, urllib.request

def handler(event, context):
    names = ("StackId", "RequestId", "LogicalResourceId")
    answer = {"Status": "SUCCESS", "PhysicalResourceId": "m", "Data": {}}
    body = json.dumps(answer | {name: event[name] for name in names}).encode()
    url, headers = event["ResponseURL"], {"Content-Type": ""}
    urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"))
"""
OWN_DATA: Final = {
    "Data": "existing",
    "DatabaseUrl": "postgresql://db.example/kova?sslmode=verify-full",
    "DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-abcdef",
}

pytestmark = pytest.mark.skipif(
    not (EMULATOR.exists() and SAM.exists()), reason="`make test` without T= sets the emulator up"
)


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account of an emulator, for this test alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "HOME": str(tmp_path),
        "PATH": os.defpath,
        "TMPDIR": str(tmp_path),
    }
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    for name in [name for name in os.environ if name.startswith("AWS_ENDPOINT_URL_")]:
        monkeypatch.delenv(name)
    log = tmp_path / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(EMULATOR.absolute())], cwd=tmp_path, env=variables, stdout=output, stderr=output
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


def create_stack(parameters: Mapping[str, str]) -> dict[str, Any]:
    """Upload the templates and code, create the stack, and return it when it is there or failed."""
    s3 = boto3.client("s3")
    for bucket in ("templates", "code"):
        s3.create_bucket(Bucket=bucket)
    boto3.client("ssm").put_parameter(Name=IMAGE, Value="ami-0123456789abcdef0", Type="String")
    main = translated_template()
    for name in main["Resources"]:
        s3.put_object(Bucket="code", Key=name, Body=_zipped(MIGRATE))
    for path in NESTED.glob("*.yaml"):
        template = read_template(path)
        if "Resources" in template:
            body = json.dumps(_reduced(template), default=str)
            s3.put_object(Bucket="templates", Key=path.name, Body=body.encode())
    return _create("kova", _reduced(main), parameters)


def _create(
    name: str, template: Mapping[str, Any], parameters: Mapping[str, str]
) -> dict[str, Any]:
    """Create a stack, and return it when it is there."""
    stacks = boto3.client("cloudformation")
    body = json.dumps(template, default=str).encode()
    boto3.client("s3").put_object(Bucket="templates", Key=name, Body=body)
    stacks.create_stack(
        StackName=name,
        TemplateURL=f"{ADDRESS}/{name}",
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )

    def settled() -> dict[str, Any] | None:
        stack: dict[str, Any] = stacks.describe_stacks(StackName=name)["Stacks"][0]
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
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] not in UNKNOWN and name not in LEFT_OUT
    }
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            file = resource["Properties"]["TemplateURL"].rpartition("/")[2]
            resource["Properties"]["TemplateURL"] = f"{ADDRESS}/{file}"
    if "IsElsewhere" in template.get("Conditions", {}):
        # In a condition the emulator does not know AWS::Region, which is us-east-1 here.
        template["Conditions"]["IsElsewhere"] = {"Fn::Equals": ["us-east-1", "elsewhere"]}
    parameters = template.get("Parameters", {})
    if "NatImage" in parameters:
        parameters["NatImage"]["Default"] = IMAGE
    return template | {"Resources": resources}


def _zipped(code: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", code)
    return content.getvalue()


def environment_of(name: str) -> dict[str, str]:
    answer = boto3.client("lambda").get_function_configuration(FunctionName=f"kova-{name}")
    return dict(answer["Environment"]["Variables"])


@pytest.mark.usefixtures("aws")
def test_an_empty_account_becomes_a_stack() -> None:
    stack = create_stack({})
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["ApiUrl"].startswith("https://")
    scan = environment_of("Scan")
    assert scan["KOVA_DATABASE_URL"].startswith("postgresql://kova@")
    assert scan["KOVA_REDIS_URL"].startswith("rediss://")
    secrets = boto3.client("secretsmanager")
    password = json.loads(
        secrets.get_secret_value(SecretId=scan["KOVA_DATABASE_SECRET_ARN"])["SecretString"]
    )
    assert password["username"] == "kova"
    assert len(password["password"]) == 32
    names = {
        key
        for arn in scan["KOVA_SECRETS_ARN"].split(",")
        if arn
        for key in json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
    }
    assert names == {"KOVA_REDIS_PASSWORD", "KOVA_SECRETS_KEY"}
    webhook = environment_of("GithubWebhook")
    assert webhook["KOVA_DATABASE_SECRET_ARN"] == ""
    sqs = boto3.client("sqs")
    for name in ("SCAN", "COMMAND", "FIX"):
        url = webhook[f"KOVA_{name}_QUEUE_URL"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        policy = json.loads(attributes["RedrivePolicy"])
        assert "DeadLetters" in policy["deadLetterTargetArn"]
    mappings = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    setup = environment_of("Setup")
    assert (setup["KOVA_DATABASE_SECRET_ARN"], setup["KOVA_REDIS_URL"]) == ("", "")
    token = secrets.get_secret_value(SecretId=setup["KOVA_SECRETS_ARN"].rstrip(","))["SecretString"]
    assert len(json.loads(token)["KOVA_SETUP_TOKEN"]) >= 24
    assert len(mappings) == 3
    assert {tuple(row["FunctionResponseTypes"]) for row in mappings} == {
        ("ReportBatchItemFailures",)
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {**OWN_DATA, "Network": "none"},
        {**OWN_DATA, "Network": "none", "Vectors": "pinecone", "RedisUrl": "rediss://h:6379/0"},
        {"DatabaseEngine": "aurora", "DatabaseReplica": "yes", "Cache": "no", "WayOut": "none"},
        {
            "DatabaseMultiAz": "yes",
            "DatabaseReplica": "yes",
            "CacheReplica": "yes",
            "InterfaceEndpoints": "yes",
            "AlarmEmail": "ops@example.com",
            "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
            "DomainName": "kova.example.com",
            "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0",
            "ReservedConcurrency": "5",
            "OnlyThroughCloudFront": "yes",
            "PublicUrl": "https://kova.example.com",
        },
    ],
    ids=["cheapest", "pinecone", "aurora", "everything"],
)
@pytest.mark.usefixtures("aws")
def test_every_form_of_the_stack_is_created(parameters: dict[str, str]) -> None:
    create_stack(parameters)


@pytest.mark.usefixtures("aws")
def test_cloudfront_sends_what_the_secret_holds() -> None:
    secrets = boto3.client("secretsmanager")
    value = {"KOVA_ORIGIN_SECRET": "old,new", "NEXT": "new"}
    arn = secrets.create_secret(Name="origin", SecretString=json.dumps(value))["ARN"]
    parameters = {
        "ApiHost": "abc.execute-api.eu-central-1.amazonaws.com",
        "OriginSecretArn": arn,
        "OriginSecretMember": "NEXT",
    }
    boto3.client("s3").create_bucket(Bucket="templates")
    stack = _create("edge", _reduced(read_template(NESTED / "edge.yaml")), parameters)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    cloudfront = boto3.client("cloudfront")
    (summary,) = cloudfront.list_distributions()["DistributionList"]["Items"]
    assert outputs["Url"] == f"https://{summary['DomainName']}"
    distribution = cloudfront.get_distribution_config(Id=summary["Id"])["DistributionConfig"]
    (origin,) = distribution["Origins"]["Items"]
    assert origin["DomainName"] == parameters["ApiHost"]
    (header,) = origin["CustomHeaders"]["Items"]
    assert (header["HeaderName"], header["HeaderValue"]) == ("X-Origin-Verify", "new")
    (web_acl,) = boto3.client("wafv2").list_web_acls(Scope="CLOUDFRONT")["WebACLs"]
    assert distribution["WebACLId"] == web_acl["ARN"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Network": "none"}, "choose a network"),
        ({"Data": "existing"}, "DatabaseUrl"),
        ({"Network": "existing"}, "SubnetIds"),
        ({"DomainName": "kova.example.com"}, "CertificateArn"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_parameters_that_do_not_fit_are_refused_with_a_sentence(
    parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        create_stack(parameters)
