"""Every metric that Kova keeps. Labels are bounded: route templates, never paths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# What an objective promises is a bound of its own: 0.2 s of /health and 2 s of an AI command,
# 0.1 s of a statement, 0.01 s of Redis (docs/watching.md).
_FAST: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0)
_STORE: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_SLOW: Final = (0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_WAIT: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0)


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
    Metric("kova_deliveries_refused_total", "Webhook deliveries refused.", ("reason",)),
    Metric("kova_redeliveries_total", "Webhook deliveries asked for again.", ("outcome",)),
    Metric("kova_scans_total", "Scans by how they ended.", ("trigger", "outcome")),
    Metric("kova_scan_duration_seconds", "Time of one attempt at a scan.", ("trigger",), _SLOW),
    Metric(
        "kova_fixes_total", "Fixes by strategy and outcome of their proof.", ("strategy", "outcome")
    ),
    Metric("kova_messages_done_total", "Queue messages whose job is done.", ("queue",)),
    Metric(
        "kova_messages_retried_total", "Queue messages put back for another attempt.", ("queue",)
    ),
    Metric("kova_messages_buried_total", "Queue messages given up.", ("queue",)),
    Metric(
        "kova_message_wait_seconds",
        "Time from sending a message to its first receipt.",
        ("queue",),
        _WAIT,
    ),
    Metric("kova_worker_polls_total", "Answers of queues to workers in containers.", ("queue",)),
    Metric("kova_ai_commands_total", "AI commands by outcome.", ("task", "provider", "outcome")),
    Metric(
        "kova_ai_command_duration_seconds",
        "Time of one AI command.",
        ("task", "provider"),
        _FAST,
    ),
    Metric(
        "kova_ai_command_own_seconds",
        "Time of one AI command less what was spent waiting for model providers.",
        ("task",),
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
    Metric(
        "kova_notices_total",
        "Attempts to tell people of something, by what it is and how they ended.",
        ("kind", "outcome"),
    ),
    Metric(
        "kova_chat_events_total", "Events of Slack by how they were taken.", ("kind", "outcome")
    ),
    Metric("kova_rate_limited_total", "Calls refused by a rate limit.", ("policy",)),
    Metric("kova_key_cache_requests_total", "Looks for a valid API key in Redis.", ("result",)),
    Metric(
        "kova_database_statement_duration_seconds",
        "Time of one statement in the database.",
        ("database",),
        _STORE,
    ),
    Metric(
        "kova_redis_call_duration_seconds",
        "Time of one command of Redis; transactions are not timed.",
        (),
        _STORE,
    ),
)


@dataclass(frozen=True)
class Reading:
    """What is measured at the scrape; where `total`, a number that only grows."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    total: bool = False


READINGS: Final = (
    Reading("kova_open_errors", "Open errors of all repositories.", ("severity",)),
    Reading(
        "kova_oldest_queued_scan_age_seconds",
        "How long the scan that was due first has waited for a worker.",
    ),
    Reading("kova_budget_limit_usd", "US dollars that a month may cost, where there is a limit."),
    Reading("kova_budget_spent_usd", "US dollars spent and reserved in this month (UTC)."),
    Reading("kova_database_connections", "This process's connections to the database.", ("state",)),
    Reading("kova_database_connections_limit", "Connections that the server allows in all."),
    Reading("kova_database_connections_used", "Connections to the server, of everybody."),
    Reading("kova_database_size_bytes", "Size of the database on disk."),
    Reading(
        "kova_queue_messages",
        "Messages by queue and state; dead are those given up.",
        ("queue", "state"),
    ),
    Reading("kova_redis_memory_used_bytes", "Memory that Redis uses."),
    Reading("kova_redis_memory_limit_bytes", "Memory that Redis may use, where there is a limit."),
    Reading("kova_redis_clients", "Connections to Redis, of everybody."),
    Reading("kova_redis_evicted_keys_total", "Keys that Redis removed to make room.", total=True),
    Reading("kova_redis_expired_keys_total", "Keys whose time was over.", total=True),
    Reading("kova_redis_keyspace_hits_total", "Reads that found their key.", total=True),
    Reading("kova_redis_keyspace_misses_total", "Reads that did not find their key.", total=True),
    Reading("kova_scrape_failed", "1 where a source of readings did not answer.", ("source",)),
    Reading(
        "kova_metrics_common",
        "1 where counters are the sums of all processes, 0 where of this one alone.",
    ),
)
