"""deploy/ecs: cfn-lint, checkov, and rules of our own about what its tasks may do and are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.checks.deployed_settings import check_variables
from tests.checks.template import check_weaknesses, lint, read_template

FOLDER: Final = Path("deploy/ecs")
SETTINGS: Final = FOLDER / "checkov.yaml"
NAMES: Final = ("template", "balancer", "scaling")
# By role: the outputs of deploy/aws/secrets.yaml and queues.yaml that it may name, and nothing else.
# MakeApp is taken away when Setup is closed, UseKey is there with a key of one's own.
ROLES: Final[Mapping[str, frozenset[str]]] = {
    "ApiRole": frozenset(
        "ReadData WebhookArn GithubArn ModelsArn ChatArn HashArn SigningArn MetricsArn "
        "SignInArn "
        "GithubClientArn MakeApp "
        "SendScan SendFix SendCommand Look UseKey".split()
    ),
    "WorkerRole": frozenset(
        "ReadSigned ReadGithub ReadModels ReadHash WorkScan WorkFix WorkCommand SendScan "
        "SendFix ChatArn UseKey".split()
    ),
    "MigrateRole": frozenset({"ReadData", "KeepAdminKey", "UseKey"}),
    "ExecutionRole": frozenset(),
    "RunMigrationRole": frozenset(),
}
# By task: the process, its role, and the members of the secrets that KOVA_SECRETS_ARN names.
TASKS: Final = {
    "ApiTask": ("api", "ApiRole"),
    "WorkerTask": ("worker", "WorkerRole"),
    "MigrateTask": ("migrate", "MigrateRole"),
}
MEMBERS: Final = {
    "CacheArn": ("KOVA_REDIS_PASSWORD",),
    "WebhookArn": ("KOVA_GITHUB_WEBHOOK_SECRET",),
    "GithubArn": ("KOVA_GITHUB_APP_ID", "KOVA_GITHUB_PRIVATE_KEY"),
    "ModelsArn": ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PINECONE_API_KEY"),
    "ChatArn": ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "KOVA_GOOGLE_CHAT_WEBHOOK_URL"),
    "HashArn": ("KOVA_SECRETS_KEY",),
    "SigningArn": ("KOVA_SIGNING_KEY",),
    "MetricsArn": ("KOVA_METRICS_TOKEN",),
    "SetupArn": ("KOVA_SETUP_TOKEN",),
    "SignInArn": ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"),
    "GithubClientArn": ("KOVA_GITHUB_CLIENT_ID", "KOVA_GITHUB_CLIENT_SECRET"),
}
_MOST_MANAGED: Final = 10
"""Policies of a role, as accounts have it at first."""
Template = Mapping[str, Any]
Templates = Mapping[str, Template]


def check_ecs() -> list[str]:
    """Return what is wrong with the templates of ECS."""
    files = [FOLDER / f"{name}.yaml" for name in NAMES]
    return lint(files) + check_weaknesses(files, SETTINGS) + check_rules(read_templates())


def read_templates() -> dict[str, dict[str, Any]]:
    """Return the templates by name; a short form such as `!Ref Name` is its value."""
    return {name: read_template(FOLDER / f"{name}.yaml") for name in NAMES}


def check_rules(templates: Templates) -> list[str]:
    """Return which of the rules below are broken, and where."""
    rules: list[Callable[[Templates], Iterator[str]]] = [
        _check_variables,
        _check_containers,
        _check_tasks,
        _check_logs,
        _check_roles,
        _check_services,
        _check_balancer,
        _check_groups,
        _check_scaling,
        _check_alarms,
    ]
    return [problem for rule in rules for problem in rule(templates)]


def _resources(templates: Templates, *kinds: str) -> Iterator[tuple[str, Any]]:
    for template in templates.values():
        for name, resource in template["Resources"].items():
            if resource["Type"].removeprefix("AWS::") in kinds:
                yield name, resource["Properties"]


def _named_outputs(value: object, stack: str) -> set[str]:
    """Return the outputs of a nested stack that a value names."""
    return set(re.findall(rf"{stack}\.Outputs\.(\w+)", str(value)))


def _container(task: Any) -> Any:
    (container,) = task["ContainerDefinitions"]
    return container


def _check_variables(templates: Templates) -> Iterator[str]:
    for name, task in _resources(templates, "ECS::TaskDefinition"):
        process, role = TASKS[name]
        variables = {row["Name"]: row["Value"] for row in _container(task)["Environment"]}
        arns = _named_outputs(variables.get("KOVA_SECRETS_ARN"), "SecretsStack")
        secrets = [member for arn in arns for member in MEMBERS[arn]]
        if "KOVA_DATABASE_SECRET_ARN" in variables:
            secrets += ["KOVA_DATABASE_USER", "KOVA_DATABASE_PASSWORD"]
        yield from check_variables(process, variables, secrets)
        readable = {output.replace("Read", "").removesuffix("Arn") for output in ROLES[role]}
        if "Signed" in readable:
            readable |= {"Data", "Signing"}  # One policy: a role has few.
        needed = {arn.removesuffix("Arn").replace("Cache", "Data") for arn in arns} - {"Setup"}
        for missing in sorted(needed - readable):
            yield f"{name}: it names {missing}Arn, which its role may not read"
        if task["TaskRoleArn"] != f"{role}.Arn":
            yield f"{name}: its role is not {role}"


def _check_containers(templates: Templates) -> Iterator[str]:
    for name, task in _resources(templates, "ECS::TaskDefinition"):
        container = _container(task)
        if container["User"] != "10001:10001":
            yield f"{name}: it does not run as the image's user"
        if container.get("ReadonlyRootFilesystem") is not True:
            yield f"{name}: its file system can be written to"
        if container["MountPoints"] != [{"SourceVolume": "tmp", "ContainerPath": "/tmp"}]:
            yield f"{name}: /tmp is not its one free place"
        linux = container["LinuxParameters"]
        if linux.get("InitProcessEnabled") is not True:
            yield f"{name}: it has no init"
        if linux["Capabilities"] != {"Drop": ["ALL"]}:
            yield f"{name}: it has capabilities"
        if not container["Image"].endswith("/${Repository}@${ImageDigest}"):
            yield f"{name}: its image is not named by digest"


def _check_tasks(templates: Templates) -> Iterator[str]:
    tasks = dict(_resources(templates, "ECS::TaskDefinition"))
    api = _container(tasks["ApiTask"])
    if "127.0.0.1:8000/docs" not in str(api.get("HealthCheck")):
        yield "ApiTask: it has no health check"
    if _container(tasks["WorkerTask"])["StopTimeout"] < 120:
        yield "WorkerTask: running jobs are not waited for"
    digest = templates["template"]["Parameters"]["ImageDigest"]
    if digest.get("AllowedPattern") != "sha256:[0-9a-f]{64}" or "Default" in digest:
        yield "ImageDigest: it takes what is no digest"


def _check_logs(templates: Templates) -> Iterator[str]:
    groups = dict(_resources(templates, "Logs::LogGroup"))
    for name, group in groups.items():
        if group.get("RetentionInDays") != "LogDays":
            yield f"{name}: it is kept for ever"
    for name, task in _resources(templates, "ECS::TaskDefinition"):
        log = _container(task)["LogConfiguration"]
        if log["LogDriver"] != "awslogs" or log["Options"]["awslogs-group"] not in groups:
            yield f"{name}: it has no log group"


def _check_roles(templates: Templates) -> Iterator[str]:
    for name, role in _resources(templates, "IAM::Role"):
        outputs = _named_outputs(role, "SecretsStack") | _named_outputs(role, "QueuesStack")
        if outputs != ROLES[name]:
            yield f"{name}: it may use {sorted(outputs ^ ROLES[name])}, or should and may not"
        managed = role.get("ManagedPolicyArns", [])
        if len(managed) > _MOST_MANAGED:
            yield f"{name}: it has more than {_MOST_MANAGED} managed policies"
        if any("arn:aws" in str(arn) for arn in managed):
            yield f"{name}: it has a policy of AWS's, which allows more"
        yield from (f"{name}: {text}" for text in _check_statements(role))
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        if "aws:SourceAccount" not in str(trust.get("Condition")):
            yield f"{name}: other accounts may use it"
    api = dict(_resources(templates, "IAM::Role"))["ApiRole"]
    if ["IsOpen", "SecretsStack.Outputs.MakeApp", "AWS::NoValue"] not in api["ManagedPolicyArns"]:
        yield "ApiRole: it may write secrets after the setup"


def _check_statements(role: Any) -> Iterator[str]:
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            actions = [actions] if isinstance(actions, str) else actions
            if any("*" in action for action in actions):
                yield f"it allows {actions}"
            if statement["Resource"] == "*" and actions != ["ecr:GetAuthorizationToken"]:
                yield f"{actions} is about everything"
            if "iam:PassRole" in actions and "iam:PassedToService" not in str(statement):
                yield "it may pass roles to every service"


def _check_services(templates: Templates) -> Iterator[str]:
    resources = templates["template"]["Resources"]
    for name, service in _resources(templates, "ECS::Service"):
        deployment = service["DeploymentConfiguration"]
        if deployment.get("DeploymentCircuitBreaker") != {"Enable": True, "Rollback": True}:
            yield f"{name}: a failed deployment is not taken back"
        if deployment["MinimumHealthyPercent"] < 100 or deployment["MaximumPercent"] < 200:
            yield f"{name}: it has fewer tasks during a deployment"
        if service.get("EnableExecuteCommand") is not False:
            yield f"{name}: commands can be run in it"
        network = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        if network.get("AssignPublicIp") != "DISABLED":
            yield f"{name}: it has a public address"
        if resources[name].get("DependsOn") != "Migration":
            yield f"{name}: it is replaced before the database is migrated"
        if "DesiredCount" in service:
            yield f"{name}: a deployment sets back what scaling has chosen"
    migration = resources["Migration"]["Properties"]
    if migration.get("TaskDefinition") != "MigrateTask":
        yield "Migration: a new image is no reason to migrate"


def _check_balancer(templates: Templates) -> Iterator[str]:
    resources = templates["balancer"]["Resources"]
    https, http = (resources[f"{name}Listener"]["Properties"] for name in ("Https", "Http"))
    if https["Protocol"] != "HTTPS" or "TLS13-1-2" not in https["SslPolicy"]:
        yield "HttpsListener: it speaks TLS older than 1.2"
    if [action["Type"] for action in http["DefaultActions"]] != ["redirect"]:
        yield "HttpListener: it answers without TLS"
    attributes = {
        row["Key"]: row["Value"]
        for row in resources["Balancer"]["Properties"]["LoadBalancerAttributes"]
    }
    for key in ("routing.http.drop_invalid_header_fields", "access_logs.s3", "deletion_protection"):
        if attributes.get(f"{key}.enabled") != "true":
            yield f"Balancer: {key} is off"
    target = resources["TargetGroup"]["Properties"]
    delay = {row["Key"]: row["Value"] for row in target["TargetGroupAttributes"]}
    if target["HealthCheckPath"] != "/docs" or target["Matcher"] != {"HttpCode": "200"}:
        yield "TargetGroup: it does not ask whether the process answers"
    if not 10 <= int(delay.get("deregistration_delay.timeout_seconds", 0)) <= 60:
        yield "TargetGroup: requests are cut off, or deployments wait"
    logs = resources["AccessLogsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    if not any(row["Effect"] == "Deny" and "SecureTransport" in str(row) for row in logs):
        yield "AccessLogs: it can be read without TLS"


def _check_groups(templates: Templates) -> Iterator[str]:
    for name, group in _resources(templates, "EC2::SecurityGroup", "EC2::SecurityGroupIngress"):
        rules = group.get("SecurityGroupIngress", [group])
        ports = [rule["FromPort"] for rule in rules if rule.get("CidrIp") == "0.0.0.0/0"]
        if ports and (name != "BalancerGroup" or not {80, 443}.issuperset(ports)):
            yield f"{name}: it is open to the internet"
        egress = group.get("SecurityGroupEgress", [])
        if any(rule.get("CidrIp") == "0.0.0.0/0" for rule in egress):
            yield f"{name}: it reaches everything"
    resources = templates["balancer"]["Resources"]
    source = resources["ApiFromBalancer"]["Properties"].get("SourceSecurityGroupId")
    if source != "BalancerGroup":
        yield "ApiFromBalancer: others than the load balancer reach the API"


def _check_scaling(templates: Templates) -> Iterator[str]:
    policies = dict(_resources(templates, "ApplicationAutoScaling::ScalingPolicy"))
    metrics = {
        row["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]
        for row in policies.values()
        if row["ScalingTargetId"] == "ApiTarget"
    }
    if metrics != {"ECSServiceAverageCPUUtilization", "ALBRequestCountPerTarget"}:
        yield "ApiTarget: it does not follow the load"
    alarms = dict(_resources(templates, "CloudWatch::Alarm"))
    for alarm, policy, metric in (
        ("JobsWait", "MoreWorkers", "ApproximateAgeOfOldestMessage"),
        ("NoJobs", "FewerWorkers", "ApproximateNumberOfMessagesNotVisible"),
    ):
        text = str(alarms[alarm]["Metrics"])
        if alarms[alarm]["AlarmActions"] != [policy]:
            yield f"{alarm}: it does not call {policy}"
        for queue in ("ScanQueue", "CommandQueue", "FixQueue"):
            if f"'MetricName': '{metric}', 'Dimensions': [{{'Name': 'QueueName', 'Value': '{queue}'" not in text:  # fmt: skip
                yield f"{alarm}: it does not look at {queue}"
        steps = policies[policy]["StepScalingPolicyConfiguration"]["StepAdjustments"]
        if any((step["ScalingAdjustment"] > 0) != (policy == "MoreWorkers") for step in steps):
            yield f"{policy}: it does the opposite"
    targets = dict(_resources(templates, "ApplicationAutoScaling::ScalableTarget"))
    for name, row in targets.items():
        least, most = ("ApiLeast", "ApiMost") if name == "ApiTarget" else ("WorkersLeast", "WorkersMost")  # fmt: skip
        if (row["MinCapacity"], row["MaxCapacity"]) != (least, most):
            yield f"{name}: its bounds are not the parameters"


def _check_alarms(templates: Templates) -> Iterator[str]:
    scaling = {"JobsWait", "NoJobs"}
    names = set()
    for name, alarm in _resources(templates, "CloudWatch::Alarm"):
        names.add(name)
        if name not in scaling and not (
            alarm.get("AlarmActions") == alarm.get("OKActions") == ["TopicArn"]
        ):
            yield f"{name}: it tells nobody"
    wanted = {"ApiTasksMissing", "WorkerTasksMissing", "ContainerFailures", "ContainersSlow"}
    if missing := wanted - names:
        yield f"alarms: {sorted(missing)} are missing"
    watch = templates["template"]["Resources"]["WatchStack"]["Properties"]["Parameters"]
    for queue in ("Scan", "Command", "Fix"):
        if watch.get(f"{queue}DeadLetters") != f"QueuesStack.Outputs.{queue}DeadLettersName":
            yield f"WatchStack: it does not see the dead letters of {queue}"
