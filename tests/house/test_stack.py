"""The stack is created by an emulator of CloudFormation: every reference in it resolves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import boto3
import pytest

from kova_server.local_lambda.template import read_template
from tests.checks.template import NESTED, SAM, translated_template
from tests.support import cloudformation

OWN_DATA: Final = {
    "Data": "existing",
    "DatabaseUrl": "postgresql://db.example/kova?sslmode=verify-full",
    "DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-abcdef",
}

pytestmark = pytest.mark.skipif(
    not SAM.exists(), reason="`make test` without T= sets the SAM CLI up"
)


@cache
def template() -> dict[str, Any]:
    return translated_template()


def create_stack(parameters: Mapping[str, str]) -> dict[str, Any]:
    return cloudformation.create_stack(template(), parameters)


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
    stack = cloudformation.create_stack(read_template(NESTED / "edge.yaml"), parameters)
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
