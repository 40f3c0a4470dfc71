"""The templates of ECS: each rule sees its mistake, an emulator creates the stack, and it migrates."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import boto3
import pytest
from botocore.exceptions import WaiterError
from botocore.stub import ANY, Stubber

from deploy.ecs.migration.run_migration import TaskFailedError, run_task
from kova.bootstrap.settings import fill_from_secret, load_settings
from kova_server.local_lambda.template import read_template as read_with_functions
from kova_server.worker import NEEDED, NEEDED_IN_PRODUCTION
from tests.checks.ecs import FOLDER, NAMES, check_rules, read_templates
from tests.checks.template import NESTED, read_template
from tests.support import cloudformation
from tests.support.image import read_dockerfile

PARAMETERS: Final = {
    "ImageDigest": f"sha256:{'0' * 64}",
    "DomainName": "kova.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0",
}
EVERYTHING: Final = {
    **PARAMETERS,
    "Setup": "closed",
    "Spot": "yes",
    "DatabaseEngine": "aurora",
    "DatabaseReplica": "yes",
    "WayOut": "nat-instance",
    "AlarmEmail": "ops@example.com",
    "KmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
}
OWN: Final = {
    **PARAMETERS,
    "Network": "existing",
    "VpcId": "vpc-1",
    "SubnetIds": "subnet-1,subnet-2",
    "PublicSubnetIds": "subnet-3,subnet-4",
    "SecurityGroupId": "sg-1",
    "Data": "existing",
    "DatabaseUrl": "postgresql://db.example/kova?sslmode=verify-full",
    "DatabaseSecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:database-abcdef",
}
TASK: Final = "arn:aws:ecs:us-east-1:123456789012:task/kova/0123456789abcdef"
PROPERTIES: Final = {
    "Cluster": "arn:aws:ecs:us-east-1:123456789012:cluster/kova",
    "TaskDefinition": "kova-migrate:3",
    "Subnets": ["subnet-1"],
    "Groups": ["sg-1"],
    "LogGroup": "/ecs/kova/migrate",
}
CERTIFICATES: Final = "/kova/lib/python3.13/site-packages/kova/adapters/postgres/rds-ca.pem"
IMAGE: Final = "registry.example.com/kova:latest"


@cache
def templates() -> dict[str, dict[str, Any]]:
    return read_templates()


def planted(path: str, value: Any) -> dict[str, dict[str, Any]]:
    """Return the templates with another value at a path such as `Name.Key.0.Key`; None removes it."""
    changed = copy.deepcopy(templates())
    first, *rest = path.split(".")
    (template,) = (row for row in changed.values() if first in row["Resources"])
    place: Any = template["Resources"][first]
    if rest[0] != "DependsOn":
        place = place["Properties"]
    for part in rest[:-1]:
        place = place[int(part) if part.isdigit() else part]
    last = int(rest[-1]) if rest[-1].isdigit() else rest[-1]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return changed


def test_the_templates_break_no_rule() -> None:
    assert check_rules(templates()) == []


ENVIRONMENT: Final = "ContainerDefinitions.0.Environment"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"ApiTask.{ENVIRONMENT}.0.Name", "KOVA_ENVIRONMENT", "is no setting"),
        (f"WorkerTask.{ENVIRONMENT}.2.Name", "KOVA_CORS_ORIGINS", "KOVA_SCAN_QUEUE_URL is missing"),
        (f"WorkerTask.{ENVIRONMENT}.1", {"Name": "OPENAI_API_KEY", "Value": "k"}, "plain text"),
        (f"ApiTask.{ENVIRONMENT}.8.Value", "postgresql://a:b@c/d", "plain text"),
        (f"WorkerTask.{ENVIRONMENT}.9.Value", "SecretsStack.Outputs.CacheArn", "KOVA_SECRETS_KEY is missing"),
        (f"WorkerTask.{ENVIRONMENT}.9.Value.1.3", "SecretsStack.Outputs.WebhookArn", "may not read"),
        ("WorkerTask.TaskRoleArn", "ApiRole.Arn", "its role is not WorkerRole"),
        ("WorkerTask.ContainerDefinitions.0.User", "0", "the image's user"),
        ("ApiTask.ContainerDefinitions.0.ReadonlyRootFilesystem", None, "can be written to"),
        ("ApiTask.ContainerDefinitions.0.MountPoints", [], "/tmp"),
        ("ApiTask.ContainerDefinitions.0.LinuxParameters.InitProcessEnabled", None, "no init"),
        ("MigrateTask.ContainerDefinitions.0.LinuxParameters.Capabilities", {"Add": ["SYS_PTRACE"]}, "capabilities"),
        ("MigrateTask.ContainerDefinitions.0.Image", IMAGE, "by digest"),
        ("ApiTask.ContainerDefinitions.0.HealthCheck", None, "no health check"),
        ("WorkerTask.ContainerDefinitions.0.StopTimeout", 30, "not waited for"),
        ("WorkerLogs.RetentionInDays", None, "kept for ever"),
        ("ApiTask.ContainerDefinitions.0.LogConfiguration.Options.awslogs-group", "other", "no log group"),
        ("WorkerRole.ManagedPolicyArns.1", "SecretsStack.Outputs.ReadWebhook", "['ReadGithub', 'ReadWebhook']"),
        ("ApiRole.ManagedPolicyArns.5", "SecretsStack.Outputs.MakeApp", "after the setup"),
        ("MigrateRole.ManagedPolicyArns.2", "arn:aws:iam::aws:policy/AdministratorAccess", "AWS's"),
        ("RunMigrationRole.Policies.0.PolicyDocument.Statement.0.Action", "ecs:*", "it allows"),
        ("RunMigrationRole.Policies.0.PolicyDocument.Statement.0.Resource", "*", "about everything"),
        ("RunMigrationRole.Policies.0.PolicyDocument.Statement.2.Condition", None, "pass roles"),
        ("ApiRole.AssumeRolePolicyDocument.Statement.0.Condition", None, "other accounts"),
        ("ApiService.DeploymentConfiguration.DeploymentCircuitBreaker", {"Enable": True, "Rollback": False}, "not taken back"),
        ("ApiService.DeploymentConfiguration.MinimumHealthyPercent", 50, "fewer tasks"),
        ("WorkerService.EnableExecuteCommand", True, "commands can be run"),
        ("WorkerService.NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp", "ENABLED", "public address"),
        ("ApiService.DependsOn", "ApiRole", "before the database is migrated"),
        ("ApiService.DesiredCount", 1, "sets back"),
        ("Migration.TaskDefinition", "kova-migrate", "no reason to migrate"),
        ("HttpsListener.SslPolicy", "ELBSecurityPolicy-2016-08", "older than 1.2"),
        ("HttpListener.DefaultActions.0.Type", "forward", "without TLS"),
        ("Balancer.LoadBalancerAttributes.0.Value", "false", "drop_invalid_header_fields"),
        ("Balancer.LoadBalancerAttributes.4", {"Key": "access_logs.s3.enabled", "Value": "false"}, "access_logs"),
        ("TargetGroup.HealthCheckPath", "/health", "whether the process answers"),
        ("TargetGroup.TargetGroupAttributes.0.Value", "300", "deployments wait"),
        ("AccessLogsPolicy.PolicyDocument.Statement.1.Condition", {}, "without TLS"),
        ("BalancerGroup.SecurityGroupIngress.1.FromPort", 22, "open to the internet"),
        ("ApiFromBalancer.CidrIp", "0.0.0.0/0", "open to the internet"),
        ("ApiFromBalancer.SourceSecurityGroupId", "FunctionGroup", "others than the load balancer"),
        ("ApiGroup.SecurityGroupEgress.0.CidrIp", "0.0.0.0/0", "reaches everything"),
        ("ApiByRequests.ScalingTargetId", "WorkerTarget", "does not follow the load"),
        ("JobsWait.AlarmActions", ["FewerWorkers"], "does not call"),
        ("JobsWait.Metrics.2", {}, "does not look at CommandQueue"),
        ("FewerWorkers.StepScalingPolicyConfiguration.StepAdjustments.0.ScalingAdjustment", 1, "the opposite"),
        ("WorkerTarget.MaxCapacity", 100, "its bounds"),
        ("ApiTasksMissing.AlarmActions", [], "tells nobody"),
        ("WatchStack.Parameters.FixDeadLetters", "other", "dead letters of Fix"),
    ],
)  # fmt: skip
def test_a_mistake_is_seen(path: str, value: Any, problem: str) -> None:
    problems = check_rules(planted(path, value))
    assert any(problem in text for text in problems), problems


def test_a_missing_alarm_is_seen() -> None:
    changed = copy.deepcopy(templates())
    del changed["balancer"]["Resources"]["ContainersSlow"]
    assert check_rules(changed) == ["alarms: ['ContainersSlow'] are missing"]


def test_an_image_without_digest_is_seen() -> None:
    changed = copy.deepcopy(templates())
    changed["template"]["Parameters"]["ImageDigest"]["Default"] = "latest"
    assert check_rules(changed) == ["ImageDigest: it takes what is no digest"]


def test_what_a_nested_stack_is_given_and_asked_for_exists() -> None:
    resources = templates()["template"]["Resources"]
    for name, resource in resources.items():
        if resource["Type"] != "AWS::CloudFormation::Stack":
            continue
        template = read_template(FOLDER / resource["Properties"]["TemplateURL"])
        given = set(resource["Properties"]["Parameters"])
        needed = {key for key, row in template["Parameters"].items() if "Default" not in row}
        assert needed <= given <= set(template["Parameters"]), name
        outputs = set(re.findall(rf"{name}\.Outputs\.(\w+)", str(templates()["template"])))
        assert outputs <= set(template.get("Outputs", {})), name


def test_the_database_s_certificate_is_where_the_image_has_it() -> None:
    text = Path("Dockerfile").read_text()
    version = re.findall(r"^FROM python:(\d\.\d+)", text, re.MULTILINE)[-1]
    assert ("build", "/kova", "/kova") in read_dockerfile(text).moved
    stack = templates()["template"]["Resources"]["DataStack"]["Properties"]["Parameters"]
    assert stack["RootCertificates"] == CERTIFICATES
    assert f"/python{version}/" in CERTIFICATES
    assert Path("layers/common/kova/adapters/postgres/rds-ca.pem").exists()


def test_the_image_s_own_tmp_is_what_a_task_mounts() -> None:
    # ECS makes an empty volume root's own, unless the image has a volume at the same place.
    assert 'VOLUME ["/tmp"]' in Path("Dockerfile").read_text().splitlines()


def test_the_page_of_alerts_says_what_to_do_about_each_alarm() -> None:
    page = Path("docs/alerts.md").read_text()
    for name in NAMES:
        for alarm, resource in templates()[name]["Resources"].items():
            if resource["Type"] == "AWS::CloudWatch::Alarm":
                assert f"`{alarm}`" in page, alarm


def create_stack(parameters: Mapping[str, str]) -> dict[str, Any]:
    main = read_with_functions(FOLDER / "template.yaml")
    # As `aws cloudformation package` uploads it.
    code = {"S3Bucket": "code", "S3Key": "RunMigrationFunction"}
    main["Resources"]["RunMigrationFunction"]["Properties"] |= {
        "Code": code,
        "Handler": "app.handler",
    }
    return cloudformation.create_stack(main, parameters, (NESTED, FOLDER))


def environment_of(task: str) -> dict[str, str]:
    """Return the variables of a task of the stack, with those that its secrets fill."""
    answer = boto3.client("ecs").describe_task_definition(taskDefinition=f"kova-{task}")
    (container,) = answer["taskDefinition"]["containerDefinitions"]
    variables = {row["name"]: row["value"] for row in container["environment"]}
    secrets = boto3.client("secretsmanager")
    for arn in filter(None, variables.get("KOVA_SECRETS_ARN", "").split(",")):
        text = secrets.get_secret_value(SecretId=arn)["SecretString"]
        variables = fill_from_secret(variables, text, arn)
    # The file is looked for, and here it is elsewhere.
    own = quote(str(Path(files("kova.adapters.postgres")) / "rds-ca.pem"))
    return {name: value.replace(CERTIFICATES, own) for name, value in variables.items()}


@pytest.mark.usefixtures("aws")
def test_an_empty_account_becomes_a_stack_whose_processes_have_what_they_need() -> None:
    stack = create_stack(PARAMETERS)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    assert outputs["Url"] == "https://kova.example.com"
    needs = {"needed": NEEDED, "needed_in_production": NEEDED_IN_PRODUCTION}
    api = load_settings(environment_of("api"), **needs)
    worker = load_settings(environment_of("worker"), **needs)
    migrate = load_settings(environment_of("migrate"), needed=("KOVA_DATABASE_URL",))
    assert api.scan_queue_url == worker.scan_queue_url
    assert api.fix_queue_url != api.ai.command_queue_url
    assert api.metrics_token is not None
    assert worker.metrics_token is None
    assert api.setup.token is not None
    assert api.setup.app_secret_arn is not None
    assert "sslmode=verify-full" in str(worker.database_url)
    assert migrate.admin_key_secret_arn == outputs["AdminKeySecret"]
    assert migrate.secrets_key is None
    services = boto3.client("ecs").list_services(cluster=_cluster())["serviceArns"]
    assert len(services) == 2
    balancers = boto3.client("elbv2")
    (arn,) = (
        row["LoadBalancerArn"] for row in balancers.describe_load_balancers()["LoadBalancers"]
    )
    listeners = balancers.describe_listeners(LoadBalancerArn=arn)["Listeners"]
    assert {row["Port"]: row["DefaultActions"][0]["Type"] for row in listeners} == {
        443: "forward",
        80: "redirect",
    }


def _cluster() -> str:
    (arn,) = boto3.client("ecs").list_clusters()["clusterArns"]
    return str(arn)


@pytest.mark.parametrize("parameters", [EVERYTHING, OWN], ids=["everything", "own"])
@pytest.mark.usefixtures("aws")
def test_every_form_of_the_stack_is_created(parameters: dict[str, str]) -> None:
    create_stack(parameters)
    variables = environment_of("api")
    assert ("KOVA_SETUP_TOKEN" in variables) is (parameters is OWN)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({**PARAMETERS, "Data": "existing"}, "DatabaseUrl"),
        ({**PARAMETERS, "Network": "existing"}, "SubnetIds"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_parameters_that_do_not_fit_are_refused_with_a_sentence(
    parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(Exception, match=message):
        create_stack(parameters)


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Stubber]]:
    """A client of ECS whose calls and answers are held against AWS's own model."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("ecs", aws_access_key_id="test", aws_secret_access_key="test")
    with Stubber(client) as stubber:
        yield client, stubber


def answer_run(stubber: Stubber, answer: dict[str, Any]) -> None:
    asked = {
        "cluster": PROPERTIES["Cluster"],
        "taskDefinition": PROPERTIES["TaskDefinition"],
        "launchType": "FARGATE",
        "networkConfiguration": ANY,
    }
    stubber.add_response("run_task", answer, asked)


def answer_looks(stubber: Stubber, *tasks: dict[str, Any]) -> None:
    for task in tasks:
        stubber.add_response("describe_tasks", {"tasks": [{"taskArn": TASK, **task}]})


STARTED: Final = {"tasks": [{"taskArn": TASK}], "failures": []}


def test_a_migration_that_ends_well_lets_the_services_change(ecs: tuple[Any, Stubber]) -> None:
    client, stubber = ecs
    answer_run(stubber, STARTED)
    stopped = {"lastStatus": "STOPPED", "containers": [{"exitCode": 0}]}
    answer_looks(stubber, {"lastStatus": "RUNNING"}, stopped, stopped)
    run_task(client, PROPERTIES, wait_seconds=0)
    stubber.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ({"exitCode": 2}, "ended with 2 .*/ecs/kova/migrate"),
        ({"reason": "CannotPullContainerError"}, "no exit code .CannotPullContainerError"),
    ],
)
def test_a_migration_that_fails_ends_the_deployment(
    ecs: tuple[Any, Stubber], container: dict[str, Any], reason: str
) -> None:
    client, stubber = ecs
    answer_run(stubber, STARTED)
    stopped = {"lastStatus": "STOPPED", "containers": [container]}
    answer_looks(stubber, stopped, stopped)
    with pytest.raises(TaskFailedError, match=reason):
        run_task(client, PROPERTIES, wait_seconds=0)


def test_a_migration_that_does_not_start_or_end_ends_the_deployment(
    ecs: tuple[Any, Stubber],
) -> None:
    client, stubber = ecs
    answer_run(stubber, {"tasks": [], "failures": [{"reason": "RESOURCE:MEMORY"}]})
    with pytest.raises(TaskFailedError, match="RESOURCE:MEMORY"):
        run_task(client, PROPERTIES)
    answer_run(stubber, STARTED)
    answer_looks(stubber, {"lastStatus": "RUNNING"}, {"lastStatus": "RUNNING"})
    with pytest.raises(WaiterError):
        run_task(client, PROPERTIES, wait_seconds=0, waits=2)


def test_the_function_s_properties_are_what_it_reads() -> None:
    migration = templates()["template"]["Resources"]["Migration"]["Properties"]
    assert set(migration) - {"ServiceToken", "ServiceTimeout"} == set(PROPERTIES)
