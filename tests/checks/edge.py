"""deploy/aws/edge.yaml: what its firewall lets pass, and that the direct address stays closed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kova.web.origin import HEADER
from tests.checks.template import NESTED, TEMPLATE, read_template, translated_template

WEBHOOK: Final = "/webhooks/github"
# Their bodies hold code, or what people write about code.
CODE: Final = (WEBHOOK, "/ai/command", "/api/proofs", "/api/scans/1/sarif", "/api/errors/1")
CODELESS: Final = ("/setup/session", "/api/scan", "/api/keys")
# https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html
BODY_RULES: Final = (
    "SizeRestrictions_BODY",
    "EC2MetaDataSSRF_BODY",
    "GenericLFI_BODY",
    "GenericRFI_BODY",
    "CrossSiteScripting_BODY",
)
OTHER_RULES: Final = ("CrossSiteScripting_QUERYARGUMENTS", "GenericLFI_URIPATH")
COMMON: Final = "AWSManagedRulesCommonRuleSet"
REPUTATION: Final = "AWSManagedRulesAmazonIpReputationList"
SECRET_HEADERS: Final = {"authorization", "x-api-key", HEADER, "x-hub-signature-256"}
_LABEL: Final = "awswaf:managed:aws:core-rule-set:"
_CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
_ALL_BUT_HOST: Final = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
_LIMITS: Final = {
    "AddressRate": ("AddressLimit", 600, 30_000),
    "WebhookRate": ("WebhookLimit", 6_000, 300_000),
}
"""By rule, the parameter with its limit, and the least and most requests of five minutes.

100 requests a second are all that API Gateway lets through: 30 000 in five minutes."""
_TELL_ADDRESS: Final = re.compile(
    r"function handler\(event\) \{\s*"
    r"const request = event\.request;\s*"
    r"request\.headers\['([\w-]+)'\] = \{value: event\.viewer\.ip\};\s*"
    r"return request;\s*\}\s*"
)
_METHODS: Final = {"GET", "HEAD", "OPTIONS", "PUT", "PATCH", "POST", "DELETE"}


@dataclass(frozen=True, kw_only=True)
class WebRequest:
    """A request as the firewall sees it.

    Attributes:
        path: without the query.
        rules: by rule group, the managed rules that match it.
        over_limit: its address has sent more than any limit allows.
    """

    path: str
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    over_limit: bool = False


def blocking_rule(web_acl: Mapping[str, Any], request: WebRequest) -> str | None:
    """Return the name of the rule that refuses a request; None if it passes."""
    labels: set[str] = set()
    for rule in sorted(web_acl["Rules"], key=lambda rule: int(rule["Priority"])):
        statement = rule["Statement"]
        if "ManagedRuleGroupStatement" in statement:
            group = statement["ManagedRuleGroupStatement"]
            scope = group.get("ScopeDownStatement")
            if scope is not None and not _matches(scope, request, labels):
                continue
            counted = {
                override["Name"]
                for override in group.get("RuleActionOverrides", [])
                if "Count" in override["ActionToUse"]
            }
            matched = request.rules.get(group["Name"], ())
            blocks = bool(set(matched) - counted) and "None" in rule["OverrideAction"]
            labels |= {_LABEL + name.replace("_BODY", "_Body") for name in matched}
        else:
            matches = _matches(statement, request, labels)
            if matches and "Allow" in rule["Action"]:
                return None
            blocks = matches and "Block" in rule["Action"]
        if blocks:
            return str(rule["Name"])
    return None


def _matches(statement: Mapping[str, Any], request: WebRequest, labels: set[str]) -> bool:
    """Return whether a statement of the kinds that the template uses holds for a request."""
    ((kind, details),) = statement.items()
    match kind:
        case "AndStatement":
            return all(_matches(part, request, labels) for part in details["Statements"])
        case "OrStatement":
            return any(_matches(part, request, labels) for part in details["Statements"])
        case "NotStatement":
            return not _matches(details["Statement"], request, labels)
        case "LabelMatchStatement":
            return details["Key"] in labels
        case "RateBasedStatement":
            scope = details.get("ScopeDownStatement")
            return request.over_limit and (scope is None or _matches(scope, request, labels))
        case "ByteMatchStatement":
            assert details["FieldToMatch"] == {"UriPath": {}}
            assert details["PositionalConstraint"] == "EXACTLY"
            return bool(details["SearchString"] == request.path)
    raise ValueError(f"{kind} is not known here")


def check_cloudfront() -> list[str]:
    """Return what is wrong with the stack of CloudFront, and with who knows its secret."""
    return check_edge() + check_readers(translated_template(), read_template(TEMPLATE))


def check_edge(template: Mapping[str, Any] | None = None) -> list[str]:
    """Return what is wrong with the template of CloudFront."""
    template = template or read_template(NESTED / "edge.yaml")
    resources = {name: row["Properties"] for name, row in template["Resources"].items()}
    parameters = template["Parameters"]
    problems = [
        *_check_distribution(resources["Distribution"]["DistributionConfig"]),
        *_check_address(resources["TellAddress"]["FunctionCode"]),
        *_check_firewall(resources["WebAcl"]),
        *_check_actions(resources["WebAcl"]),
        *_check_limits(resources["WebAcl"], parameters),
        *_check_secrecy(resources["WebAcl"], resources["WafLogging"]),
    ]
    if parameters["WebhookLimit"]["Default"] <= parameters["AddressLimit"]["Default"]:
        problems.append("deliveries have no higher limit than other requests")
    fields = set(resources["AccessDelivery"]["RecordFields"])
    return problems + [f"{name} is logged" for name in fields & {"cs-uri-query", "cs(Cookie)"}]


def _check_distribution(distribution: Mapping[str, Any]) -> Iterator[str]:
    (origin,) = distribution["Origins"]
    yield from _check_origin(origin)
    if distribution.get("CacheBehaviors"):
        yield "some paths are treated apart, and only the default is checked"
    behavior = distribution["DefaultCacheBehavior"]
    if behavior["ViewerProtocolPolicy"] != "https-only":
        yield "requests without TLS are not refused"
    if set(behavior["AllowedMethods"]) != _METHODS:
        yield "not every method passes"
    if behavior["CachePolicyId"] != _CACHING_DISABLED:
        yield "answers are cached"
    if behavior["OriginRequestPolicyId"] != _ALL_BUT_HOST:
        yield "the origin does not get all headers but Host"
    (association,) = behavior["FunctionAssociations"]
    if association != {"EventType": "viewer-request", "FunctionARN": "TellAddress.FunctionARN"}:
        yield "the viewer's address is not told"
    if "TLSv1.2_2021" not in json.dumps(distribution["ViewerCertificate"]):
        yield "viewers may use TLS before 1.2"
    if distribution["WebACLId"] != "WebAcl.Arn":
        yield "there is no firewall"


def _check_origin(origin: Mapping[str, Any]) -> Iterator[str]:
    custom = origin["CustomOriginConfig"]
    if custom["OriginProtocolPolicy"] != "https-only" or custom["OriginSSLProtocols"] != [
        "TLSv1.2"
    ]:
        yield "the origin is spoken to without TLS 1.2"
    headers = {
        header["HeaderName"].lower(): header["HeaderValue"]
        for header in origin.get("OriginCustomHeaders", [])
    }
    if not re.fullmatch(
        r"\{\{resolve:secretsmanager:\$\{OriginSecretArn\}:SecretString:.+\}\}",
        headers.get(HEADER, ""),
    ):
        yield f"{HEADER} is not sent from the secret"


def _check_address(code: str) -> Iterator[str]:
    # The whole function: a condition around the statement would let the client's own value pass.
    function = _TELL_ADDRESS.fullmatch(code)
    told = [function[1]] if function else []
    template = json.dumps(read_template(TEMPLATE))
    read = set(
        re.findall(r'"KOVA_CLIENT_ADDRESS_HEADER": \["OnlyCloudFront", "([\w-]+)"', template)
    )
    if told != [name.lower() for name in read]:
        yield f"CloudFront tells the address in {told}, the functions read {sorted(read)}"


def _check_firewall(web_acl: Mapping[str, Any]) -> Iterator[str]:
    if web_acl["Scope"] != "CLOUDFRONT" or "Allow" not in web_acl["DefaultAction"]:
        yield "the firewall is not one of CloudFront that lets pass by default"
    for request, expected in _expectations():
        rule = blocking_rule(web_acl, request)
        if rule != expected:
            yield f"{request} is refused by {rule}, not by {expected}"
    for part in (web_acl, *web_acl["Rules"]):
        visibility = part["VisibilityConfig"]
        if not (visibility["CloudWatchMetricsEnabled"] and visibility["SampledRequestsEnabled"]):
            yield f"{part['Name']} is not measured"


def _check_actions(web_acl: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rules that could let a request pass without asking those after them."""
    for rule in web_acl["Rules"]:
        group = rule["Statement"].get("ManagedRuleGroupStatement", {})
        actions = [override["ActionToUse"] for override in group.get("RuleActionOverrides", [])]
        for action in (*actions, rule.get("Action", {})):
            if not set(action) <= {"Block", "Count"}:
                yield f"{rule['Name']} does {sorted(action)}, neither refuses nor counts"


def _check_limits(web_acl: Mapping[str, Any], parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rate limits that go by what a client says, or that limit nothing or everything."""
    rules = {rule["Name"]: rule["Statement"].get("RateBasedStatement") for rule in web_acl["Rules"]}
    for name, (parameter, least, most) in _LIMITS.items():
        rate = rules.get(name) or {}
        kind, seconds = rate.get("AggregateKeyType"), rate.get("EvaluationWindowSec")
        if (kind, seconds, rate.get("Limit")) != ("IP", 300, parameter):
            yield f"{name} is not {parameter} requests of an address in five minutes"
        if not least <= parameters[parameter]["Default"] <= most:
            yield f"{parameter} is not from {least} to {most}"


def _expectations() -> Iterator[tuple[WebRequest, str | None]]:
    """Yield requests, each with the rule that refuses it."""
    for path in (*CODE, *CODELESS):
        expected = None if path in CODE else "CodelessBodies"
        for rule in BODY_RULES:
            yield WebRequest(path=path, rules={COMMON: (rule,)}), expected
        for rule in OTHER_RULES:
            yield WebRequest(path=path, rules={COMMON: (rule,)}), "Common"
        is_webhook = path == WEBHOOK
        listed = {REPUTATION: ("AWSManagedIPReputationList",)}
        yield WebRequest(path=path, rules=listed), None if is_webhook else "Reputation"
        yield (
            WebRequest(path=path, over_limit=True),
            "WebhookRate" if is_webhook else "AddressRate",
        )
        yield WebRequest(path=path), None


def _check_secrecy(web_acl: Mapping[str, Any], logging: Mapping[str, Any]) -> Iterator[str]:
    redacted = {
        part["SingleHeader"]["Name"] for part in logging["RedactedFields"] if "SingleHeader" in part
    }
    protections = web_acl["DataProtectionConfig"]["DataProtections"]
    protected = {
        key
        for protection in protections
        if protection["Field"]["FieldType"] == "SINGLE_HEADER"
        for key in protection["Field"]["FieldKeys"]
    }
    for place, names in (("the log", redacted), ("samples", protected)):
        yield from (f"{name} is seen in {place}" for name in sorted(SECRET_HEADERS - names))
    if "cookie" not in redacted or {"QueryString": {}} not in logging["RedactedFields"]:
        yield "cookies or queries are seen in the log"
    kinds = {protection["Field"]["FieldType"] for protection in protections}
    yield from (f"{kind} is seen in samples" for kind in sorted({"QUERY_STRING", "BODY"} - kinds))


def check_readers(template: Mapping[str, Any], source: Mapping[str, Any]) -> list[str]:
    """Return which functions cannot read CloudFront's secret and must, or can and need not.

    Args:
        template: template.yaml as SAM's transform makes it.
        source: template.yaml.
    """
    problems = []
    for name, resource in source["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        events = resource["Properties"].get("Events", {}).values()
        answers = any(event["Type"] == "HttpApi" for event in events)
        variables = template["Resources"][name]["Properties"]["Environment"]["Variables"]
        role = template["Resources"][f"{name}Role"]["Properties"]
        reads = {
            "the policy": _only_then(role["ManagedPolicyArns"], "Outputs.ReadOrigin"),
            "the secret": _only_then(variables.get("KOVA_SECRETS_ARN"), "Outputs.OriginArn"),
            # Without the secret this setting keeps a function from starting: it fails closed.
            "the header": _only_then(variables.get("KOVA_CLIENT_ADDRESS_HEADER"), "True-Client-IP"),
        }
        problems += [
            f"{name} {'lacks' if answers else 'has'} {what}"
            for what, present in reads.items()
            if present != answers
        ]
    return problems


def _only_then(value: object, text: str) -> bool:
    """Return whether a value holds a text where only CloudFront may call, and nowhere else.

    Raises:
        ValueError: it holds the text in any case.
    """
    whole = json.dumps(value)
    pattern = r'\{"Fn::If": \["OnlyCloudFront", (?:\{[^{}]*\}|"[^"]*"), (?:\{[^{}]*\}|"")\]\}'
    conditional = "".join(re.findall(pattern, whole))
    if whole.count(text) != conditional.count(text):
        raise ValueError(f"{text} is there without the condition")
    return text in conditional
