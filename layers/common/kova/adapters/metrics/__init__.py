"""Counts and durations: kept by prometheus_client, summed in Redis, shown at /metrics."""
