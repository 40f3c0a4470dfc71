"""CloudFront and its firewall: what passes, what is refused, and who knows the secret."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.checks.edge import check_edge, check_readers
from tests.checks.template import NESTED, TEMPLATE, read_template, translated_template

EDGE = NESTED / "edge.yaml"
READ = {"Fn::If": ["OnlyCloudFront", {"Fn::GetAtt": ["SecretsStack", "Outputs.ReadOrigin"]}, ""]}

ALLOW = """        - Name: Everybody
          Priority: -1
          Action: {Allow: {}}
          Statement:
            NotStatement:
              Statement:
                ByteMatchStatement:
                  FieldToMatch: {UriPath: {}}
                  PositionalConstraint: EXACTLY
                  SearchString: /nothing
                  TextTransformations: [{Priority: 0, Type: NONE}]
          VisibilityConfig: {MetricName: All, CloudWatchMetricsEnabled: true, SampledRequestsEnabled: true}
"""


def test_the_template_is_as_it_must_be() -> None:
    assert check_edge() == []


@pytest.mark.parametrize(
    ("part", "planted"),
    [
        ("OriginProtocolPolicy: https-only", "OriginProtocolPolicy: match-viewer"),
        ("[TLSv1.2]", "[TLSv1, TLSv1.2]"),
        ("HeaderName: X-Origin-Verify", "HeaderName: X-Origin"),
        ("{{resolve:secretsmanager:${OriginSecretArn}", "plain ${OriginSecretArn}"),
        ("ViewerProtocolPolicy: https-only", "ViewerProtocolPolicy: redirect-to-https"),
        (", DELETE]", "]"),
        ("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "658327ea-f89d-4fab-a63d-7e88639e58f6"),
        ("b689b0a8-53d0-40ab-baf2-68738e2966ac", "216adef6-5c7f-47e4-b989-5492eafa07d3"),
        ("EventType: viewer-request", "EventType: viewer-response"),
        ("value: event.viewer.ip", "value: request.headers.host.value"),
        ("headers['true-client-ip']", "headers['x-client']"),
        ("TLSv1.2_2021", "TLSv1_2016"),
        ("WebACLId: !GetAtt WebAcl.Arn", 'WebACLId: ""'),
        ("Scope: CLOUDFRONT", "Scope: REGIONAL"),
        ("DefaultAction: {Allow: {}}", "DefaultAction: {Block: {}}"),
        ("{Name: CrossSiteScripting_BODY, ActionToUse: {Count", "{Name: CrossSiteScripting_BODY, ActionToUse: {Block"),
        ("                - {Name: SizeRestrictions_BODY, ActionToUse: {Count: {}}}\n", ""),
        ("SearchString: /setup/session", "SearchString: /ai/command"),
        ("core-rule-set:GenericLFI_Body", "core-rule-set:GenericLFI_BODY"),
        ("          OverrideAction: {None: {}}", "          OverrideAction: {Count: {}}"),
        ("NotStatement:\n                  Statement:\n                    Byte", "AndStatement:\n                  Statements:\n                   - Byte"),
        ("Limit: !Ref WebhookLimit\n              ScopeDownStatement", "Limit: !Ref WebhookLimit\n              Other"),
        ("SampledRequestsEnabled: true", "SampledRequestsEnabled: false"),
        ("    Default: 60000", "    Default: 600"),
        ("        - SingleHeader: {Name: x-api-key}\n", ""),
        ("        - SingleHeader: {Name: cookie}\n", ""),
        ("        - QueryString: {}\n", ""),
        ("[authorization, x-api-key, x-origin-verify, ", "[authorization, x-api-key, "),
        ("FieldType: BODY", "FieldType: QUERY_STRING"),
        ("cs-uri-stem,", "cs-uri-stem, cs-uri-query,"),
        ("        - Name: WebhookRate\n", f"{ALLOW}        - Name: WebhookRate\n"),
        ("{Name: CrossSiteScripting_BODY, ActionToUse: {Count", "{Name: CrossSiteScripting_COOKIE, ActionToUse: {Allow"),
        ("        DefaultCacheBehavior:\n", "        CacheBehaviors: [{PathPattern: /api/*, TargetOriginId: api}]\n        DefaultCacheBehavior:\n"),
        ("          request.headers['true-client-ip'] =", "          if (!request.headers['true-client-ip'])\n          request.headers['true-client-ip'] ="),
        ("          return request;", "          request.headers['x-api-key'] = {value: ''};\n          return request;"),
        ("AggregateKeyType: IP", "AggregateKeyType: FORWARDED_IP\n              ForwardedIPConfig: {HeaderName: x, FallbackBehavior: NO_MATCH}"),
        ("EvaluationWindowSec: 300", "EvaluationWindowSec: 60"),
        ("Limit: !Ref AddressLimit", "Limit: 6000000"),
        ("    Default: 6000\n", "    Default: 59999\n"),
        ("    Default: 6000\n", "    Default: 10\n"),
        ("    Default: 60000\n", "    Default: 2000000000\n"),
    ],
)  # fmt: skip
def test_a_planted_mistake_is_seen(tmp_path: Path, part: str, planted: str) -> None:
    text = EDGE.read_text()
    assert part in text
    (tmp_path / "edge.yaml").write_text(text.replace(part, planted, 1))
    assert check_edge(read_template(tmp_path / "edge.yaml"))


@pytest.mark.skipif(shutil.which("node") is None, reason="the function is JavaScript")
def test_what_a_client_says_about_its_address_is_replaced() -> None:
    code = read_template(EDGE)["Resources"]["TellAddress"]["Properties"]["FunctionCode"]
    event = {
        "viewer": {"ip": "2001:db8::1"},
        "request": {"uri": "/x", "headers": {"true-client-ip": {"value": "forged"}}},
    }
    script = f"{code}\nconsole.log(JSON.stringify(handler({json.dumps(event)})));"
    process = subprocess.run(
        ["node", "-e", script], capture_output=True, text=True, check=True, timeout=60
    )
    headers = json.loads(process.stdout)["headers"]
    assert headers == {"true-client-ip": {"value": "2001:db8::1"}}


@pytest.fixture(scope="module")
def translated() -> dict[str, Any]:
    return translated_template()


def test_what_answers_http_knows_the_secret_and_nothing_else_does(
    translated: dict[str, Any],
) -> None:
    assert check_readers(translated, read_template(TEMPLATE)) == []


def test_a_function_that_may_not_read_it_or_need_not_is_seen(translated: dict[str, Any]) -> None:
    source, planted = read_template(TEMPLATE), copy.deepcopy(translated)
    roles = planted["Resources"]
    webhook = roles["GithubWebhookFunctionRole"]["Properties"]
    webhook["ManagedPolicyArns"] = [
        policy for policy in webhook["ManagedPolicyArns"] if "ReadOrigin" not in json.dumps(policy)
    ]
    roles["ScanFunctionRole"]["Properties"]["ManagedPolicyArns"].append(READ)
    del roles["DocsFunction"]["Properties"]["Environment"]["Variables"][
        "KOVA_CLIENT_ADDRESS_HEADER"
    ]
    assert check_readers(planted, source) == [
        "DocsFunction lacks the header",
        "GithubWebhookFunction lacks the policy",
        "ScanFunction has the policy",
    ]
    roles["ScanFunctionRole"]["Properties"]["ManagedPolicyArns"].append(READ["Fn::If"][1])
    with pytest.raises(ValueError, match="without the condition"):
        check_readers(planted, source)


def test_the_page_of_alerts_says_what_to_do_about_each_alarm() -> None:
    page = Path("docs/alerts.md").read_text()
    for name, resource in read_template(EDGE)["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            assert f"`{name}`" in page
