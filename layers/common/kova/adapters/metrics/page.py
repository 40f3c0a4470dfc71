"""GET /metrics: the sums of all processes, and gauges measured at the scrape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from kova.adapters.metrics.catalogue import CATALOGUE, READINGS
from kova.adapters.metrics.meter import Sample

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """The values of one of READINGS, for each set of labels."""

    name: str
    values: Mapping[tuple[str, ...], float]


def render(sums: Mapping[Sample, float], gauges: Iterable[Gauge]) -> bytes:
    """Return the page in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_MetricCollector(sums, tuple(gauges)))
    return generate_latest(registry)


class _MetricCollector:
    def __init__(self, sums: Mapping[Sample, float], gauges: tuple[Gauge, ...]) -> None:
        self._by_name: dict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(dict)
        for (name, labels), value in sums.items():
            self._by_name[name][labels] = value
        self._values_by_name = {gauge.name: gauge.values for gauge in gauges}
        if unlisted := self._values_by_name.keys() - {reading.name for reading in READINGS}:
            raise KeyError(*sorted(unlisted))

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for metric in CATALOGUE:
            if metric.buckets:
                yield self._histogram(metric.name, metric.help, metric.labels)
            else:
                yield self._counter(metric.name, metric.help, metric.labels)
        for reading in READINGS:
            kind = CounterMetricFamily if reading.total else GaugeMetricFamily
            family = kind(reading.name, reading.help, labels=reading.labels)
            for labels, value in sorted(self._values_by_name.get(reading.name, {}).items()):
                family.add_metric(labels, value)
            if family.samples:
                yield family

    def _counter(self, name: str, text: str, labels: tuple[str, ...]) -> Metric:
        family = CounterMetricFamily(name, text, labels=labels)
        for pairs, value in sorted(self._by_name[name].items()):
            family.add_metric(_values(labels, pairs), value)
        return family

    def _histogram(self, name: str, text: str, labels: tuple[str, ...]) -> Metric:
        family = HistogramMetricFamily(name, text, labels=labels)
        buckets: dict[tuple[str, ...], list[tuple[str, float]]] = defaultdict(list)
        for label_pairs, value in self._by_name[f"{name}_bucket"].items():
            buckets[_values(labels, label_pairs)].append((dict(label_pairs)["le"], value))
        sums = {_values(labels, key): total for key, total in self._by_name[f"{name}_sum"].items()}
        for key, pairs in sorted(buckets.items()):
            ordered = sorted(pairs, key=lambda pair: float(pair[0]))
            family.add_metric(key, ordered, sum_value=sums.get(key, 0.0))
        return family


def _values(labels: tuple[str, ...], pairs: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    value_by_label = dict(pairs)
    return tuple(value_by_label.get(label, "") for label in labels)
