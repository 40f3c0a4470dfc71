"""Twins of ports in this process's memory: for Redis's bad moments, and for tests."""
