"""Reads template.yaml: functions, routes, layers, queues, schedules and throttles.

Conditions are decided with the parameters' defaults. What another resource would tell, such as the
address of a queue, stays a text of the form `${QueuesStack.Outputs.ScanUrl}`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from kova.shared.exceptions import NotConfiguredError

_FUNCTION: Final = "AWS::Serverless::Function"
_MAPPING: Final = "AWS::Lambda::EventSourceMapping"
_HTTP_API: Final = "AWS::Serverless::HttpApi"
_SCHEDULE: Final = "ScheduleV2"
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#rate-based
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS: Final = {"minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
_NO_VALUE: Final = "${AWS::NoValue}"


class TemplateError(NotConfiguredError):
    """The template has something that a local run does not know."""

    reason = "template"


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """How many requests a second may come, and how many at once."""

    rate: float
    burst: float


@dataclass(frozen=True, kw_only=True)
class GatewayRoute:
    """A route of the HTTP API; `path` may have `{name}` and, at its end, `{name+}`."""

    method: str
    path: str
    function: str
    throttle: Throttle | None = None

    @property
    def key(self) -> str:
        """The route's name in API Gateway, such as `GET /api/{proxy+}`."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class QueueMapping:
    """A queue whose messages become a function's events.

    Attributes:
        queue: what the template calls it, such as `${QueuesStack.Outputs.ScanArn}`.
        partial_failures: the function tells which messages of a batch failed.
        concurrency: how many batches may be worked on at a time.
    """

    function: str
    queue: str
    batch_size: int
    partial_failures: bool
    concurrency: int


@dataclass(frozen=True, kw_only=True)
class FunctionSchedule:
    """A function that is called again and again; `name` is the event's in the template."""

    function: str
    name: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LambdaFunction:
    """A function; `timeout` in seconds, `memory` in MiB."""

    name: str
    handler: str
    timeout: float
    memory: int
    layers: tuple[str, ...]
    variables: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class LambdaStack:
    """What a template describes, as far as a local run needs it.

    `migrations` are the custom resources by name, each with the name of its function.
    """

    functions: Mapping[str, LambdaFunction]
    routes: tuple[GatewayRoute, ...]
    mappings: tuple[QueueMapping, ...]
    schedules: tuple[FunctionSchedule, ...]
    migrations: Mapping[str, str]


def read_template(path: Path) -> dict[str, Any]:
    """Read a template; a short form becomes the long one: `!Ref Name` is `{"Ref": "Name"}`."""
    template: dict[str, Any] = yaml.load(path.read_text(), _LongLoader)  # noqa: S506 (a safe one)
    return template


def read_stack(path: Path, parameters: Mapping[str, str] | None = None) -> LambdaStack:
    """Read a template; `parameters` go before their defaults.

    Raises:
        TemplateError: it uses what a local run does not know.
    """
    template = read_template(path)
    values = {
        name: parameter.get("Default", "")
        for name, parameter in template.get("Parameters", {}).items()
    }
    resolver = TemplateResolver(
        parameters={**values, **(parameters or {})}, conditions=template.get("Conditions", {})
    )
    shared = template.get("Globals", {}).get("Function", {})
    resources = {
        name: resource
        for name, resource in template["Resources"].items()
        if resolver.holds(resource.get("Condition"))
    }
    functions: dict[str, LambdaFunction] = {}
    routes: list[GatewayRoute] = []
    mappings: list[QueueMapping] = []
    schedules: list[FunctionSchedule] = []
    migrations: dict[str, str] = {}
    throttles = _Throttles.of(resources, resolver)
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == _FUNCTION:
            functions[name] = _read_function(name, shared, properties, resolver)
            routes += _read_routes(name, properties, resolver, throttles)
            schedules += _read_schedules(name, properties, resolver)
        elif resource["Type"] == _MAPPING:
            mappings.append(_read_mapping(properties, resolver))
        elif resource["Type"].startswith("Custom::"):
            token = str(resolver.resolve(properties["ServiceToken"]))
            migrations[name] = token.removeprefix("${").partition(".")[0]
    return LambdaStack(
        functions=functions,
        routes=tuple(routes),
        mappings=tuple(mappings),
        schedules=tuple(schedules),
        migrations=migrations,
    )


def _read_function(
    name: str, shared: Mapping[str, Any], properties: Mapping[str, Any], resolver: TemplateResolver
) -> LambdaFunction:
    merged = {**shared, **properties}
    layers = [*shared.get("Layers", []), *properties.get("Layers", [])]
    variables = {
        **shared.get("Environment", {}).get("Variables", {}),
        **properties.get("Environment", {}).get("Variables", {}),
    }
    return LambdaFunction(
        name=name,
        handler=str(resolver.resolve(merged["Handler"])),
        timeout=float(resolver.resolve(merged.get("Timeout", 3))),
        memory=int(resolver.resolve(merged.get("MemorySize", 128))),
        layers=tuple(
            _resource_name(layer) for layer in map(resolver.resolve, layers) if layer != _NO_VALUE
        ),
        variables={key: str(resolver.resolve(value)) for key, value in variables.items()},
    )


def _read_routes(
    function: str, properties: Mapping[str, Any], resolver: TemplateResolver, throttles: _Throttles
) -> list[GatewayRoute]:
    routes = []
    for event in properties.get("Events", {}).values():
        if event["Type"] == _SCHEDULE:
            continue
        if event["Type"] != "HttpApi":
            raise TemplateError(f"{function} has an event of type {event['Type']}.")
        details = resolver.resolve(event["Properties"])
        method, path = str(details["Method"]).upper(), str(details["Path"])
        throttle = throttles.by_route.get(f"{method} {path}", throttles.default)
        routes.append(GatewayRoute(method=method, path=path, function=function, throttle=throttle))
    return routes


def _read_schedules(
    function: str, properties: Mapping[str, Any], resolver: TemplateResolver
) -> list[FunctionSchedule]:
    schedules = []
    for name, event in properties.get("Events", {}).items():
        if event["Type"] != _SCHEDULE:
            continue
        details = resolver.resolve(event["Properties"])
        rate = _RATE.fullmatch(str(details["ScheduleExpression"]))
        if rate is None or int(rate[1]) < 1:
            raise TemplateError(f"{function} has the schedule {details['ScheduleExpression']}.")
        if details.get("State", "ENABLED") == "ENABLED":
            seconds = int(rate[1]) * _SECONDS[rate[2]]
            schedules.append(FunctionSchedule(function=function, name=name, seconds=seconds))
    return schedules


def _read_mapping(properties: Mapping[str, Any], resolver: TemplateResolver) -> QueueMapping:
    details = resolver.resolve(properties)
    return QueueMapping(
        function=_resource_name(details["FunctionName"]),
        queue=str(details["EventSourceArn"]),
        batch_size=int(details.get("BatchSize", 10)),
        partial_failures="ReportBatchItemFailures" in details.get("FunctionResponseTypes", []),
        concurrency=int(details.get("ScalingConfig", {}).get("MaximumConcurrency", 5)),
    )


def _resource_name(text: Any) -> str:
    """Return `Name` of `${Name}`; SAM writes plain names too."""
    return str(text).removeprefix("${").removesuffix("}")


@dataclass(frozen=True, kw_only=True)
class _Throttles:
    default: Throttle | None
    by_route: Mapping[str, Throttle]

    @classmethod
    def of(cls, resources: Mapping[str, Any], resolver: TemplateResolver) -> _Throttles:
        default: Throttle | None = None
        by_route: dict[str, Throttle] = {}
        for resource in resources.values():
            if resource["Type"] != _HTTP_API:
                continue
            properties = resource.get("Properties", {})
            default = _throttle(resolver.resolve(properties.get("DefaultRouteSettings", {})))
            for key, settings in properties.get("RouteSettings", {}).items():
                throttle = _throttle(resolver.resolve(settings))
                if throttle is not None:
                    by_route[key] = throttle
        return cls(default=default, by_route=by_route)


def _throttle(settings: Mapping[str, Any]) -> Throttle | None:
    if "ThrottlingRateLimit" not in settings:
        return None
    return Throttle(
        rate=float(settings["ThrottlingRateLimit"]), burst=float(settings["ThrottlingBurstLimit"])
    )


@dataclass(frozen=True, kw_only=True)
class TemplateResolver:
    """Replaces CloudFormation's functions by their values.

    `attribute` returns what GetAtt asks of a resource; without it that stays a text.
    """

    parameters: Mapping[str, Any]
    conditions: Mapping[str, Any]
    attribute: Callable[[str], Any] | None = None
    _decided: dict[str, bool] = field(default_factory=dict)

    def holds(self, condition: str | None) -> bool:
        """True if a condition of the template holds; True for none."""
        if condition is None:
            return True
        if condition not in self._decided:
            self._decided[condition] = bool(self.resolve(self.conditions[condition]))
        return self._decided[condition]

    def resolve(self, value: Any) -> Any:
        """Return a value without CloudFormation's functions."""
        if isinstance(value, list):
            return [self.resolve(part) for part in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in {"Ref", "Condition"} or name.startswith("Fn::"):
                return self._call(name.removeprefix("Fn::"), argument)
        return {key: self.resolve(part) for key, part in value.items()}

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Ref":
            return self.parameters.get(argument, f"${{{argument}}}")
        if name == "GetAtt":
            parts = argument if isinstance(argument, list) else [argument]
            name = ".".join(map(str, parts))
            return self.attribute(name) if self.attribute else f"${{{name}}}"
        if name == "Condition":
            return self.holds(argument)
        if name == "If":
            condition, positive, negative = argument
            return self.resolve(positive if self.holds(condition) else negative)
        if name == "Sub":
            return argument if isinstance(argument, str) else argument[0]
        if name not in _PLAIN_FUNCTIONS:
            raise TemplateError(f"Fn::{name} is not known to a local run.")
        return _PLAIN_FUNCTIONS[name](self.resolve(argument))


def _join(arguments: Any) -> str:
    separator, parts = arguments
    texts = parts if isinstance(parts, list) else [parts]
    return str(separator).join(str(part) for part in texts if part != _NO_VALUE)


_PLAIN_FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "Equals": lambda arguments: str(arguments[0]) == str(arguments[1]),
    "Not": lambda arguments: not arguments[0],
    "And": all,
    "Or": any,
    "Join": _join,
    "Split": lambda arguments: str(arguments[1]).split(str(arguments[0])),
}


class _LongLoader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as its long ones."""


def _read_long_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_LongLoader.add_multi_constructor("!", _read_long_tag)
