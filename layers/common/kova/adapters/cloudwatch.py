"""One count as a CloudWatch metric, for a function whose cold start may import no metrics."""

from __future__ import annotations

import json
import sys
import time
from typing import Final

NAMESPACE: Final = "Kova"
SERVICE: Final = "kova"


def write_count(name: str, /, **labels: str) -> None:
    """Print a line of Embedded Metric Format that counts 1.

    Lambda sends standard output to CloudWatch Logs, which makes a metric of the line; nothing is
    called and nothing can fail. The dimensions are those of kova.adapters.metrics.emf: the service
    and the labels. The format:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = {
        "Namespace": NAMESPACE,
        "Dimensions": [["service", *labels]],
        "Metrics": [{"Name": name, "Unit": "Count"}],
    }
    timestamp = round(time.time() * 1000)
    line = {
        "_aws": {"Timestamp": timestamp, "CloudWatchMetrics": [metrics]},
        "service": SERVICE,
        **labels,
        name: 1,
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
