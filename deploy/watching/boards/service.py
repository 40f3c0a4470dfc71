"""What the service answers and refuses."""

from __future__ import annotations

from typing import Final

from deploy.watching.panels import Board, Panel, Query, latest, per_second, quantile
from deploy.watching.slos import SLOS

_HTTP: Final = "kova_http_request_duration_seconds"
_OBJECTIVES: Final = "; ".join(f"{slo.name}: {slo.promise}" for slo in SLOS)

SERVICE: Final = Board(
    name="kova-service",
    title="Kova: service",
    note="Is it up, is it fast, and what does it refuse.",
    panels=(
        Panel(
            title="Up",
            unit="short",
            kind="number",
            queries=(Query(expr="kova:up:max"),),
            note="1 where at least one instance answers Prometheus.",
        ),
        Panel(
            title="Objectives: bad events of the last hour",
            unit="percentunit",
            kind="number",
            queries=(Query(expr="kova:slo_errors:ratio_rate1h", legend="{{slo}}"),),
            note=_OBJECTIVES,
        ),
        Panel(
            title="Burn rate",
            unit="short",
            limit=14.4,
            queries=(
                Query(
                    expr="kova:slo_errors:ratio_rate1h / (1 - kova:slo_objective:ratio)",
                    legend="{{slo}}",
                ),
            ),
            note="1 spends a month's allowance of bad events in a month, 14.4 in two days.",
        ),
        Panel(
            title="Requests",
            unit="reqps",
            queries=(
                Query(expr=per_second("kova_http_requests_total", "status"), legend="{{status}}"),
            ),
            note="By status. 5xx are faults of the service.",
        ),
        Panel(
            title="Requests by route",
            unit="reqps",
            queries=(
                Query(
                    expr=per_second("kova_http_requests_total", "method", "route"),
                    legend="{{method}} {{route}}",
                ),
            ),
            note="The route none stands for paths that there are not.",
        ),
        Panel(
            title="Answers: 99 % within",
            unit="s",
            queries=(Query(expr=quantile(0.99, _HTTP, "route"), legend="{{route}}"),),
            note="By route, interpolated in the buckets.",
        ),
        Panel(
            title="/health: 99 % within",
            unit="s",
            limit=0.2,
            queries=(
                Query(expr=quantile(0.99, _HTTP, selector='{route="/health"}'), legend="p99"),
            ),
            note="The objective is 200 ms.",
        ),
        Panel(
            title="Deliveries of GitHub",
            unit="reqps",
            queries=(
                Query(
                    expr=per_second("kova_deliveries_total", "event", "outcome"),
                    legend="{{event}} {{outcome}}",
                ),
                Query(
                    expr=per_second("kova_deliveries_refused_total", "reason"),
                    legend="refused: {{reason}}",
                ),
            ),
            note="Of servers; the webhook function of Lambda counts in CloudWatch alone.",
        ),
        Panel(
            title="Refused by a rate limit",
            unit="reqps",
            queries=(
                Query(expr=per_second("kova_rate_limited_total", "policy"), legend="{{policy}}"),
            ),
            note="By policy.",
        ),
        Panel(
            title="Sources that did not answer the scrape",
            unit="short",
            queries=(Query(expr=latest("kova_scrape_failed", "source"), legend="{{source}}"),),
            note="1 where database, queue or Redis was not there.",
        ),
    ),
)
