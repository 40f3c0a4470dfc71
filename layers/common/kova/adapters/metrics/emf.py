"""Counts as CloudWatch metrics: one line of Embedded Metric Format for each set of labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from kova.adapters.cloudwatch import NAMESPACE, SERVICE
from kova.adapters.metrics.meter import Sample

# The shape of a histogram stays in Prometheus: CloudWatch gets sums and numbers of values.
_LEFT_OUT: Final = "_bucket"


def write(deltas: Mapping[Sample, float]) -> None:
    """Print the counts of one invocation to standard output, where CloudWatch reads them."""
    groups: dict[tuple[tuple[str, str], ...], list[tuple[str, float]]] = defaultdict(list)
    for (name, labels), value in deltas.items():
        if not name.endswith(_LEFT_OUT):
            groups[labels].append((name, value))
    for labels, values in groups.items():
        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        for label, text in labels:
            metrics.add_dimension(name=label, value=text or "none")
        for name, amount in values:
            unit = MetricUnit.Seconds if name.endswith("_seconds_sum") else MetricUnit.Count
            metrics.add_metric(name=name, unit=unit, value=amount)
        metrics.flush_metrics()
