"""The templates of AWS: least privilege, encryption, queues and alarms, read from what SAM makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.checks.template import NESTED, read_template, translated_template

MANAGED = "arn:aws:iam::aws:policy/service-role/"
OUTSIDE_OF_THE_VPC = {"DocsFunction", "GithubWebhookFunction", "SlackFunction", "SetupFunction"}
SECRETS = {
    "Migrate": {"Data", "AdminKey"},
    "Keys": {"Data"},
    "Health": {"Data", "Github"},
    "Metrics": {"Data", "Signing", "Metrics"},
    "Api": {"Data", "Signing", "Github"},
    "Auth": {"Data", "Signing", "GithubClient", "SignIn"},
    "Dashboard": {"Data", "Signing", "Github", "GithubClient", "SignIn", "Models"},
    "Reports": {"Data", "Signing", "GithubClient", "SignIn"},
    "Docs": set(),
    "GithubWebhook": {"Webhook"},
    "Slack": {"Chat"},
    "Setup": {"Setup", "Github", "GithubClient", "Webhook"},
    "Scan": {"Data", "Github", "Hash", "Models"},
    "AiCommand": {"Data", "Signing", "Github", "Models"},
    "Command": {"Data", "Signing", "Github", "Models", "Chat"},
    "Fix": {"Data", "Github"},
    "Periodic": {"Data", "Github"},
    "Notify": {"Data", "Chat"},
    "Redelivery": {"Data", "Github"},
}
"""By function, whose secrets it may read. A scan reads those of models only with Pinecone. The pages
end a session whose provider is not configured any more: Dashboard, too, reads what signs people in.
"""
ANSWER_HTTP = {
    "Health",
    "Metrics",
    "Api",
    "Auth",
    "Dashboard",
    "Reports",
    "Docs",
    "GithubWebhook",
    "Slack",
    "Setup",
    "AiCommand",
}
"""With OnlyThroughCloudFront=yes these read what CloudFront sends, too."""
POLICIES = {
    "MakeApp": {"Setup", "Github", "GithubClient", "Webhook"},
    "ReadSignIn": {"SignIn", "GithubClient"},
    "ReadSigned": {"Data", "Signing"},
}
"""The secrets of policies that are about several; any other has the name of its one."""
QUEUES = {
    "Health": {"Look"},
    "Metrics": {"Look"},
    "Api": {"SendScan", "SendFix"},
    "Dashboard": {"SendScan", "SendFix"},
    "GithubWebhook": {"SendScan", "SendCommand"},
    "Slack": {"SendCommand"},
    "Scan": {"WorkScan"},
    "AiCommand": {"SendCommand"},
    "Command": {"WorkCommand", "SendScan", "SendFix"},
    "Fix": {"WorkFix"},
    "Periodic": {"SendScan"},
}


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    resources: dict[str, Any] = translated_template()["Resources"]
    return resources


@cache
def nested(name: str) -> dict[str, Any]:
    return read_template(NESTED / f"{name}.yaml")


def of_type(resources: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == kind
    }


def outputs_in(value: object, stack: str) -> set[str]:
    """The outputs of a nested stack that a value refers to."""
    return set(re.findall(rf'"{stack}", "Outputs\.(\w+)"', json.dumps(value)))


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement of a policy for identities in the nested templates."""
    for path in NESTED.glob("*.yaml"):
        for name, resource in read_template(path).get("Resources", {}).items():
            properties = resource.get("Properties", {})
            documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
            if resource["Type"] == "AWS::IAM::ManagedPolicy":
                documents.append(properties["PolicyDocument"])
            for document in documents:
                for statement in document["Statement"]:
                    # A statement that a condition adds is a list: condition, statement, nothing.
                    yield name, statement if isinstance(statement, dict) else statement[1]


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_function_reads_the_secrets_that_it_needs_and_no_other(
    resources: dict[str, Any], name: str
) -> None:
    role = resources[f"{name}FunctionRole"]["Properties"]
    policies = outputs_in(role["ManagedPolicyArns"], "SecretsStack") - {"UseKey"}
    readable = {
        secret
        for policy in policies
        for secret in POLICIES.get(policy, {re.sub(r"^(Read|Keep)", "", policy)})
    }
    variables = resources[f"{name}Function"]["Properties"]["Environment"]["Variables"]
    named = {
        arn.removesuffix("Arn").replace("Cache", "Data")
        for arn in outputs_in(variables, "SecretsStack")
    }
    if variables["KOVA_DATABASE_SECRET_ARN"]:
        named.add("Data")
    expected = SECRETS[name] | ({"Origin"} if name in ANSWER_HTTP else set())
    assert named == expected
    assert readable == expected
    assert "Policies" not in role


def test_a_policy_names_the_secrets_that_its_name_says() -> None:
    for name, resource in nested("secrets")["Resources"].items():
        if resource["Type"] != "AWS::IAM::ManagedPolicy" or name in {
            "ReadData",
            "ReadSigned",
            "UseKey",
        }:
            continue
        statements = resource["Properties"]["PolicyDocument"]["Statement"]
        named: set[str] = set()
        for statement in statements:
            targets = statement["Resource"]
            named |= {targets} if isinstance(targets, str) else set(targets)
        expected = POLICIES.get(name, {re.sub(r"^(Read|Keep)", "", name)})
        assert named == {f"{secret}Secret" for secret in expected}, name


def test_what_signs_people_in_is_apart_from_the_app_s_private_key() -> None:
    secrets = of_type(nested("secrets")["Resources"], "AWS::SecretsManager::Secret")
    assert "CLIENT" not in secrets["GithubSecret"]["Description"]
    assert "KOVA_GITHUB_CLIENT_SECRET" in secrets["GithubClientSecret"]["Description"]


def test_every_function_is_in_the_table(resources: dict[str, Any]) -> None:
    functions = {
        name.removesuffix("Function") for name in of_type(resources, "AWS::Lambda::Function")
    }
    assert functions == set(SECRETS)


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_function_uses_the_queues_that_it_needs_and_no_other(
    resources: dict[str, Any], name: str
) -> None:
    role = resources[f"{name}FunctionRole"]["Properties"]
    assert outputs_in(role["ManagedPolicyArns"], "QueuesStack") == QUEUES.get(name, set())
    managed = {arn for arn in role["ManagedPolicyArns"] if isinstance(arn, str)}
    assert managed <= {
        f"{MANAGED}AWSLambdaBasicExecutionRole",
        f"{MANAGED}AWSLambdaVPCAccessExecutionRole",
    }


def test_cloudfront_s_stack_finds_a_copy_of_its_secret_where_that_is_elsewhere() -> None:
    template = nested("secrets")
    secret = template["Resources"]["OriginSecret"]["Properties"]
    assert template["Conditions"]["IsElsewhere"] == [["AWS::Region", "us-east-1"]]
    assert secret["ReplicaRegions"] == ["IsElsewhere", [{"Region": "us-east-1"}], "AWS::NoValue"]
    _, parts = template["Outputs"]["OriginArnOfCloudFront"]["Value"]
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:Origin-AbCdEf"
    values = {"AWS::Partition": "aws", "AWS::AccountId": "123456789012"}
    index, (separator, _) = parts[-1]
    joined = [values.get(part, part) for part in parts[:-1]] + [arn.split(separator)[index]]
    assert ":".join(joined) == arn.replace("eu-west-1", "us-east-1")


@pytest.mark.parametrize("name", ["Auth", "Dashboard", "Setup"])
def test_what_takes_forms_knows_their_public_address(resources: dict[str, Any], name: str) -> None:
    """Behind a CDN a form's origin is not the host of the request."""
    variables = resources[f"{name}Function"]["Properties"]["Environment"]["Variables"]
    setup = resources["SetupFunction"]["Properties"]["Environment"]["Variables"]
    assert variables["KOVA_PUBLIC_URL"] == setup["KOVA_PUBLIC_URL"]
    assert {"Ref": "PublicUrl"} in variables["KOVA_PUBLIC_URL"]["Fn::If"]


def test_no_policy_of_ours_allows_everything() -> None:
    for name, statement in statements():
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action), f"{name} allows {action}"
        assert statement["Resource"] != "*", f"{name} is about everything"


def test_only_what_needs_no_data_is_outside_of_the_vpc(resources: dict[str, Any]) -> None:
    functions = of_type(resources, "AWS::Lambda::Function")
    outside = {name for name, properties in functions.items() if "VpcConfig" not in properties}
    assert outside == OUTSIDE_OF_THE_VPC


def test_a_queue_hides_a_message_for_six_times_its_function_s_time_out(
    resources: dict[str, Any],
) -> None:
    visibilities = {
        name.removesuffix("Visibility"): parameter["Default"]
        for name, parameter in nested("queues")["Parameters"].items()
        if name.endswith("Visibility")
    }
    assert set(visibilities) == {"Scan", "Command", "Fix"}
    for name, seconds in visibilities.items():
        assert seconds >= 6 * resources[f"{name}Function"]["Properties"]["Timeout"]
        queue = nested("queues")["Resources"][f"{name}Queue"]["Properties"]
        assert queue["VisibilityTimeout"] == f"{name}Visibility"
    assert "Parameters" in resources["QueuesStack"]["Properties"]
    assert set(resources["QueuesStack"]["Properties"]["Parameters"]) == {"KmsKeyArn"}


def test_every_queue_is_encrypted_spoken_to_by_tls_kept_and_has_dead_letters() -> None:
    resources = nested("queues")["Resources"]
    queues = {name: row for name, row in resources.items() if row["Type"] == "AWS::SQS::Queue"}
    assert len(queues) == 6
    for name, queue in queues.items():
        properties = queue["Properties"]
        assert queue["DeletionPolicy"] == queue["UpdateReplacePolicy"] == "Retain"
        assert properties["SqsManagedSseEnabled"] == ["HasKey", "AWS::NoValue", True]
        assert properties["KmsMasterKeyId"] == ["HasKey", "KmsKeyArn", "AWS::NoValue"]
        assert properties["MessageRetentionPeriod"] == 14 * 24 * 3600
        (statement,) = resources[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}
        assert statement["Resource"] == f"{name}.Arn"
        if name.endswith("Queue"):
            letters = f"{name.removesuffix('Queue')}DeadLetters.Arn"
            assert properties["RedrivePolicy"]["deadLetterTargetArn"] == letters


def test_each_function_has_a_log_group_that_forgets_and_alarms(resources: dict[str, Any]) -> None:
    groups = of_type(nested("logs")["Resources"], "AWS::Logs::LogGroup")
    alarms = of_type(nested("watch")["Resources"], "AWS::CloudFormation::Stack")
    for name in SECRETS:
        function = resources[f"{name}Function"]["Properties"]
        assert function["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{name}"}
        assert groups[name]["LogGroupName"] == f"/aws/lambda/${{Prefix}}-{name}"
        assert groups[name]["RetentionInDays"] == "Days"
        parameters = alarms[f"{name}Alarms"]["Parameters"]
        assert parameters["Function"] == f"${{Prefix}}-{name}"
        assert parameters["Slowest"] < function["Timeout"] * 1000
    kinds = {
        alarm["MetricName"]
        for alarm in of_type(
            nested("function-alarms")["Resources"], "AWS::CloudWatch::Alarm"
        ).values()
    }
    assert kinds == {"Errors", "Throttles", "Duration"}


def test_each_queue_has_alarms_for_old_and_for_dead_messages() -> None:
    alarms = of_type(nested("watch")["Resources"], "AWS::CloudWatch::Alarm")
    for name in ("Scan", "Command", "Fix"):
        old, dead = alarms[f"{name}QueueOld"], alarms[f"{name}Buried"]
        assert old["MetricName"] == "ApproximateAgeOfOldestMessage"
        assert old["Dimensions"] == [{"Name": "QueueName", "Value": f"{name}Queue"}]
        assert dead["MetricName"] == "ApproximateNumberOfMessagesVisible"
        assert dead["Dimensions"] == [{"Name": "QueueName", "Value": f"{name}DeadLetters"}]
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == ["Topic"]


def test_data_is_private_encrypted_and_spoken_to_by_tls() -> None:
    resources = nested("data")["Resources"]
    instance = resources["DatabaseInstance"]
    cluster, cache_group = resources["DatabaseCluster"], resources["CacheCluster"]["Properties"]
    for row in (instance, cluster):
        assert row["DeletionPolicy"] == row["UpdateReplacePolicy"] == "Snapshot"
        assert row["Properties"]["StorageEncrypted"] is True
        assert row["Properties"]["DeletionProtection"] is True
        assert "SecretString:password" in row["Properties"]["MasterUserPassword"]
    assert instance["Properties"]["PubliclyAccessible"] is False
    for name in ("InstanceParameters", "ClusterParameters"):
        assert resources[name]["Properties"]["Parameters"]["rds.force_ssl"] == "1"
    for name in ("DatabaseUrl", "DatabaseOwnUrl", "DatabaseReadUrl"):
        assert "sslmode=verify-full" in json.dumps(nested("data")["Outputs"][name])
    assert resources["Proxy"]["Properties"]["RequireTLS"] is True
    assert cache_group["TransitEncryptionEnabled"] is cache_group["AtRestEncryptionEnabled"] is True
    assert "KOVA_REDIS_PASSWORD" in cache_group["AuthToken"]


def test_no_group_is_open_to_the_internet() -> None:
    for path in NESTED.glob("*.yaml"):
        for name, resource in read_template(path).get("Resources", {}).items():
            ingress = resource.get("Properties", {}).get("SecurityGroupIngress", [])
            if resource["Type"] == "AWS::EC2::SecurityGroupIngress":
                ingress = [resource["Properties"]]
            assert not [rule for rule in ingress if rule.get("CidrIp") == "0.0.0.0/0"], name


def test_the_database_is_migrated_before_other_functions_are_replaced(
    resources: dict[str, Any],
) -> None:
    assert resources["Migration"]["Properties"]["Layer"].keys() == {"Ref"}
    variables = resources["MigrateFunction"]["Properties"]["Environment"]["Variables"]
    assert "DatabaseOwnUrl" in json.dumps(variables["KOVA_DATABASE_URL"])  # Not the proxy.
    for name in SECRETS:
        after = resources[f"{name}Function"]["DependsOn"]
        assert after == ("LogsStack" if name == "Migrate" else "Migration")


def test_webhooks_have_a_throttle_of_their_own(resources: dict[str, Any]) -> None:
    (stage,) = of_type(resources, "AWS::ApiGatewayV2::Stage").values()
    usual, webhook = stage["DefaultRouteSettings"], stage["RouteSettings"]["POST /webhooks/github"]
    assert webhook["ThrottlingRateLimit"] > usual["ThrottlingRateLimit"]
    assert "$context.identity.sourceIp" in stage["AccessLogSettings"]["Format"]


def test_what_a_nested_stack_is_given_and_asked_for_exists(resources: dict[str, Any]) -> None:
    text = json.dumps(resources)
    for name, stack in of_type(resources, "AWS::CloudFormation::Stack").items():
        template = read_template(Path(stack["TemplateURL"]))
        parameters = template["Parameters"]
        assert set(stack["Parameters"]) <= set(parameters), name
        needed = {key for key, parameter in parameters.items() if "Default" not in parameter}
        assert needed <= set(stack["Parameters"]), name
        outputs = set(re.findall(rf'"{name}", "Outputs\.(\w+)"', text))
        assert outputs <= set(template["Outputs"]), name


def test_every_function_has_a_runtime_that_is_supported(resources: dict[str, Any]) -> None:
    runtimes = read_template(Path("template.yaml"))["Parameters"]["PythonRuntime"]["AllowedValues"]
    assert min(tuple(map(int, re.findall(r"\d+", runtime))) for runtime in runtimes) >= (3, 12)
    for function in of_type(resources, "AWS::Lambda::Function").values():
        assert function["Runtime"] == {"Ref": "PythonRuntime"}


def test_the_page_of_alerts_says_what_to_do_about_each_alarm() -> None:
    page = Path("docs/alerts.md").read_text()
    for template in ("watch", "function-alarms"):
        for name in of_type(nested(template)["Resources"], "AWS::CloudWatch::Alarm"):
            written = f"NAME{name}" if template == "function-alarms" else name
            assert f"`{written}`" in page, written


def test_a_schedule_may_call_its_function_and_no_other(resources: dict[str, Any]) -> None:
    targets = [
        schedule["Target"] for schedule in of_type(resources, "AWS::Scheduler::Schedule").values()
    ]
    functions = sorted(target["Arn"]["Fn::GetAtt"][0] for target in targets)
    assert functions == ["NotifyFunction", "PeriodicFunction", "RedeliveryFunction"]
    for target in targets:
        role = resources[target["RoleArn"]["Fn::GetAtt"][0]]["Properties"]
        (policy,) = role["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Action"] == "lambda:InvokeFunction"
        assert statement["Resource"] == target["Arn"]


def test_the_schedule_of_notices_rests_until_there_is_a_chat(resources: dict[str, Any]) -> None:
    """A look every minute would keep a database awake that could pause."""
    states = {
        schedule["Target"]["Arn"]["Fn::GetAtt"][0]: schedule.get("State", "ENABLED")
        for schedule in of_type(resources, "AWS::Scheduler::Schedule").values()
    }
    assert states["NotifyFunction"] == {"Fn::If": ["HasChats", "ENABLED", "DISABLED"]}
    assert states["PeriodicFunction"] == "ENABLED"
