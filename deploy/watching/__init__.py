"""What Prometheus records and Grafana draws, as tables; `make export` writes the files."""
