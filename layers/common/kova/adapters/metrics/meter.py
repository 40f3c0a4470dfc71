"""The meter of one process, over prometheus_client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from kova.adapters.metrics.catalogue import CATALOGUE, Metric

Sample = tuple[str, tuple[tuple[str, str], ...]]
"""A sample's name and its labels, sorted by name."""
_CREATED: Final = "_created"


class PrometheusMeter:
    """Implements shared.meter.Meter. A metric that is not in the catalogue is a KeyError."""

    def __init__(self, catalogue: Iterable[Metric] = CATALOGUE) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._histograms: dict[str, Histogram] = {}
        for metric in catalogue:
            if metric.buckets:
                self._histograms[metric.name] = Histogram(
                    metric.name,
                    metric.help,
                    metric.labels,
                    registry=self._registry,
                    buckets=metric.buckets,
                )
            else:
                self._counters[metric.name] = Counter(
                    metric.name, metric.help, metric.labels, registry=self._registry
                )

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Add to a counter."""
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(amount)

    def observe(self, name: str, value: float, /, **labels: str) -> None:
        """Note one value of a histogram."""
        histogram = self._histograms[name]
        (histogram.labels(**labels) if labels else histogram).observe(value)

    def samples(self) -> dict[Sample, float]:
        """Return every sample of this process as it stands."""
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for metric in self._registry.collect()
            for sample in metric.samples
            if not sample.name.endswith(_CREATED)
        }


class Growth:
    """What a meter has counted since it was last asked."""

    def __init__(self, meter: PrometheusMeter) -> None:
        self._meter = meter
        self._seen: dict[Sample, float] = {}

    def take(self) -> dict[Sample, float]:
        """Return the samples that grew, and by how much."""
        now = self._meter.samples()
        grown = {
            sample: value - self._seen.get(sample, 0.0)
            for sample, value in now.items()
            if value != self._seen.get(sample, 0.0)
        }
        self._seen = now
        return grown
