"""What a month costs: the arithmetic on a small example, and counts that are the templates' own."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.costs.estimate import Estimate
from bench.costs.measure import API, PERIODIC, SCAN, WEBHOOK, FunctionTimes, Measurement
from bench.costs.price_table import ContainerSize, Form, ListPrice, PriceTable, load_prices
from bench.costs.stack_counts import PricedFunction, StackCounts, count_stack

AWS = Path("deploy/aws")
PUSHES = 1_000
MEASURED = Measurement(
    functions={
        WEBHOOK: FunctionTimes(wall=0.25, cpu=0.25, init=1.0, log_bytes=100),
        SCAN: FunctionTimes(wall=1.0, cpu=0.5, init=2.0, log_bytes=300),
        API: FunctionTimes(wall=0.5, cpu=0.0, init=1.0, log_bytes=100),
        PERIODIC: FunctionTimes(wall=0.0, cpu=0.0, init=3.0, log_bytes=0),
    },
    github_calls=10,
    database_cpu=0.01,
    metrics=8,
    files=1,
    pushes=1,
)
SMALL = PricedFunction(memory=512, extra_storage=0, in_network=True)
COUNTS = StackCounts(
    functions={
        WEBHOOK: SMALL,
        SCAN: replace(SMALL, memory=2_048, extra_storage=512),
        API: SMALL,
        PERIODIC: SMALL,
    },
    architecture="arm64",
    secrets=3,
    alarm_metrics=7,
    function_alarm_metrics=4,
    dashboards=1,
    nat_gateways=1,
    nat_instances={},
    disk_gib=0,
    public_addresses=1,
    endpoint_zones=0,
    databases={"db.t4g.micro": 2},
    database_gib=40,
    aurora_units=(),
    proxies=0,
    caches={"cache.t4g.micro": 1},
    queue_mappings=3,
    schedule_runs={PERIODIC: 100.0},
    log_days=15,
)
ASSUMPTIONS = {
    "hours": 500,
    "deliveries_per_push": 2,
    "reads_per_push": 4,
    "scans_per_push": 1,
    "github_seconds": 0.2,
    "cold_share_slow": 0.5,
    "cold_share_fast": 0.0,
    "fast_from_pushes": 10_000,
    "vcpu_memory": 1_024,
    "pollers": 2,
    "poll_seconds": 20,
    "routes_in_use": 2,
    "route_metrics": 1,
    "secrets_per_start": 2,
    "secret_minutes": 5,
    "report_bytes": 100,
    "access_bytes": 100,
    "github_kb_per_push": 900,
    "out_kb_per_push": 100,
    "task_utilisation": 0.5,
    "balancer_zones": 2,
}


def table() -> PriceTable:
    """Every price is a dollar, so that a line costs what its quantity is."""
    prices = {name: replace(price, usd=1.0) for name, price in load_prices().prices.items()}
    return replace(
        load_prices(),
        prices=prices,
        assumptions=ASSUMPTIONS,
        tasks={
            "api": ContainerSize(count=2, vcpu=0.5, gb=1),
            "worker": ContainerSize(count=1, vcpu=1, gb=2),
        },
    )


def quantities(kind: str = "functions", pushes: int = PUSHES) -> dict[tuple[str, str], float]:
    form = Form(
        name="small", what="", parameters={}, kind="tasks" if kind == "tasks" else "functions"
    )
    lines = Estimate(form, pushes, MEASURED, COUNTS, table()).lines()
    return {(line.group, line.what): line.usd for line in lines}


def test_functions_are_billed_as_calculated_by_hand() -> None:
    # Half a processor: 0.25 s of work become 0.5 s; half of the calls start, each 1 s more.
    # Webhook: 2,000 calls x (0.5 + 0.5) s x 0.5 GB. API: 4,000 x (0.5 + 0.5) x 0.5.
    # Scan, on a whole processor: 1,000 x (0.5 waiting + 0.5 + 10 x 0.2 + 0.5 x 2) x 2 GB.
    lambda_lines = {what: usd for (group, what), usd in quantities().items() if group == "Lambda"}
    assert lambda_lines == pytest.approx(
        {
            "requests": 2_000 + 1_000 + 4_000 + 100,
            "GithubWebhook: GB-seconds": 1_000,
            "Scan: GB-seconds": 8_000,
            "Scan: storage, GB-seconds": 2_000,
            "Api: GB-seconds": 2_000,
            "Periodic: GB-seconds": 150,
            "scheduler": 100,
        }
    )


def test_the_other_lines_are_as_calculated_by_hand() -> None:
    billed = {
        key: usd for key, usd in quantities().items() if key[0] not in {"Lambda", "CloudWatch"}
    }
    assert billed == pytest.approx(
        {
            ("API Gateway", "requests"): 6_000,
            # 3 queues x 2 polls x 1,800,000 s / 20 s, and three requests for each message.
            ("SQS", "requests"): 540_000 + 3_000,
            # Cold: 1,000 + 500 + 2,000 + 100. Refreshed: 2,000 + 1,000 + 4,000 + 100 calls, of
            # 6,000 periods at most. Two secrets each time.
            ("Secrets", "calls"): 2 * (3_600 + 7_100),
            ("Secrets", "secrets"): 3,
            ("Network", "NAT gateway, hours"): 500,
            ("Network", "NAT gateway, GB"): 1,
            ("Network", "public addresses"): 500,
            ("Network", "to the internet, GB"): 0.1,
            ("Database", "2 of db.t4g.micro"): 1_000,
            ("Database", "storage, GB"): 40,
            ("Cache", "1 of cache.t4g.micro"): 500,
        }
    )
    watched = {what: usd for (group, what), usd in quantities().items() if group == "CloudWatch"}
    # Webhook 2,000 x 200, scan 1,000 x 400, API 4,000 x 200, periodic 100 x 100; 6,000 requests.
    size = (400_000 + 400_000 + 800_000 + 10_000 + 600_000) / 1e9
    assert watched == pytest.approx(
        {
            "logs, GB": size,
            "kept logs, GB": size / 2,
            "custom metrics": 8 + 2,
            "alarms": 7,
            "dashboards": 1,
        }
    )


def test_an_idle_stack_pays_for_what_is_there_and_for_polls() -> None:
    idle = quantities(pushes=0)
    assert ("CloudWatch", "custom metrics") not in idle
    assert ("API Gateway", "requests") not in idle
    assert idle["SQS", "requests"] == 540_000
    assert idle["Lambda", "Periodic: GB-seconds"] == 150


def test_workers_follow_the_pushes() -> None:
    few, many = quantities("tasks"), quantities("tasks", 1_000_000)
    assert few["Fargate", "1 worker: vCPU-hours"] == 500
    assert few["Fargate", "2 api: vCPU-hours"] == 500
    # A scan takes 0.5 + 0.5 + 2 s; a worker may be busy for 900,000 s of the month.
    assert many["Fargate", "4 worker: GB-hours"] == 4_000
    assert few["CloudWatch", "alarms"] == 3
    assert not any(group in {"Lambda", "API Gateway"} for group, _ in few)


def declared(kind: str, file: Path, then: str = "") -> int:
    return len(re.findall(rf"Type: {kind}\n{then}", file.read_text()))


def test_counts_are_those_of_the_templates() -> None:
    counts = count_stack({})
    functions = declared("AWS::Serverless::Function", Path("template.yaml"))
    watch, alarms = AWS / "watch.yaml", AWS / "function-alarms.yaml"
    assert len(counts.functions) == functions
    assert counts.function_alarm_metrics == functions * declared("AWS::CloudWatch::Alarm", alarms)
    # The one alarm over a quotient looks at two metrics.
    own = declared("AWS::CloudWatch::Alarm", watch) + 1
    assert counts.alarm_metrics == counts.function_alarm_metrics + own
    # Beside those that are always there, the cache's.
    always = [
        declared("AWS::SecretsManager::Secret", AWS / name, r"(?! *Condition)")
        for name in ("data.yaml", "secrets.yaml")
    ]
    assert counts.secrets == sum(always) + 1
    assert counts.functions[SCAN] == PricedFunction(
        memory=2_048, extra_storage=1_536, in_network=True
    )
    assert not counts.functions[WEBHOOK].in_network
    scheduled = {PERIODIC: 730 * 4, "RedeliveryFunction": 730 * 4}
    assert counts.schedule_runs == scheduled
    with_chats = count_stack({"Chats": "yes"}).schedule_runs
    assert with_chats == {**scheduled, "NotifyFunction": 730 * 60}
    assert (counts.nat_gateways, counts.public_addresses, counts.queue_mappings) == (1, 1, 3)
    assert (counts.databases, counts.database_gib) == ({"db.t4g.micro": 1}, 20)


def test_counts_follow_the_parameters() -> None:
    default = count_stack({})
    available = count_stack(
        {"DatabaseMultiAz": "yes", "DatabaseReplica": "yes", "CacheReplica": "yes"}
    )
    assert (available.databases, available.database_gib) == ({"db.t4g.micro": 3}, 60)
    assert available.caches == {"cache.t4g.micro": 2}
    bare = count_stack({"Network": "none", "Data": "existing"})
    assert (bare.nat_gateways, bare.databases, bare.caches) == (0, {}, {})
    assert bare.secrets == default.secrets - 2
    # Three of the database and two of the cache are not there.
    assert bare.alarm_metrics == default.alarm_metrics - 5
    aurora = count_stack({"DatabaseEngine": "aurora", "AuroraLeastUnits": "0"})
    assert (aurora.databases, aurora.aurora_units) == ({}, (0.0,))
    instance = count_stack({"WayOut": "nat-instance"})
    assert (instance.nat_gateways, instance.nat_instances) == (0, {"t4g.nano": 1})
    assert (instance.disk_gib, instance.public_addresses) == (8, 1)
    assert count_stack({"InterfaceEndpoints": "yes"}).endpoint_zones == 4
    assert count_stack({"Cache": "no"}).alarm_metrics == default.alarm_metrics - 2


def test_every_form_has_its_prices_and_every_price_its_page() -> None:
    prices = load_prices()
    for form in prices.forms:
        counts = count_stack(form.parameters)
        for pushes in (0, 1_000, 1_000_000):
            assert Estimate(form, pushes, MEASURED, counts, prices).total() > 0
    assert {price.page.split("/")[0] for price in prices.prices.values()} == {"https:"}
    assert all(price.date[:2] == "20" and price.usd > 0 for price in prices.prices.values())
    assert all(prices.reasons.values())
    with pytest.raises(TypeError):
        ListPrice(usd=1.0, unit="hour")  # type: ignore[call-arg]
