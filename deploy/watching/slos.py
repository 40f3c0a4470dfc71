"""The objectives of the service, and the recording rules that measure how far they are missed.

Every process shows the sums of all of them (docs/adr/0010): a query takes the maximum over the
instances, never their sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PAGE: Final = Path("deploy/prometheus/rules/slos.yml")
# The windows that the alerts on burn rates compare, long and short ones:
# https://sre.google/workbook/alerting-on-slos/
WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, kw_only=True)
class Slo:
    """One objective.

    Attributes:
        name: the value of the label `slo`.
        promise: what is promised, for people.
        objective: the share of events that must be good, over 30 days.
        events: selectors of the counters of all events.
        good: selectors of the counters of good events; or
        bad: of bad ones.
    """

    name: str
    promise: str
    objective: float
    events: tuple[str, ...]
    good: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()

    def bad_share(self, window: str) -> str:
        """Return the expression of the share of bad events in a window."""
        events = _rate(self.events, window)
        # A counter that never moved is not there: then there was none of these events.
        counted = f"({_rate(self.bad or self.good, window)} or 0 * {events})"
        share = f"{counted} / {events}"
        return share if self.bad else f"1 - {share}"


def _rate(selectors: tuple[str, ...], window: str) -> str:
    rates = [f"max without (instance) (rate({selector}[{window}]))" for selector in selectors]
    if len(rates) == 1:
        return f"sum({rates[0]})"
    labelled = [
        f'label_replace(sum({rate}), "part", "{number}", "", "")'
        for number, rate in enumerate(rates)
    ]
    return f"sum({' or '.join(labelled)})"


def _within(name: str, labels: str, bound: str) -> dict[str, tuple[str, ...]]:
    inner = f"{labels}," if labels else ""
    return {
        "events": (f"{name}_count{{{labels}}}" if labels else f"{name}_count",),
        "good": (f'{name}_bucket{{{inner}le="{bound}"}}',),
    }


SLOS: Final = (
    Slo(
        name="requests",
        promise="99.9 % of all requests are answered without a fault of the service",
        objective=0.999,
        events=('kova_http_requests_total{route!="/metrics"}',),
        bad=('kova_http_requests_total{route!="/metrics",status=~"5.."}',),
    ),
    Slo(
        name="health",
        promise="99 % of the answers of /health come within 200 ms",
        objective=0.99,
        **_within("kova_http_request_duration_seconds", 'route="/health"', "0.2"),
    ),
    Slo(
        name="ai",
        promise="99 % of the AI commands take Kova itself less than 2 s, the providers left out",
        objective=0.99,
        **_within("kova_ai_command_own_seconds", "", "2.0"),
    ),
    Slo(
        name="database",
        promise="99 % of the statements take the database less than 100 ms",
        objective=0.99,
        **_within("kova_database_statement_duration_seconds", "", "0.1"),
    ),
    Slo(
        name="redis",
        promise="99 % of the calls of Redis take less than 10 ms",
        objective=0.99,
        **_within("kova_redis_call_duration_seconds", "", "0.01"),
    ),
    Slo(
        name="cache",
        promise="80 % of the looks into the caches of keys and answers are hits",
        objective=0.8,
        events=("kova_key_cache_requests_total", "kova_ai_cache_requests_total"),
        good=(
            'kova_key_cache_requests_total{result="hit"}',
            'kova_ai_cache_requests_total{result="hit"}',
        ),
    ),
)


def render() -> str:
    """Return the file of recording rules."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "# Made from deploy/watching/slos.py by `make export`; `make check` holds it."
    yield "groups:"
    yield "  - name: kova-slo-objectives"
    yield "    rules:"
    for slo in SLOS:
        yield f"      # {slo.promise}"
        yield from _rule("kova:slo_objective:ratio", f"vector({slo.objective})", slo.name)
    # Up is no count of requests: a service that is gone counts none.
    yield "      # 99.9 % of the scrapes are answered"
    yield from _rule("kova:slo_objective:ratio", "vector(0.999)", "up")
    yield "  - name: kova-up"
    yield "    rules:"
    yield "      - record: kova:up:max"
    yield '        expr: max by (job) (up{job="kova"})'
    for window in WINDOWS:
        yield f"  - name: kova-slo-errors-{window}"
        yield "    rules:"
        record = f"kova:slo_errors:ratio_rate{window}"
        for slo in SLOS:
            yield from _rule(record, slo.bad_share(window), slo.name)
        expression = f"1 - max without (job) (avg_over_time(kova:up:max[{window}]))"
        yield from _rule(record, expression, "up")


def _rule(record: str, expression: str, slo: str) -> Iterator[str]:
    yield f"      - record: {record}"
    yield f"        expr: '{expression}'"
    yield f"        labels: {{slo: {slo}}}"
