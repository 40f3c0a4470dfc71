"""What of a deployed stack has a price, counted in template.yaml and its nested stacks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from kova_server.local_lambda.template import TemplateResolver, read_template

TEMPLATE: Final = Path("template.yaml")
_FUNCTION: Final = "AWS::Serverless::Function"
_STACK: Final = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, kw_only=True)
class PricedFunction:
    """A function's memory and, beyond the 512 MiB that are free, ephemeral storage, in MiB."""

    memory: int
    extra_storage: int
    in_network: bool


@dataclass(frozen=True, kw_only=True)
class StackCounts:
    """How many there are of what has a price.

    Attributes:
        alarm_metrics: metrics that alarms look at; one over a quotient looks at two.
        endpoint_zones: interface endpoints, once for each zone.
        databases: RDS instances by class; one with a standby counts twice, as it is billed.
        database_gib: their storage, counted likewise.
        aurora_units: the least capacity of each Aurora instance.
        caches: nodes by class.
        nat_instances: by type; `disk_gib` is their disks' size.
        schedule_runs: calls of scheduled functions in a month, by function.
    """

    functions: Mapping[str, PricedFunction]
    architecture: str
    secrets: int
    alarm_metrics: int
    function_alarm_metrics: int
    dashboards: int
    nat_gateways: int
    nat_instances: Mapping[str, int]
    disk_gib: int
    public_addresses: int
    endpoint_zones: int
    databases: Mapping[str, int]
    database_gib: int
    aurora_units: tuple[float, ...]
    proxies: int
    caches: Mapping[str, int]
    queue_mappings: int
    schedule_runs: Mapping[str, float]
    log_days: int


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A resource that is made, in which template, and how to read its properties."""

    name: str
    template: str
    kind: str
    properties: Mapping[str, Any]
    resolver: TemplateResolver

    def get(self, key: str, default: Any = None) -> Any:
        return self.resolver.resolve(self.properties.get(key, default))


# The same few templates are read for each form.
_read = cache(read_template)


class _StackReader:
    """One template with its parameters; nested stacks are read when they are asked for."""

    def __init__(self, path: Path, parameters: Mapping[str, Any]) -> None:
        self._template = _read(path)
        self._path = path
        defaults = {
            name: parameter.get("Default", "")
            for name, parameter in self._template.get("Parameters", {}).items()
        }
        self.resolver = TemplateResolver(
            parameters=defaults | dict(parameters),
            conditions=self._template.get("Conditions", {}),
            attribute=self._attribute,
        )
        self._nested: dict[str, _StackReader] = {}

    def resources(self) -> Iterator[_Placed]:
        """Yield every resource that is made, those of nested stacks too."""
        for name, resource in self._template["Resources"].items():
            if not self.resolver.holds(resource.get("Condition")):
                continue
            if resource["Type"] == _STACK:
                yield from self._stack(name).resources()
                continue
            yield _Placed(
                name=name,
                template=self._path.stem,
                kind=resource["Type"],
                properties=resource.get("Properties", {}),
                resolver=self.resolver,
            )

    def _stack(self, name: str) -> _StackReader:
        if name not in self._nested:
            properties = self._template["Resources"][name]["Properties"]
            parameters = {
                key: self.resolver.resolve(value)
                for key, value in properties.get("Parameters", {}).items()
            }
            path = self._path.parent / properties["TemplateURL"]
            self._nested[name] = _StackReader(path, parameters)
        return self._nested[name]

    def _attribute(self, name: str) -> Any:
        resource, _, output = name.partition(".Outputs.")
        described = self._template["Resources"].get(resource, {})
        if not output or not self.resolver.holds(described.get("Condition")):
            return f"${{{name}}}"
        nested = self._stack(resource)
        return nested.resolver.resolve(nested._template["Outputs"][output]["Value"])  # noqa: SLF001


def count_stack(parameters: Mapping[str, str]) -> StackCounts:
    """Return what a stack with these parameters is made of, the others being their defaults."""
    reader = _StackReader(TEMPLATE, parameters)
    placed = list(reader.resources())
    memory = _read(TEMPLATE)["Globals"]["Function"]["MemorySize"]
    functions = {
        resource.name: PricedFunction(
            memory=int(resource.get("MemorySize", memory)),
            extra_storage=max(int(resource.get("EphemeralStorage", {}).get("Size", 512)) - 512, 0),
            in_network=isinstance(resource.get("VpcConfig"), dict),
        )
        for resource in placed
        if resource.kind == _FUNCTION
    }
    alarms = [resource for resource in placed if resource.kind == "AWS::CloudWatch::Alarm"]
    kinds = Counter(resource.kind for resource in placed)
    nats = [resource for resource in placed if resource.kind == "AWS::EC2::Instance"]
    return StackCounts(
        functions=functions,
        architecture=reader.resolver.parameters["Architecture"],
        secrets=kinds["AWS::SecretsManager::Secret"],
        alarm_metrics=sum(map(_metrics_of, alarms)),
        function_alarm_metrics=sum(
            _metrics_of(alarm) for alarm in alarms if alarm.template == "function-alarms"
        ),
        dashboards=kinds["AWS::CloudWatch::Dashboard"],
        nat_gateways=kinds["AWS::EC2::NatGateway"],
        nat_instances=Counter(nat.get("InstanceType") for nat in nats),
        disk_gib=sum(nat.get("BlockDeviceMappings")[0]["Ebs"]["VolumeSize"] for nat in nats),
        public_addresses=kinds["AWS::EC2::EIP"] + len(nats),
        endpoint_zones=sum(_zones_of(resource) for resource in placed),
        queue_mappings=kinds["AWS::Lambda::EventSourceMapping"],
        proxies=kinds["AWS::RDS::DBProxy"],
        schedule_runs=_schedule_runs(placed),
        log_days=int(reader.resolver.parameters["LogDays"]),
        **_count_data(placed),
    )


def _count_data(placed: list[_Placed]) -> dict[str, Any]:
    databases: Counter[str] = Counter()
    gib = 0
    aurora: list[float] = []
    caches: Counter[str] = Counter()
    units = {
        resource.name: resource.get("ServerlessV2ScalingConfiguration")["MinCapacity"]
        for resource in placed
        if resource.kind == "AWS::RDS::DBCluster"
    }
    first_gib = next((size for size in map(_storage_of, placed) if size), 0)
    for resource in placed:
        if resource.kind == "AWS::ElastiCache::ReplicationGroup":
            caches[resource.get("CacheNodeType")] += int(resource.get("NumCacheClusters"))
        if resource.kind != "AWS::RDS::DBInstance":
            continue
        if resource.get("DBInstanceClass") == "db.serverless":
            aurora += [float(amount) for amount in units.values()]
            continue
        copies = 2 if resource.get("MultiAZ") is True else 1
        databases[resource.get("DBInstanceClass")] += copies
        # A replica has as much storage as its source.
        gib += copies * (_storage_of(resource) or first_gib)
    return {
        "databases": databases,
        "database_gib": gib,
        "aurora_units": tuple(aurora),
        "caches": caches,
    }


def _storage_of(resource: _Placed) -> int:
    return int(resource.get("AllocatedStorage", 0))


def _metrics_of(alarm: _Placed) -> int:
    return sum("MetricStat" in metric for metric in alarm.properties.get("Metrics", [])) or 1


def _zones_of(resource: _Placed) -> int:
    if resource.kind != "AWS::EC2::VPCEndpoint" or resource.get("VpcEndpointType") != "Interface":
        return 0
    return len(resource.properties["SubnetIds"])


_MINUTES_OF_A_MONTH: Final = 730 * 60
_MINUTES: Final = {"minute": 1, "minutes": 1, "hour": 60, "hours": 60, "day": 1_440, "days": 1_440}


def _schedule_runs(placed: list[_Placed]) -> dict[str, float]:
    runs: dict[str, float] = {}
    for resource in placed:
        for event in resource.properties.get("Events", {}).values():
            if event["Type"] == "ScheduleV2":
                state = event["Properties"].get("State", "ENABLED")
                if resource.resolver.resolve(state) == "DISABLED":
                    continue
                number, unit = event["Properties"]["ScheduleExpression"][5:-1].split()
                minutes = int(number) * _MINUTES[unit]
                runs[resource.name] = _MINUTES_OF_A_MONTH / minutes
    return runs
