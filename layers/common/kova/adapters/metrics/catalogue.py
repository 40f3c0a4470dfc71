"""Every metric that Kova keeps. Labels are bounded: route templates, never paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_FAST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLOW: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(frozen=True)
class Metric:
    """A counter, or a histogram where it has buckets."""

    name: str
    help: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...] = ()


CATALOGUE: Final = (
    Metric("kova_http_requests_total", "HTTP requests answered.", ("method", "route", "status")),
    Metric(
        "kova_http_request_duration_seconds",
        "Time from request to answer.",
        ("method", "route"),
        _FAST,
    ),
    Metric("kova_deliveries_total", "Webhook deliveries accepted.", ("event", "outcome")),
    Metric("kova_scans_total", "Scans by how they ended.", ("trigger", "outcome")),
    Metric("kova_scan_duration_seconds", "Time of one attempt at a scan.", ("trigger",), _SLOW),
    Metric(
        "kova_fixes_total", "Fixes by strategy and outcome of their proof.", ("strategy", "outcome")
    ),
    Metric(
        "kova_messages_retried_total", "Queue messages put back for another attempt.", ("queue",)
    ),
    Metric("kova_messages_buried_total", "Queue messages given up.", ("queue",)),
    Metric("kova_ai_commands_total", "AI commands by outcome.", ("task", "provider", "outcome")),
    Metric(
        "kova_ai_command_duration_seconds",
        "Time of one AI command.",
        ("task", "provider"),
        _FAST,
    ),
    Metric("kova_ai_refusals_total", "AI commands that a model refused.", ("task", "provider")),
    Metric("kova_ai_cache_requests_total", "Looks into the cache of answers.", ("result",)),
    Metric("kova_ai_calls_total", "Calls of model providers.", ("provider", "outcome")),
    Metric("kova_ai_call_duration_seconds", "Time of one call.", ("provider",), _FAST),
    Metric("kova_ai_fallbacks_total", "Calls of the other provider after a failure.", ("task",)),
    Metric("kova_ai_breaker_changes_total", "Breakers opened and closed.", ("provider", "state")),
    Metric("kova_ai_tokens_total", "Tokens used.", ("provider", "task", "direction")),
    Metric("kova_ai_cost_usd_total", "US dollars spent.", ("provider", "task")),
    Metric("kova_rate_limited_total", "Calls refused by a rate limit.", ("policy",)),
)
