"""AI and money."""

from __future__ import annotations

from typing import Final

from deploy.watching.panels import (
    Board,
    Panel,
    Query,
    grown,
    hit_share,
    latest,
    per_second,
    quantile,
)

_OWN: Final = "kova_ai_command_own_seconds"

AI: Final = Board(
    name="kova-ai",
    title="Kova: AI and money",
    note="What is asked of models, what it costs, and what fails.",
    panels=(
        Panel(
            title="Money of this month",
            unit="currencyUSD",
            kind="number",
            queries=(
                Query(expr=latest("kova_budget_spent_usd"), legend="spent and reserved"),
                Query(expr=latest("kova_budget_limit_usd"), legend="limit"),
            ),
            note="KOVA_MONTHLY_BUDGET_USD; months are those of UTC.",
        ),
        Panel(
            title="Spent in 24 hours",
            unit="currencyUSD",
            queries=(
                Query(
                    expr=grown("kova_ai_cost_usd_total", "24h", "provider", "task"),
                    legend="{{provider}} {{task}}",
                ),
            ),
            note="By provider and task.",
        ),
        Panel(
            title="Tokens",
            unit="short",
            queries=(
                Query(
                    expr=per_second("kova_ai_tokens_total", "provider", "direction"),
                    legend="{{provider}} {{direction}}",
                ),
            ),
            note="A second.",
        ),
        Panel(
            title="Commands",
            unit="cps",
            queries=(
                Query(
                    expr=per_second("kova_ai_commands_total", "task", "outcome"),
                    legend="{{task}} {{outcome}}",
                ),
            ),
            note="By outcome; each but ok is a failure with a reason.",
        ),
        Panel(
            title="Kova's own time: 99 % within",
            unit="s",
            limit=2,
            queries=(Query(expr=quantile(0.99, _OWN, "task"), legend="{{task}}"),),
            note="Without the providers' time. The objective is 2 s.",
        ),
        Panel(
            title="Commands: 95 % within",
            unit="s",
            queries=(
                Query(
                    expr=quantile(0.95, "kova_ai_command_duration_seconds", "task", "provider"),
                    legend="{{task}} {{provider}}",
                ),
            ),
            note="The providers' time included.",
        ),
        Panel(
            title="Calls of providers",
            unit="cps",
            queries=(
                Query(
                    expr=per_second("kova_ai_calls_total", "provider", "outcome"),
                    legend="{{provider}} {{outcome}}",
                ),
                Query(
                    expr=per_second("kova_ai_fallbacks_total", "task"), legend="fallback {{task}}"
                ),
                Query(expr=per_second("kova_ai_refusals_total", "task"), legend="refused {{task}}"),
            ),
            note="A fallback is a call of the other provider after a failure.",
        ),
        Panel(
            title="Calls of providers: 95 % within",
            unit="s",
            queries=(
                Query(
                    expr=quantile(0.95, "kova_ai_call_duration_seconds", "provider"),
                    legend="{{provider}}",
                ),
            ),
            note="Until the answer's end.",
        ),
        Panel(
            title="Breakers",
            unit="short",
            queries=(
                Query(
                    expr=grown("kova_ai_breaker_changes_total", "1h", "provider", "state"),
                    legend="{{provider}} {{state}}",
                ),
            ),
            note="Opened and closed in an hour.",
        ),
        Panel(
            title="Answers from the cache",
            unit="percentunit",
            queries=(Query(expr=hit_share("kova_ai_cache_requests_total"), legend="hits"),),
            note="The same question twice costs nothing.",
        ),
    ),
)
