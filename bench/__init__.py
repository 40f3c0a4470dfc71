"""Measurements: `make bench` and the commands that the documents name."""
