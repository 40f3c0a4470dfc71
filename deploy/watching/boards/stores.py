"""Postgres and Redis."""

from __future__ import annotations

from typing import Final

from deploy.watching.panels import Board, Panel, Query, hit_share, latest, per_second, quantile

_STATEMENTS: Final = "kova_database_statement_duration_seconds"
_REDIS: Final = "kova_redis_call_duration_seconds"

STORES: Final = Board(
    name="kova-stores",
    title="Kova: database and cache",
    note="Are Postgres and Redis fast, and is there room.",
    panels=(
        Panel(
            title="Statements: 99 % within",
            unit="s",
            limit=0.1,
            queries=(Query(expr=quantile(0.99, _STATEMENTS, "database"), legend="{{database}}"),),
            note="The objective is 100 ms.",
        ),
        Panel(
            title="Statements",
            unit="cps",
            queries=(
                Query(expr=per_second(f"{_STATEMENTS}_count", "database"), legend="{{database}}"),
            ),
            note="Those of /health and of the scrape among them.",
        ),
        Panel(
            title="Connections of everybody",
            unit="short",
            queries=(
                Query(expr=latest("kova_database_connections_used"), legend="used"),
                Query(expr=latest("kova_database_connections_limit"), legend="limit"),
            ),
            note="To the database that the instance reads.",
        ),
        Panel(
            title="Connections of each instance",
            unit="short",
            queries=(
                Query(
                    expr=latest("kova_database_connections", "instance", "state"),
                    legend="{{instance}} {{state}}",
                ),
            ),
            note="Open ones, and those of them that are free.",
        ),
        Panel(
            title="Size of the database",
            unit="bytes",
            queries=(Query(expr=latest("kova_database_size_bytes"), legend="size"),),
            note="On disk.",
        ),
        Panel(
            title="Redis: 99 % within",
            unit="s",
            limit=0.01,
            queries=(Query(expr=quantile(0.99, _REDIS), legend="p99"),),
            note="The objective is 10 ms.",
        ),
        Panel(
            title="Memory of Redis",
            unit="bytes",
            queries=(
                Query(expr=latest("kova_redis_memory_used_bytes"), legend="used"),
                Query(expr=latest("kova_redis_memory_limit_bytes"), legend="limit"),
            ),
            note="No limit is shown where there is none.",
        ),
        Panel(
            title="Keys removed",
            unit="cps",
            queries=(
                Query(expr=per_second("kova_redis_evicted_keys_total"), legend="to make room"),
                Query(expr=per_second("kova_redis_expired_keys_total"), legend="time over"),
            ),
            note="To make room: Redis is too small.",
        ),
        Panel(
            title="Keys of Redis found",
            unit="cps",
            queries=(
                Query(expr=per_second("kova_redis_keyspace_hits_total"), legend="found"),
                Query(expr=per_second("kova_redis_keyspace_misses_total"), legend="not found"),
            ),
            note="Of everything that is read, rate limits among it.",
        ),
        Panel(
            title="Hits of the caches",
            unit="percentunit",
            limit=0.8,
            queries=(
                Query(expr=hit_share("kova_key_cache_requests_total"), legend="API keys"),
                Query(expr='1 - kova:slo_errors:ratio_rate1h{slo="cache"}', legend="all, 1 h"),
            ),
            note="The objective is 80 % of keys and answers together.",
        ),
        Panel(
            title="Connections to Redis",
            unit="short",
            queries=(Query(expr=latest("kova_redis_clients"), legend="clients"),),
            note="Of everybody.",
        ),
    ),
)
